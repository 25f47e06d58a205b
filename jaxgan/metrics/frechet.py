"""Frechet distance: features of two samples compared by their means and covariances, in float64."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, check_dims, collect_then, concatenate, flatten, jackknife

ROWS = 4096  # in float64 at a time: 64 MB of 2048 features


class Moments(NamedTuple):
    """A sample's size, mean [d] and scatter [d, d], the sum of (x - mean)(x - mean)^T."""

    size: int
    mean: np.ndarray
    scatter: np.ndarray


def moments(x: np.ndarray) -> Moments:
    """Returns the moments of examples [n, ...], in float64 whatever their dtype.

    >>> moments(np.array([[0.0], [2.0]]))
    Moments(size=2, mean=array([1.]), scatter=array([[2.]]))
    """
    x = flatten(x)
    mean = x.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((len(mean), len(mean)))
    for start in range(0, len(x), ROWS):
        centred = x[start : start + ROWS] - mean
        scatter += centred.T @ centred
    return Moments(len(x), mean, scatter)


def frechet_distance(a: Moments, b: Moments) -> float:
    """Returns |m - m'|^2 + tr(C + C' - 2 (C'^½ C C'^½)^½), the squared 2-Wasserstein distance of two normals.

    Dowson & Landau, 1982; Heusel et al., 2017. Computed from symmetric eigenvalues, so covariances may be
    singular, as those of features that are always 0. It is meaningless for samples no larger than the number
    of dimensions, which are refused.

    >>> round(frechet_distance(moments(np.array([[0.0], [2.0]])), moments(np.array([[5.0], [7.0]]))), 9)
    25.0
    """
    _check_size(b.size, len(b.mean))
    return _distance_and_map(a, b, _square_root(b))[0]


def frechet(real: Moments, name: str = "frechet") -> Metric:
    """Returns the Frechet distance to real features, given by their moments.

    The state is the features themselves: 410 MB for 50,000 of 2048 in float32, twice that while they are
    compared. The distance has a bias that falls with the number of examples: compare equal numbers only.

    The interval is over other generated samples, with the real moments fixed. An example's influence is its
    potential in the transport from one normal to the other: with c = x - m, c^T (c - T c + 2 (m - m')), where
    T = C'^½ (C'^½ C C'^½)^-½ C'^½.

    >>> from jaxgan.metrics.metric import compute_metric
    >>> x = np.random.RandomState(0).randn(1000, 2)
    >>> round(compute_metric(frechet(moments(x)), [x[:300] + 1, x[300:] + 1])["frechet"].value, 9)
    2.0
    """
    _check_size(real.size, len(real.mean), "real examples")
    root = _square_root(real)

    def compute(x: np.ndarray) -> Mapping[str, Estimate]:
        return {name: jackknife(*_distance_and_influence(flatten(x), real, root), least=0.0)}

    return collect_then(compute)


def intra_class(real: Mapping[int, Moments], name: str = "intra_class_frechet") -> Metric:
    """Returns the mean over classes of the Frechet distance within each: blocks are (features, labels [n]).

    Miyato & Koyama, 2018. Unlike the distance over all classes together it detects a generator that ignores
    its label.

    >>> from jaxgan.metrics.metric import compute_metric
    >>> x = np.random.RandomState(0).randn(90, 2)
    >>> metric = intra_class({0: moments(x), 1: moments(x + 3)})
    >>> blocks = [(x, np.zeros(90)), (x + 4, np.ones(90))]
    >>> round(compute_metric(metric, blocks)["intra_class_frechet"].value, 9)
    1.0
    """
    for label, of_class in real.items():
        _check_size(of_class.size, len(of_class.mean), f"real examples of class {label}")
    roots = {label: _square_root(of_class) for label, of_class in real.items()}

    def of(block: tuple[np.ndarray, np.ndarray]) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        if not isinstance(block, tuple) or len(block) != 2:
            raise Refused("an intra-class distance needs labels: give pairs (features, labels)")
        x, labels = map(np.asarray, block)
        if labels.shape != (len(x),):
            raise Refused(f"{len(x)} examples need as many labels, not an array of shape {labels.shape}")
        return ((x, labels),)

    def compute(blocks: tuple[tuple[np.ndarray, np.ndarray], ...]) -> Mapping[str, Estimate]:
        x, labels = (
            flatten(concatenate([x for x, _ in blocks])),
            concatenate([labels for _, labels in blocks]),
        )
        unknown = sorted(set(labels.tolist()) - set(real))
        if unknown:
            raise Refused(f"there are no real examples of class {unknown[0]} to compare with")
        distances, influence = [], np.empty(len(x))
        for label, of_class in real.items():
            rows = labels == label
            _check_size(int(rows.sum()), len(of_class.mean), f"examples of class {label}")
            distance, of_rows = _distance_and_influence(x[rows], of_class, roots[label])
            distances.append(distance)
            # every class has the same weight, and class counts are fixed: they add nothing to the variance
            influence[rows] = (of_rows - of_rows.mean()) * len(x) / (len(real) * rows.sum())
        return {name: jackknife(float(np.mean(distances)), influence, least=0.0)}

    return Metric((), of, lambda a, b: a + b, compute)


def _distance_and_influence(x: np.ndarray, real: Moments, root: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the distance of examples [n, d] to the real ones, and each example's influence on it [n]."""
    fake = moments(x)
    distance, factor = _distance_and_map(fake, real, root)
    shift = fake.mean - real.mean
    influence = np.empty(len(x))
    for start in range(0, len(x), ROWS):
        centred = x[start : start + ROWS] - fake.mean
        identity, transported = centred * (centred + 2 * shift), (centred @ factor) ** 2
        influence[start : start + ROWS] = identity.sum(axis=1) - transported.sum(axis=1)
    return distance, influence


def _distance_and_map(a: Moments, b: Moments, root: np.ndarray) -> tuple[float, np.ndarray]:
    """Returns the distance, and B [d, d] with T = B B^T; `root` is C'^½ of b."""
    check_dims(len(a.mean), len(b.mean))
    _check_size(a.size, len(a.mean))
    squares, vectors = _eigh(root @ _covariance(a) @ root)
    scales = np.sqrt(np.maximum(squares, 0.0))
    total = np.square(a.mean - b.mean).sum() + np.trace(_covariance(a)) + np.trace(_covariance(b))
    nonzero = scales > 1e-7 * scales.max()  # smaller ones are rounding errors of a singular covariance
    factor = root @ (vectors[:, nonzero] / np.sqrt(scales[nonzero]))
    return max(float(total - 2 * scales.sum()), 0.0), factor


def _square_root(m: Moments) -> np.ndarray:
    """Returns C^½, symmetric [d, d]."""
    squares, vectors = _eigh(_covariance(m))
    return (vectors * np.sqrt(np.maximum(squares, 0.0))) @ vectors.T


def _eigh(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not np.isfinite(matrix).all():
        raise Refused("the features are too large for a Frechet distance: scale them down")
    squares, vectors = np.linalg.eigh(matrix)
    return squares, vectors


def _covariance(m: Moments) -> np.ndarray:
    return m.scatter / (m.size - 1)


def _check_size(size: int, dimensions: int, what: str = "examples") -> None:
    if size <= dimensions:
        raise Refused(
            f"a Frechet distance in {dimensions} dimensions needs more than {dimensions} {what}, not {size}"
        )
