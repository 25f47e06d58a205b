"""Whether each factor of variation is told by one code of the latent, and by no other."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, bootstrap, resamples

BINS = 20
RESAMPLES = 200


class Disentanglement(NamedTuple):
    """Shares of each factor's entropy that the codes tell, and the mutual information gap.

    `told` [codes, factors]: mutual information over the factor's entropy. `gap`: the mean over factors of the
    difference between the two codes that tell most; `gaps` of each factor.
    """

    codes: tuple[str, ...]
    factors: tuple[str, ...]
    told: np.ndarray
    gaps: Mapping[str, Estimate]
    gap: Estimate


def mutual_information_gap(
    codes: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray]
) -> Disentanglement:
    """Returns the mutual information gap of codes and factors [N] each (MIG; Chen et al., 2018).

    Integers are classes; other numbers are sorted into 20 bins of equally many. Mutual information is that of
    the counts less (k_xy - k_x - k_y + 1) / 2N, the bias of few examples (Miller & Madow, 1955), where k are
    the numbers of values that occur. Factors that do not vary are left out. Intervals are over other samples,
    by the bootstrap.

    >>> x, y = np.divmod(np.arange(1000) % 20, 5)
    >>> result = mutual_information_gap({"a": x, "b": y}, {"colour": y, "shape": x})
    >>> round(result.gap.value, 6), result.told.round(6).tolist()
    (1.0, [[0.0, 1.0], [1.0, 0.0]])
    """
    binned = {name: _binned(code) for name, code in codes.items()}
    varying = {name: _binned(factor) for name, factor in factors.items() if len(np.unique(factor)) > 1}
    if len(binned) < 2 or not varying:
        raise Refused(
            "a mutual information gap needs two codes and a factor that varies, "
            f"not {len(binned)} and {len(varying)}"
        )
    a, b = np.stack(list(binned.values())), np.stack(list(varying.values()))
    told = _told(a, b)
    draws = [_gaps(_told(a[:, rows], b[:, rows])) for rows in resamples(a.shape[1], RESAMPLES)]
    gaps = _gaps(told)
    each = {
        name: bootstrap(gap, [draw[i] for draw in draws], 0.0, 1.0)
        for i, (name, gap) in enumerate(zip(varying, gaps, strict=True))
    }
    overall = bootstrap(float(gaps.mean()), [draw.mean() for draw in draws], 0.0, 1.0)
    return Disentanglement(tuple(binned), tuple(varying), told, each, overall)


def _binned(x: np.ndarray) -> np.ndarray:
    """Returns values as integers from 0: classes as they are, other numbers by their rank."""
    if np.issubdtype(x.dtype, np.integer) or len(np.unique(x)) <= BINS:
        return np.unique(x, return_inverse=True)[1]
    return np.argsort(np.argsort(x, kind="stable"), kind="stable") * BINS // len(x)


def _told(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Returns the shares [codes, factors] of the factors' entropies, from 0 to 1."""
    shares = np.zeros((len(codes), len(factors)))
    for j, factor in enumerate(factors):
        for i, code in enumerate(codes):
            size = factor.max() + 1
            counts = np.bincount(code * size + factor, minlength=(code.max() + 1) * size).reshape(-1, size)
            tables = counts, counts.sum(axis=1), counts.sum(axis=0)
            joint, of_code, of_factor = map(_entropy, tables)
            kinds = [np.count_nonzero(table) for table in tables]
            bias = (kinds[0] - kinds[1] - kinds[2] + 1) / (2 * len(code))
            shares[i, j] = np.clip((of_code + of_factor - joint - bias) / max(of_factor, 1e-12), 0.0, 1.0)
    return shares


def _entropy(counts: np.ndarray) -> float:
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())


def _gaps(told: np.ndarray) -> np.ndarray:
    largest = np.sort(told, axis=0)
    return largest[-1] - largest[-2]
