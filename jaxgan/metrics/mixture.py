"""How well samples cover modes that are known: which of them, how evenly, and how exactly each."""

from collections.abc import Mapping, Sequence
from math import exp, inf, log, nan, sqrt
from typing import NamedTuple

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, estimate, kept, resamples, share

WITHIN = 1 - exp(-4.5)  # what 3 sigma hold in two dimensions
TEN_SIGMA = 10.0
"""The radius, in sigmas, of what is published on ten Gaussians in 1200 dimensions (Srivastava et al., 2017).
Where sigma is that of one coordinate, as here, it holds nothing of a mode: in 700 dimensions its examples lie
about 26.5 away."""
RESAMPLES = 200
FEW = 30
"""Of fewer samples, that their resamples do not vary is no certainty."""


def mode_coverage(
    samples: np.ndarray,
    centres: np.ndarray,
    sigma: float,
    dimensions: int | None = None,
    weights: np.ndarray | None = None,
    radius: float | None = None,
) -> dict[str, float]:
    """Modes found, and how evenly and exactly samples lie around them: samples [N, D], centres [K, D].

    A sample is of high quality within 3 sigma of its nearest centre, and a mode counts with one such sample
    (Srivastava et al., 2017). The rest is of the samples of high quality. "reverse_kl" is KL(q || w) of their
    modes' shares q, where w are the `weights` [K] of the modes, by default all 1/K; "imbalance" the total
    variation sum |q - w| / 2. Of none they are as large as can be, log 1/min w and 1 - min w. "width" is the
    median over modes, "width_min" the least, of the spread around the mode's own mean, to that of a perfect
    sampler; 0 where no mode has two. `perfect` says what such a one scores.

    In `dimensions` other than 2 (D as it stands; less where the noise fills a subspace only) the radius is
    sigma times the 98.89 % quantile of a chi variable, so that a perfect sampler scores the same; `radius`
    is another one in sigmas, as `TEN_SIGMA`.

    >>> centres = np.array([[0.0, 0.0], [9.0, 0.0]])
    >>> mode_coverage(np.array([[0.0, 2.9], [0.0, 3.1]]), centres, sigma=1.0)["high_quality"]
    0.5
    """
    return _nearest(samples, centres, sigma, dimensions, weights, radius).numbers()


def covering(
    centres: np.ndarray,
    sigma: float,
    dimensions: int | None = None,
    weights: np.ndarray | None = None,
    radius: float | None = None,
) -> Metric:
    """`mode_coverage` with intervals, as a metric of samples that come in blocks.

    By bootstrap, but for the share of high quality.

    >>> from jaxgan.metrics.metric import measured
    >>> one = covering(np.zeros((1, 2)), sigma=1.0)
    >>> measured(one, [np.zeros((3, 2)), np.full((1, 2), 9.0)])["high_quality"].value
    0.75
    """

    def compute(samples: np.ndarray) -> Mapping[str, Estimate]:
        near = _nearest(samples, centres, sigma, dimensions, weights, radius)
        again = [near.at(rows).numbers() for rows in resamples(len(near.mode), RESAMPLES)]
        hits = near.mode < near.modes
        found = with_intervals(near.numbers(), again, near.weights, int(hits.sum()))
        return {**found, "high_quality": share(hits)}

    return kept(compute)


def with_intervals(
    found: Mapping[str, float], again: Sequence[Mapping[str, float]], weights: np.ndarray, near: int
) -> dict[str, Estimate]:
    """Numbers with the intervals of their replicates, which end where those of modes of these weights do.

    They have none where too few samples lie `near` a mode to vary.

    >>> equal = shares(8)
    >>> with_intervals({"modes": 8.0}, [{"modes": 7.0}, {"modes": 8.0}], equal, 100)["modes"].high
    8.0
    >>> with_intervals({"modes": 1.0}, [{"modes": 1.0}, {"modes": 1.0}], equal, 2)["modes"].high
    nan
    """
    most = {**_none(weights), "modes": float(len(weights)), "high_quality": 1.0}
    replicates = {name: [own[name] for own in again] for name in found}
    return {
        name: Estimate(x, nan, nan)
        if near < FEW and np.ptp(replicates[name]) < 1e-9  # but for rounding
        else estimate(x, replicates[name], 0.0, most.get(name, inf))
        for name, x in found.items()
    }


def shares(modes: int, weights: np.ndarray | None = None) -> np.ndarray:
    """The weights [K] of so many modes, equal where none are given; refused what are none.

    >>> shares(4), shares(2, [0.75, 0.25])
    (array([0.25, 0.25, 0.25, 0.25]), array([0.75, 0.25]))
    """
    if weights is None:
        return np.full(modes, 1 / modes)
    w = np.asarray(weights, np.float64)
    if w.shape != (modes,) or not (w > 0).all() or abs(w.sum() - 1) > 1e-6:
        raise Refused(
            f"the weights of {modes} modes are as many positive shares that add up to 1, not {weights}"
        )
    return w


def _none(w: np.ndarray) -> dict[str, float]:
    """What is said where no sample is near a mode: the worst that can be."""
    return {"modes": 0.0, "reverse_kl": -log(w.min()), "imbalance": 1 - float(w.min())}


