"""Coverage of known modes: how many samples cover, how evenly, and how wide the samples of each are."""

from collections.abc import Mapping, Sequence
from math import exp, inf, log, nan, sqrt
from typing import NamedTuple

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, bootstrap, collect_then, resamples, share

WITHIN = 1 - exp(-4.5)  # the mass within 3 sigma in two dimensions
TEN_SIGMA = 10.0
"""The radius, in sigmas, of published results on ten Gaussians in 1200 dimensions (Srivastava et al., 2017).
With sigma per coordinate, as here, it contains none of a mode's mass: in 700 dimensions its examples are
about 26.5 sigmas away."""
RESAMPLES = 200
FEW = 30  # fewer samples get no interval if their resamples do not vary


def mode_coverage(
    samples: np.ndarray,
    centres: np.ndarray,
    sigma: float,
    dimensions: int | None = None,
    weights: np.ndarray | None = None,
    radius: float | None = None,
) -> dict[str, float]:
    """Returns the number, balance and width of the modes covered by samples [N, D] around centres [K, D].

    A sample has high quality within 3 sigma of its nearest centre, and a mode is covered by one such sample
    (Srivastava et al., 2017). The other numbers use samples of high quality only. "reverse_kl" is KL(q || w)
    for the modes' shares q of them and the modes' `weights` w [K], by default all 1/K; "imbalance" is the
    total variation sum |q - w| / 2. Without such samples they take their largest values, log 1/min w and
    1 - min w. "width" is the median over modes, "width_min" the least, of the spread around the mode's sample
    mean, relative to a perfect sampler's; 0 if no mode has two samples. See `perfect` for its scores.

    In `dimensions` other than 2 (by default D; less if the noise fills a subspace only) the radius is sigma
    times the 98.89 % quantile of a chi variable, so that a perfect sampler scores the same; `radius` sets
    another one in sigmas, as `TEN_SIGMA`.

    >>> centres = np.array([[0.0, 0.0], [9.0, 0.0]])
    >>> mode_coverage(np.array([[0.0, 2.9], [0.0, 3.1]]), centres, sigma=1.0)["high_quality"]
    0.5
    """
    return _assign(samples, centres, sigma, dimensions, weights, radius).numbers()


def coverage_metric(
    centres: np.ndarray,
    sigma: float,
    dimensions: int | None = None,
    weights: np.ndarray | None = None,
    radius: float | None = None,
) -> Metric:
    """Returns `mode_coverage` as a metric, with bootstrap intervals, or Wilson's for "high_quality".

    >>> from jaxgan.metrics.metric import compute_metric
    >>> metric = coverage_metric(np.zeros((1, 2)), sigma=1.0)
    >>> compute_metric(metric, [np.zeros((3, 2)), np.full((1, 2), 9.0)])["high_quality"].value
    0.75
    """

    def compute(samples: np.ndarray) -> Mapping[str, Estimate]:
        assigned = _assign(samples, centres, sigma, dimensions, weights, radius)
        replicates = [assigned.at(rows).numbers() for rows in resamples(len(samples), RESAMPLES)]
        near = assigned.mode < assigned.modes
        estimates = add_intervals(assigned.numbers(), replicates, assigned.weights, int(near.sum()))
        return {**estimates, "high_quality": share(near)}

    return collect_then(compute)


def add_intervals(
    numbers: Mapping[str, float], replicates: Sequence[Mapping[str, float]], weights: np.ndarray, near: int
) -> dict[str, Estimate]:
    """Returns numbers with bootstrap intervals, within the bounds that modes of these weights allow.

    There is no interval if the replicates do not vary and fewer than `FEW` samples are `near` a mode.

    >>> equal = mode_weights(8)
    >>> add_intervals({"modes": 8.0}, [{"modes": 7.0}, {"modes": 8.0}], equal, 100)["modes"].high
    8.0
    >>> add_intervals({"modes": 1.0}, [{"modes": 1.0}, {"modes": 1.0}], equal, 2)["modes"].high
    nan
    """
    most = {**_worst(weights), "modes": float(len(weights)), "high_quality": 1.0}
    by_name = {name: [replicate[name] for replicate in replicates] for name in numbers}
    return {
        name: Estimate(x, nan, nan)
        if near < FEW and np.ptp(by_name[name]) < 1e-9  # up to rounding
        else bootstrap(x, by_name[name], 0.0, most.get(name, inf))
        for name, x in numbers.items()
    }


