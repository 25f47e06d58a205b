"""Memorisation: whether samples are nearer to the training examples than fresh draws of the data are."""

from collections.abc import Callable, Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import (
    QUANTILE,
    Estimate,
    Metric,
    bootstrap,
    collect_then,
    excess,
    interval,
    resamples,
    share,
)
from jaxgan.metrics.nearest import BLOCK, features, nearest

REPLICATES = 200
FRESH = {"train_share": 0.5, "copies": 0.0, "data_copying": 0.5, "repeats": 0.01}
"""The scores of fresh draws of the data; that of repeats for at least MANY examples."""
MANY = 200
"""Fewer examples have more repeats by chance."""


def memorisation(train: np.ndarray, held_out: np.ndarray, block: int = BLOCK) -> Metric:
    """Returns four numbers that compare samples with the training [N, D] and the held-out features [H, D].

    - data_copying: the probability that a sample is nearer to its nearest training example than a held-out
      example to its own: 0.5 for fresh draws, 1 for copies. It is the statistic of the Mann-Whitney test of
      Meehan et al. (2020), without their cells. Low quality lowers it, and low diversity raises it.
    - train_share: the share of samples whose nearest example is in the training set rather than in a held-out
      set of the same size: 0.5 for any samples made without knowing the sets, good or bad, since then any
      example is equally likely to be the nearest. As the sets differ in size, the samples nearest to each
      example are counted, and the two means per example compared.
    - copies: the share of samples less than a third as far from their nearest training example as from the
      next (Yoon et al., 2023), or at distance 0, less the same share of held-out examples: 0 for fresh draws.
      Of an example that the training set contains twice only exact copies count.
    - repeats: the share of samples that have another one nearer than 99 % of as many training examples have:
      about 0.01 for fresh draws, which the interval of a few hundred samples misses in one of six trials. For
      fewer than 200 it is higher: 0.02 for 100, 0.09 for 20.

    The intervals do not cover another draw of the training examples: all distances are fixed. That of
    data_copying is by bootstrap over samples and held-out examples, and that of copies is of a difference of
    shares. That of repeats is by bootstrap over samples and training examples, half as many at a time, since
    two near each other come as a pair. That of train_share is its variation as training and held-out examples
    are shuffled, each keeping the samples nearest to it: so a thousand equal samples count as one.

    >>> random = np.random.RandomState(0)
    >>> train, held_out = random.normal(size=(300, 8)), random.normal(size=(200, 8))
    >>> numbers = memorisation(train, held_out).compute((train[:100] + 1e-3,))
    >>> numbers["data_copying"].value, numbers["train_share"].value, round(numbers["copies"].value, 2)
    (1.0, 1.0, 1.0)
    """
    train = features(train, "training")
    held_out = features(held_out, "held-out", train)
    if min(len(train), len(held_out)) < 2:
        raise Refused(
            f"memorisation needs two training and two held-out examples, not {len(train)} and {len(held_out)}"
        )
    held_out_distances = nearest(held_out, train, 2, block)[1]

    def compute(generated: np.ndarray) -> Mapping[str, Estimate]:
        generated = features(generated, "generated", train)
        if len(generated) < 2:
            raise Refused("memorisation needs two generated examples, not 1")
        index, distances = nearest(generated, train, 2, block)
        held_out_index, to_held_out = nearest(generated, held_out, 1, block)
        closer = (1 + np.sign(to_held_out[:, 0] - distances[:, 0])) / 2  # 1/2 if both are equally near
        train_counts = np.bincount(index[:, 0], closer, minlength=len(train))
        held_out_counts = np.bincount(held_out_index[:, 0], 1 - closer, minlength=len(held_out))
        size = min(len(generated), len(train))
        to_next, train_to_next = (
            nearest(x, x, 2, block)[1][:, 1] for x in (_subsample(generated, size), _subsample(train, size))
        )
        return {
            "data_copying": _bootstrap_two_samples(_share_nearer, distances[:, 0], held_out_distances[:, 0]),
            "train_share": _train_share(train_counts, held_out_counts),
            "copies": excess(_is_copy(distances), _is_copy(held_out_distances)),
            "repeats": _bootstrap_two_samples(_share_repeated, to_next, train_to_next, together=2),
        }

    return collect_then(compute)


def _bootstrap_two_samples(
    statistic: Callable[[np.ndarray, np.ndarray], float], x: np.ndarray, y: np.ndarray, together: int = 1
) -> Estimate:
    rows = zip(resamples(len(x), REPLICATES, seed=0), resamples(len(y), REPLICATES, seed=1), strict=True)
    replicates = [statistic(x[i[::together]], y[j[::together]]) for i, j in rows]
    estimate = bootstrap(statistic(x, y), replicates, 0.0, 1.0)
    if estimate.low < estimate.high:
        return estimate
    # equal in all resamples, which does not make it certain
    return share(np.full(min(len(x), len(y)), estimate.value), together)


def _share_nearer(x: np.ndarray, y: np.ndarray) -> float:
    """Returns the share of pairs in which x is smaller; equal ones count half."""
    y = np.sort(y)
    not_above = np.searchsorted(y, x, side="left") + np.searchsorted(y, x, side="right")
    return float(1 - not_above.mean() / (2 * len(y)))


def _is_copy(distances: np.ndarray) -> np.ndarray:
    return (3 * distances[:, 0] < distances[:, 1]) | (distances[:, 0] == 0)


def _share_repeated(x: np.ndarray, y: np.ndarray) -> float:
    # "weibull" places another draw of y below the quantile in 1 % of cases, given 99 or more y
    return float((x <= np.quantile(y, 0.01, method="weibull")).mean())


def _train_share(train_counts: np.ndarray, held_out_counts: np.ndarray) -> Estimate:
    """Returns the mean count of samples per training example over the sum of the means of both sets."""
    counts = np.concatenate([train_counts, held_out_counts])
    train_mean, held_out_mean = train_counts.mean(), held_out_counts.mean()
    # the share, linearised: the difference of two means of shuffled counts, over four times their mean
    variance = counts.var(ddof=1) * (1 / len(train_counts) + 1 / len(held_out_counts))
    reach = QUANTILE * float(np.sqrt(variance) / (4 * counts.mean()))
    return interval(float(train_mean / (train_mean + held_out_mean)), reach, 0.0, 1.0)


def _subsample(x: np.ndarray, size: int) -> np.ndarray:
    return x[np.random.RandomState(0).permutation(len(x))[:size]]