def label_coverage(label: np.ndarray, modes: int, weights: np.ndarray | None = None) -> dict[str, float]:
    """Of labels [N] in 0..modes-1 "modes", "reverse_kl" and "imbalance", as `mode_coverage` has them.

    Of stacked digits a classifier gives the labels, and there are 1000 modes (Metz et al., 2017).

    >>> label_coverage(np.array([0, 0, 1, 1]), modes=2)
    {'modes': 2.0, 'reverse_kl': 0.0, 'imbalance': 0.0}
    """
    label, w = np.asarray(label), shares(modes, weights)
    if len(label) and not (label.dtype.kind in "iu" and 0 <= label.min() <= label.max() < modes):
        raise Refused(f"labels of {modes} modes are whole numbers from 0 to {modes - 1}")
    count = np.bincount(label.astype(np.int64), minlength=modes)
    if not count.any():
        return _none(w)
    q = count / count.sum()
    some = q[q > 0]
    return {
        "modes": float(len(some)),
        "reverse_kl": max(0.0, float((some * np.log(some / w[q > 0])).sum())),
        "imbalance": float(np.abs(q - w).sum() / 2),
    }


def perfect(modes: int, n: int, weights: np.ndarray | None = None) -> dict[str, float]:
    """What n draws from the mixture itself that lie near a mode score on average: the floor.

    Of all draws a share of WITHIN lies there. Each mode's count c is binomial, n times with probability w:
    the reverse KL is the sum of E[c/n log(c / nw)], and the imbalance that of E|c/n - w| / 2.

    >>> {name: round(value, 4) for name, value in perfect(8, 2500).items()}
    {'modes': 8.0, 'high_quality': 0.9889, 'reverse_kl': 0.0014, 'imbalance': 0.0211, 'width': 1.0}
    """
    from scipy.special import xlogy
    from scipy.stats import binom

    count = np.arange(n + 1)
    share, sums = count / n, np.zeros(3)
    for w, times in zip(*np.unique(shares(modes, weights), return_counts=True), strict=True):
        chance = binom.pmf(count, n, w)
        of_one = 1 - chance[0], chance @ xlogy(share, share / w), chance @ np.abs(share - w) / 2
        sums += times * np.array(of_one)
    found, divergence, variation = map(float, sums)
    return {
        "modes": found,
        "high_quality": WITHIN,
        "reverse_kl": divergence,
        "imbalance": variation,
        "width": 1.0,
    }


class _Nearest(NamedTuple):
    """Of each sample its mode, K where it is near none, and how far and where to it lies from the centre."""

    mode: np.ndarray  # [N]
    offset: np.ndarray  # [N, D]
    weights: np.ndarray  # [K]
    spread: float  # of a perfect sampler: the root of E |x - centre|^2 within the radius

    @property
    def modes(self) -> int:
        return len(self.weights)

    def at(self, rows: np.ndarray) -> "_Nearest":
        return self._replace(mode=self.mode[rows], offset=self.offset[rows])

    def numbers(self) -> dict[str, float]:
        near = self.mode < self.modes
        width = [_spread(self.offset[self.mode == k]) / self.spread for k in range(self.modes)]
        found = [w for w in width if not np.isnan(w)] or [0.0]
        return {
            "high_quality": float(near.mean()),
            **label_coverage(self.mode[near], self.modes, self.weights),
            "width": float(np.median(found)),
            "width_min": min(found),
        }


def _nearest(
    samples: np.ndarray,
    centres: np.ndarray,
    sigma: float,
    dimensions: int | None,
    weights: np.ndarray | None,
    radius: float | None,
) -> _Nearest:
    samples, centres = np.asarray(samples, np.float64), np.asarray(centres, np.float64)
    if samples.ndim != 2 or len(samples) == 0 or samples.shape[1:] != centres.shape[1:]:
        raise Refused(
            f"samples of shape {samples.shape} cannot be held against centres of shape {centres.shape}: "
            "give [N, D] and [K, D]"
        )
    distance = np.stack([np.linalg.norm(samples - centre, axis=1) for centre in centres], axis=1)
    mode = distance.argmin(axis=1)
    offset = samples - centres[mode]
    dimensions = dimensions or samples.shape[1]
    radius = _radius(dimensions) if radius is None else radius
    mode[~(distance.min(axis=1) <= sigma * radius)] = len(centres)  # nor what is not a number
    return _Nearest(mode, offset, shares(len(centres), weights), sigma * _spread_within(dimensions, radius))


def _spread(offset: np.ndarray) -> float:
    """The root of the mean square of offsets [n, D] around their mean, unbiased; NaN of fewer than two."""
    if len(offset) < 2:
        return float("nan")
    return float(np.sqrt(np.square(offset - offset.mean(axis=0)).sum() / (len(offset) - 1)))


def _radius(dimensions: int) -> float:
    if dimensions == 2:
        return 3.0
    from scipy.stats import chi

    return float(chi(dimensions).ppf(WITHIN))


def _spread_within(dimensions: int, radius: float) -> float:
    """The root of E[r^2 | r < radius] of a chi variable r: d F_{d+2} / F_d, F of chi^2 at radius^2."""
    from scipy.special import gammainc

    within = gammainc(dimensions / 2, radius**2 / 2)
    return sqrt(dimensions * gammainc(dimensions / 2 + 1, radius**2 / 2) / within) if within else inf
