"""Inception score: how certain a classifier is of each example, and how evenly the classes occur."""

from collections.abc import Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, collect_then, flatten, jackknife, t_interval


def inception_score(splits: int = 10, name: str = "inception_score") -> Metric:
    """Returns exp(E KL(p(y | x) || p(y))) of class logits [n, K], or of log-probabilities.

    Salimans et al., 2016: from 1, if the classifier does not distinguish examples, to K, if it is certain of
    each and all classes are equally frequent. `name` is the literature's mean over splits, drawn as in
    torch-fidelity; "NAME_whole" is the score of all examples at once. That is a little higher, since a score
    is biased downwards, more so the fewer its examples. Give another name with a classifier other than
    Inception.

    The interval of the mean over splits is by Student's t; that of the whole by the influence of examples on
    its logarithm, which is their own divergence.

    >>> from jaxgan.metrics.metric import compute_metric
    >>> sure = 1000 * np.eye(4)[np.arange(80) % 4]
    >>> round(compute_metric(inception_score(), [sure])["inception_score_whole"].value, 9)
    4.0
    """

    if splits < 2:
        raise Refused(f"a class score needs at least 2 splits, not {splits}")

    def compute(logits: np.ndarray) -> Mapping[str, Estimate]:
        if logits.ndim != 2:
            raise Refused(f"a class score needs logits [n, K], not an array of shape {logits.shape}")
        logits = flatten(logits)
        if len(logits) < 2 * splits:
            raise Refused(
                f"a class score of {splits} splits needs at least {2 * splits} examples, not {len(logits)}"
            )
        order = np.random.RandomState(2020).permutation(len(logits))
        parts = [order[i * len(order) // splits : (i + 1) * len(order) // splits] for i in range(splits)]
        scores = np.array([np.exp(_divergence(logits[part]).mean()) for part in parts])
        divergence, classes = _divergence(logits), logits.shape[1]
        whole = float(np.exp(divergence.mean()))
        return {
            name: t_interval(float(scores.mean()), scores, 1.0, classes),
            f"{name}_whole": jackknife(whole, whole * divergence, 1.0, classes),
        }

    return collect_then(compute)


def _divergence(logits: np.ndarray) -> np.ndarray:
    """Returns KL(p(y | x) || p(y)) of every example [n], in float64."""
    log_p = logits.astype(np.float64)  # 400 MB for 50,000 examples and 1,008 classes: changed in place
    log_p -= log_p.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    p = np.exp(log_p)
    log_p -= np.log(np.maximum(p.mean(axis=0), np.finfo(p.dtype).tiny))  # a class may not occur
    return np.einsum("nk,nk->n", p, log_p)
