"""Frechet distance: two samples' features compared by their means and covariances, in float64."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, alike, flat, joined, kept, linearised

ROWS = 4096  # held in float64 at a time: 64 MB of 2048 features


class Moments(NamedTuple):
    """What a sample leaves: its size, mean [d] and scatter [d, d], the sum of (x - mean)(x - mean)^T."""

    size: int
    mean: np.ndarray
    scatter: np.ndarray


def moments(x: np.ndarray) -> Moments:
    """The moments of examples [n, ...], in float64 whatever they come in.

    >>> moments(np.array([[0.0], [2.0]]))
    Moments(size=2, mean=array([1.]), scatter=array([[2.]]))
    """
    x = flat(x)
    mean = x.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((len(mean), len(mean)))
    for start in range(0, len(x), ROWS):
        centred = x[start : start + ROWS] - mean
        scatter += centred.T @ centred
    return Moments(len(x), mean, scatter)


def frechet_distance(a: Moments, b: Moments) -> float:
    """|m - m'|^2 + tr(C + C' - 2 (C'^½ C C'^½)^½): the squared 2-Wasserstein distance of two normals.

    Dowson & Landau, 1982; Heusel et al., 2017. By symmetric eigenvalues, so that singular covariances, as of
    features that are always 0, do no harm. It says nothing of samples no larger than the dimensions, which
    are refused.

    >>> round(frechet_distance(moments(np.array([[0.0], [2.0]])), moments(np.array([[5.0], [7.0]]))), 9)
    25.0
    """
    _enough(b.size, len(b.mean))
    return _compared(a, b, _root(b))[0]


def frechet(real: Moments, name: str = "frechet") -> Metric:
    """The Frechet distance of features to the real ones', whose moments are computed once.

    The state is the features as they come: 410 MB for 50,000 of 2048 in float32, twice that while they are
    compared. The distance is too high by what falls with the number of examples: compare equal numbers only.

    The interval is of other generated samples, the real moments as they are. An example's influence is its
    potential in the transport from one normal to the other: with c = x - m, c^T (c - T c + 2 (m - m')), where
    T = C'^½ (C'^½ C C'^½)^-½ C'^½.

    >>> from jaxgan.metrics.metric import measured
    >>> x = np.random.RandomState(0).randn(1000, 2)
    >>> round(measured(frechet(moments(x)), [x[:300] + 1, x[300:] + 1])["frechet"].value, 9)
    2.0
    """
    _enough(real.size, len(real.mean), " of the real ones")
    root = _root(real)

    def compute(x: np.ndarray) -> Mapping[str, Estimate]:
        return {name: linearised(*_measured(flat(x), real, root), least=0.0)}

    return kept(compute)


def intra_class(real: Mapping[int, Moments], name: str = "intra_class_frechet") -> Metric:
    """The mean over classes of each class's Frechet distance: blocks are pairs (features, labels [n]).

    Miyato & Koyama, 2018. Unlike the distance of all classes together it sees a generator that ignores its
    label.

    >>> from jaxgan.metrics.metric import measured
    >>> x = np.random.RandomState(0).randn(90, 2)
    >>> metric = intra_class({0: moments(x), 1: moments(x + 3)})
    >>> round(measured(metric, [(x, np.zeros(90)), (x + 4, np.ones(90))])["intra_class_frechet"].value, 9)
    1.0
    """
    for label, one in real.items():
        _enough(one.size, len(one.mean), f" of the real ones of class {label}")
    roots = {label: _root(one) for label, one in real.items()}

    def of(block: tuple[np.ndarray, np.ndarray]) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        if not isinstance(block, tuple) or len(block) != 2:
            raise Refused("a distance within classes needs labels: give pairs (features, labels)")
        x, labels = map(np.asarray, block)
        if labels.shape != (len(x),):
            raise Refused(f"{len(x)} examples need as many labels, not an array of shape {labels.shape}")
        return ((x, labels),)

    def compute(blocks: tuple[tuple[np.ndarray, np.ndarray], ...]) -> Mapping[str, Estimate]:
        x, labels = flat(joined([x for x, _ in blocks])), joined([labels for _, labels in blocks])
        unknown = sorted(set(labels.tolist()) - set(real))
        if unknown:
            raise Refused(f"there are no real examples of class {unknown[0]} to compare with")
        distances, influence = [], np.empty(len(x))
        for label, one in real.items():
            mine = labels == label
            _enough(int(mine.sum()), len(one.mean), f" of class {label}")
            distance, own = _measured(x[mine], one, roots[label])
            distances.append(distance)
            # a class counts the same, however many it has; that one has more than another tells nothing
            influence[mine] = (own - own.mean()) * len(x) / (len(real) * mine.sum())
        return {name: linearised(float(np.mean(distances)), influence, least=0.0)}

    return Metric((), of, lambda a, b: a + b, compute)


def _measured(x: np.ndarray, real: Moments, root: np.ndarray) -> tuple[float, np.ndarray]:
    """The distance of examples [n, d] to the real ones, and every example's influence on it [n]."""
    fake = moments(x)
    distance, bridge = _compared(fake, real, root)
    shift = fake.mean - real.mean
    influence = np.empty(len(x))
    for start in range(0, len(x), ROWS):
        centred = x[start : start + ROWS] - fake.mean
        straight, carried = centred * (centred + 2 * shift), (centred @ bridge) ** 2
        influence[start : start + ROWS] = straight.sum(axis=1) - carried.sum(axis=1)
    return distance, influence


def _compared(a: Moments, b: Moments, root: np.ndarray) -> tuple[float, np.ndarray]:
    """The distance, and B [d, d] with T = B B^T; `root` is C'^½ of b."""
    alike(len(a.mean), len(b.mean))
    _enough(a.size, len(a.mean))
    squares, vectors = _spectrum(root @ _covariance(a) @ root)
    scales = np.sqrt(np.maximum(squares, 0.0))
    apart = np.square(a.mean - b.mean).sum() + np.trace(_covariance(a)) + np.trace(_covariance(b))
    there = scales > 1e-7 * scales.max()  # what is smaller is rounding of a covariance that is singular
    bridge = root @ (vectors[:, there] / np.sqrt(scales[there]))
    return max(float(apart - 2 * scales.sum()), 0.0), bridge


def _root(m: Moments) -> np.ndarray:
    """C^½, symmetric [d, d]."""
    squares, vectors = _spectrum(_covariance(m))
    return (vectors * np.sqrt(np.maximum(squares, 0.0))) @ vectors.T


def _spectrum(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The eigenvalues of a symmetric matrix, and its eigenvectors."""
    if not np.isfinite(matrix).all():
        raise Refused("the features are too large for a Frechet distance: scale them down")
    squares, vectors = np.linalg.eigh(matrix)
    return squares, vectors


def _covariance(m: Moments) -> np.ndarray:
    return m.scatter / (m.size - 1)


def _enough(size: int, dimensions: int, whose: str = "") -> None:
    if size <= dimensions:
        needed = f"a Frechet distance in {dimensions} dimensions needs more than {dimensions} examples{whose}"
        raise Refused(f"{needed}, not {size}")
