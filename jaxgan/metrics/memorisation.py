"""Memorisation: whether samples are nearer to the training examples than chance would bring them."""

from collections.abc import Callable, Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import QUANTILE, Estimate, Metric, around, estimate, excess, kept, resamples, share
from jaxgan.metrics.nearest import BLOCK, features, nearest

REPLICATES = 200
FRESH = {"train_share": 0.5, "copies": 0.0, "data_copying": 0.5, "repeats": 0.01}
"""What fresh draws of the data score, repeats if they are MANY."""
MANY = 200
"""Fewer examples repeat more often by chance."""


def memorisation(train: np.ndarray, held_out: np.ndarray, block: int = BLOCK) -> Metric:
    """What samples have of the training features [N, D] and not of the held-out ones [H, D].

    - data_copying: how probably a sample lies nearer to its nearest training example than a held-out example
      to its own: 0.5 for fresh draws, 1 for copies. It is what the Mann-Whitney test of Meehan et al. (2020)
      tests, without their cells. Samples of low quality lower it, and samples of little diversity raise it.
    - train_share: how often, of a training and a held-out set of one size, the training set holds a sample's
      nearest example: 0.5 for all that was made without knowing which was which, good or bad, since then any
      example is as likely to be the nearest. Of sets as they are, the larger would hold more for its size
      alone; so the samples nearest to each example are counted, and the two means per example compared.
    - copies: the share of samples less than a third as far from their nearest training example as from the
      next (Yoon et al., 2023), or at no distance at all, less the share of held-out examples of which that is
      true: 0 for fresh draws. Of an example that the training set holds twice only exact copies count.
    - repeats: the share of samples that have another one nearer than 99 % of as many training examples have:
      about 0.01 for fresh draws, which the interval of a few hundred samples misses in one of six trials. Of
      fewer than 200 it is more: 0.02 of 100, 0.09 of 20.

    All distances stay as they are: what another draw of the training examples would have changed is not in
    the intervals. That of data_copying is by bootstrap over samples and held-out examples, and that of copies
    of a difference of shares. That of repeats is by bootstrap over samples and training examples, half as
    many at a time, since two that are near each other come as a pair. That of train_share is as wide as it
    varies where training and held-out examples are shuffled, each keeping the samples nearest to it: so a
    thousand samples that are all alike are evidence of no more than one.

    >>> draw = np.random.RandomState(0)
    >>> train, held_out = draw.normal(size=(300, 8)), draw.normal(size=(200, 8))
    >>> copied = train[:100] + 1e-3
    >>> found = memorisation(train, held_out).compute((copied,))
    >>> found["data_copying"].value, found["train_share"].value, round(found["copies"].value, 2)
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
        numbers, distances = nearest(generated, train, 2, block)
        others, other_distances = nearest(generated, held_out, 1, block)
        size = min(len(generated), len(train))
        apart, train_apart = (
            nearest(some, some, 2, block)[1][:, 1] for some in (_some(generated, size), _some(train, size))
        )
        return {
            "data_copying": _between(_nearer, distances[:, 0], held_out_distances[:, 0]),
            "train_share": _share(
                numbers[:, 0], distances[:, 0], len(train), others[:, 0], other_distances[:, 0], len(held_out)
            ),
            "copies": excess(_copied(distances), _copied(held_out_distances)),
            "repeats": _between(_repeated, apart, train_apart, together=2),
        }

    return kept(compute)


def _between(
    statistic: Callable[[np.ndarray, np.ndarray], float], x: np.ndarray, y: np.ndarray, together: int = 1
) -> Estimate:
    drawn = zip(resamples(len(x), REPLICATES, seed=0), resamples(len(y), REPLICATES, seed=1), strict=True)
    again = [statistic(x[i[::together]], y[j[::together]]) for i, j in drawn]
    found = estimate(statistic(x, y), again, 0.0, 1.0)
    if found.low < found.high:
        return found
    # the same in any draw, which does not make it certain
    return share(np.full(min(len(x), len(y)), found.value), together)


def _nearer(x: np.ndarray, y: np.ndarray) -> float:
    """The share of pairs in which x is the smaller; equal ones count half."""
    y = np.sort(y)
    not_above = np.searchsorted(y, x, side="left") + np.searchsorted(y, x, side="right")
    return float(1 - not_above.mean() / (2 * len(y)))


def _copied(distances: np.ndarray) -> np.ndarray:
    return (3 * distances[:, 0] < distances[:, 1]) | (distances[:, 0] == 0)


def _repeated(x: np.ndarray, y: np.ndarray) -> float:
    # "weibull" places another draw of y below the quantile in 1 % of cases, where there are 99 or more y
    return float((x <= np.quantile(y, 0.01, method="weibull")).mean())


def _share(
    numbers: np.ndarray,
    distances: np.ndarray,
    n: int,
    others: np.ndarray,
    other_distances: np.ndarray,
    h: int,
) -> Estimate:
    """The mean count of samples per training example, over that plus the mean count per held-out example."""
    won = (1 + np.sign(other_distances - distances)) / 2  # 1/2 where both are equally near
    of_train = np.bincount(numbers, won, minlength=n)
    of_held_out = np.bincount(others, 1 - won, minlength=h)
    of_any = np.concatenate([of_train, of_held_out])
    value = float(of_train.mean() / (of_train.mean() + of_held_out.mean()))
    # the difference of two means of shuffled counts, over four times their mean: the share, linearised
    reach = QUANTILE * float(np.sqrt(of_any.var(ddof=1) * (1 / n + 1 / h)) / (4 * of_any.mean()))
    return around(value, reach, 0.0, 1.0)


def _some(x: np.ndarray, size: int) -> np.ndarray:
    return x[np.random.RandomState(0).permutation(len(x))[:size]]
