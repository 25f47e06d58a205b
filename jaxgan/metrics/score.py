"""Inception score: how sure a classifier is of each example, and how evenly the classes come."""

from collections.abc import Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, flat, kept, linearised, of_parts


def inception_score(splits: int = 10, name: str = "inception_score") -> Metric:
    """exp(E KL(p(y | x) || p(y))) of class logits [n, K], or of log-probabilities.

    Salimans et al., 2016: from 1, where all examples are the same to the classifier, to K, where it is sure
    of each and all classes are as frequent. The headline is the literature's mean over splits, into which
    examples are drawn as torch-fidelity does; "..._whole" is of all at once, and a little higher, for a score
    is the further too low the fewer its examples. With a classifier other than Inception, call it by another
    name.

    The headline's interval is that of the mean of its splits, by Student's t; the whole's comes of its
    logarithm, on which an example's influence is its own divergence.

    >>> from jaxgan.metrics.metric import measured
    >>> sure = 1000 * np.eye(4)[np.arange(80) % 4]
    >>> round(measured(inception_score(), [sure])["inception_score_whole"].value, 9)
    4.0
    """

    if splits < 2:
        raise Refused(f"a score is the mean over 2 splits or more, not {splits}")

    def compute(logits: np.ndarray) -> Mapping[str, Estimate]:
        if logits.ndim != 2:
            raise Refused(f"a score is of logits [n, K], not of an array of shape {logits.shape}")
        logits = flat(logits)
        if len(logits) < 2 * splits:
            raise Refused(
                f"a score over {splits} splits needs {2 * splits} examples or more, not {len(logits)}"
            )
        order = np.random.RandomState(2020).permutation(len(logits))
        parts = [order[i * len(order) // splits : (i + 1) * len(order) // splits] for i in range(splits)]
        scores = np.array([np.exp(_divergence(logits[part]).mean()) for part in parts])
        divergence, classes = _divergence(logits), logits.shape[1]
        whole = float(np.exp(divergence.mean()))
        return {
            name: of_parts(float(scores.mean()), scores, 1.0, classes),
            f"{name}_whole": linearised(whole, whole * divergence, 1.0, classes),
        }

    return kept(compute)


def _divergence(logits: np.ndarray) -> np.ndarray:
    """KL(p(y | x) || p(y)) of every example [n], in float64."""
    log_p = logits.astype(np.float64)  # 400 MB of 50,000 examples and 1,008 classes: changed where it lies
    log_p -= log_p.max(axis=1, keepdims=True)
    log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    p = np.exp(log_p)
    log_p -= np.log(np.maximum(p.mean(axis=0), np.finfo(p.dtype).tiny))  # there may be none of a class
    return np.einsum("nk,nk->n", p, log_p)