def mode_weights(modes: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the weights [K] of the modes, equal if none are given; refuses what are not weights.

    >>> mode_weights(4), mode_weights(2, [0.75, 0.25])
    (array([0.25, 0.25, 0.25, 0.25]), array([0.75, 0.25]))
    """
    if weights is None:
        return np.full(modes, 1 / modes)
    w = np.asarray(weights, np.float64)
    if w.shape != (modes,) or not (w > 0).all() or abs(w.sum() - 1) > 1e-6:
        raise Refused(f"the weights of {modes} modes must be as many positive shares of sum 1, not {weights}")
    return w


def _worst(w: np.ndarray) -> dict[str, float]:
    """Returns the numbers if no sample is near a mode: the worst possible ones."""
    return {"modes": 0.0, "reverse_kl": -log(w.min()), "imbalance": 1 - float(w.min())}


def label_coverage(label: np.ndarray, modes: int, weights: np.ndarray | None = None) -> dict[str, float]:
    """Returns "modes", "reverse_kl" and "imbalance" of labels [N] in 0..modes-1, as in `mode_coverage`.

    For stacked digits a classifier predicts the labels, and there are 1000 modes (Metz et al., 2017).

    >>> label_coverage(np.array([0, 0, 1, 1]), modes=2)
    {'modes': 2.0, 'reverse_kl': 0.0, 'imbalance': 0.0}
    """
    label, w = np.asarray(label), mode_weights(modes, weights)
    if len(label) and not (label.dtype.kind in "iu" and 0 <= label.min() <= label.max() < modes):
        raise Refused(f"labels of {modes} modes must be whole numbers from 0 to {modes - 1}")
    count = np.bincount(label.astype(np.int64), minlength=modes)
    if not count.any():
        return _worst(w)
    q = count / count.sum()
    covered = q[q > 0]
    return {
        "modes": float(len(covered)),
        "reverse_kl": max(0.0, float((covered * np.log(covered / w[q > 0])).sum())),
        "imbalance": float(np.abs(q - w).sum() / 2),
    }


def perfect(modes: int, n: int, weights: np.ndarray | None = None) -> dict[str, float]:
    """Returns the expected scores of n draws from the mixture itself that are near a mode: the floor.

    Of all draws the share WITHIN is near a mode. Each mode's count c is binomial, n trials of probability w:
    the reverse KL is the sum of E[c/n log(c / nw)], and the imbalance that of E|c/n - w| / 2.

    >>> {name: round(value, 4) for name, value in perfect(8, 2500).items()}
    {'modes': 8.0, 'high_quality': 0.9889, 'reverse_kl': 0.0014, 'imbalance': 0.0211, 'width': 1.0}
    """
    from scipy.special import xlogy
    from scipy.stats import binom

    count = np.arange(n + 1)
    q, sums = count / n, np.zeros(3)
    for w, equal in zip(*np.unique(mode_weights(modes, weights), return_counts=True), strict=True):
        chance = binom.pmf(count, n, w)
        per_mode = 1 - chance[0], chance @ xlogy(q, q / w), chance @ np.abs(q - w) / 2
        sums += equal * np.array(per_mode)
    covered, divergence, variation = map(float, sums)
    return {
        "modes": covered,
        "high_quality": WITHIN,
        "reverse_kl": divergence,
        "imbalance": variation,
        "width": 1.0,
    }


class _Assignment(NamedTuple):
    """Each sample's mode, K if it is near none, and its offset from the nearest centre."""

    mode: np.ndarray  # [N]
    offset: np.ndarray  # [N, D]
    weights: np.ndarray  # [K]
    spread: float  # of a perfect sampler: the root of E |x - centre|^2 within the radius

    @property
    def modes(self) -> int:
        return len(self.weights)

    def at(self, rows: np.ndarray) -> "_Assignment":
        return self._replace(mode=self.mode[rows], offset=self.offset[rows])

    def numbers(self) -> dict[str, float]:
        near = self.mode < self.modes
        all_widths = [_spread(self.offset[self.mode == k]) / self.spread for k in range(self.modes)]
        widths = [width for width in all_widths if not np.isnan(width)] or [0.0]
        return {
            "high_quality": float(near.mean()),
            **label_coverage(self.mode[near], self.modes, self.weights),
            "width": float(np.median(widths)),
            "width_min": min(widths),
        }


def _assign(
    samples: np.ndarray,
    centres: np.ndarray,
    sigma: float,
    dimensions: int | None,
    weights: np.ndarray | None,
    radius: float | None,
) -> _Assignment:
    samples, centres = np.asarray(samples, np.float64), np.asarray(centres, np.float64)
    if samples.ndim != 2 or len(samples) == 0 or samples.shape[1:] != centres.shape[1:]:
        raise Refused(
            f"samples of shape {samples.shape} cannot be compared with centres of shape {centres.shape}: "
            "give [N, D] and [K, D]"
        )
    distance = np.stack([np.linalg.norm(samples - centre, axis=1) for centre in centres], axis=1)
    mode = distance.argmin(axis=1)
    offset = samples - centres[mode]
    dimensions = dimensions or samples.shape[1]
    radius = _radius(dimensions) if radius is None else radius
    mode[~(distance.min(axis=1) <= sigma * radius)] = len(centres)  # NaN is near none
    return _Assignment(
        mode, offset, mode_weights(len(centres), weights), sigma * _spread_within(dimensions, radius)
    )


def _spread(offset: np.ndarray) -> float:
    """Returns the root mean square of offsets [n, D] around their mean, unbiased; NaN for fewer than two."""
    if len(offset) < 2:
        return float("nan")
    return float(np.sqrt(np.square(offset - offset.mean(axis=0)).sum() / (len(offset) - 1)))


def _radius(dimensions: int) -> float:
    if dimensions == 2:
        return 3.0
    from scipy.stats import chi

    return float(chi(dimensions).ppf(WITHIN))


def _spread_within(dimensions: int, radius: float) -> float:
    """Returns the root of E[r^2 | r < radius], r a chi variable: d F_{d+2} / F_d, F of chi^2 at radius^2."""
    from scipy.special import gammainc

    within = gammainc(dimensions / 2, radius**2 / 2)
    return sqrt(dimensions * gammainc(dimensions / 2 + 1, radius**2 / 2) / within) if within else inf
