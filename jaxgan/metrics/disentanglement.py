"""How much of each known factor of the examples one code tells: interpretability as a number."""

from collections.abc import Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, bootstrap, resamples

BINS = 20
RESAMPLES = 100


def mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the mutual information, in nats, of two integers from 0 [n] by their frequencies.

    With n examples, I of independent ones with k and m values is not 0 but about (k - 1) (m - 1) / 2n.

    >>> fair = np.array([0, 1] * 50)
    >>> round(mutual_information(fair, fair), 4), abs(mutual_information(fair, fair.repeat(2)[:100])) < 1e-9
    (0.6931, True)
    """
    joint = np.bincount(a * (b.max() + 1) + b, minlength=(a.max() + 1) * (b.max() + 1)) / len(a)
    joint = joint.reshape(a.max() + 1, b.max() + 1)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    some = joint > 0
    return float((joint[some] * np.log(joint[some] / independent[some])).sum())


def shares(codes: np.ndarray, factors: Mapping[str, np.ndarray], bins: int = BINS) -> np.ndarray:
    """Returns I(code, factor) / H(factor) [c, f] of codes [n, c] and factors [n] by name, from 0 to 1.

    Codes with more than `bins` different values are put into as many bins of equal counts.

    >>> factors = {"colour": np.array([0, 1] * 50)}
    >>> shares(np.stack([factors["colour"], np.zeros(100)], axis=1), factors).round(4).tolist()
    [[1.0], [0.0]]
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or not len(codes) or any(len(f) != len(codes) for f in factors.values()):
        raise Refused(f"codes [n, c] need factors [n] of as many examples, and have the shape {codes.shape}")
    if not np.isfinite(codes).all():
        raise Refused("the codes are not finite, so they tell nothing of any factor")
    binned = [_binned(code, bins) for code in codes.T]
    values = [np.unique(factor, return_inverse=True)[1] for factor in factors.values()]
    entropies = np.array([mutual_information(value, value) for value in values])
    told = np.array([[mutual_information(code, value) for value in values] for code in binned])
    return np.divide(told, entropies, out=np.zeros_like(told), where=entropies > 0)


def mutual_information_gap(
    codes: np.ndarray, factors: Mapping[str, np.ndarray], bins: int = BINS
) -> dict[str, Estimate]:
    """Returns the mutual information gap "mig" and that of each factor, "mig_NAME", with 95 % intervals.

    A factor's gap is the share of its entropy that the code which tells most of it tells more than the next
    one; mig is their mean (Chen, Li, Grosse & Duvenaud, 2018). 1: each factor is told by a code of its own;
    0: by none, or by two alike. Intervals are by bootstrap over examples.

    >>> random = np.random.RandomState(0)
    >>> factors = {"shape": random.randint(0, 5, 2000), "colour": random.randint(0, 8, 2000)}
    >>> codes = np.stack([factors["shape"], random.normal(size=2000)], axis=1)
    >>> {name: round(mig.value, 1) for name, mig in mutual_information_gap(codes, factors).items()}
    {'mig': 0.5, 'mig_shape': 1.0, 'mig_colour': 0.0}
    """
    codes = np.asarray(codes)
    gaps = _gaps(codes, factors, bins)
    replicates = np.array(
        [
            _gaps(codes[rows], {name: factor[rows] for name, factor in factors.items()}, bins)
            for rows in resamples(len(codes), RESAMPLES)
        ]
    )
    named = zip(factors, gaps, replicates.T, strict=True)
    return {
        "mig": bootstrap(float(gaps.mean()), replicates.mean(axis=1), 0.0, 1.0),
        **{f"mig_{name}": bootstrap(float(gap), each, 0.0, 1.0) for name, gap, each in named},
    }


def _gaps(codes: np.ndarray, factors: Mapping[str, np.ndarray], bins: int) -> np.ndarray:
    """Returns the gap of each factor [f]."""
    told = np.sort(shares(codes, factors, bins), axis=0)
    return told[-1] - (told[-2] if len(told) > 1 else 0.0)


def _binned(code: np.ndarray, bins: int) -> np.ndarray:
    values, number = np.unique(code, return_inverse=True)
    if len(values) <= bins:
        return number
    ends = np.quantile(code, np.linspace(0, 1, bins + 1)[1:-1])
    return np.searchsorted(ends, code, side="right")
