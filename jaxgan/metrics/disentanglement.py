"""Whether each factor of variation is told by one code of the latent, and by no other."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, bootstrap, resamples

BINS = 20
RESAMPLES = 200
REFITS = 50
LEAST = 5  # examples in a leaf


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
    varying = {name: _binned(factor) for name, factor in _varying(factors).items()}
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


class Importances(NamedTuple):
    """How codes are used to predict factors: DCI, each from 0 to 1.

    `importances` [codes, factors]: each code's part in predicting a factor, 1 in sum. `disentanglement`:
    whether a code is of use for one factor alone; `completeness`: whether a factor needs one code alone;
    `informativeness`: the share of the error of guessing that the predictions remove.
    """

    codes: tuple[str, ...]
    factors: tuple[str, ...]
    importances: np.ndarray
    disentanglement: Estimate
    completeness: Estimate
    informativeness: Estimate


def dci(codes: Mapping[str, np.ndarray], factors: Mapping[str, np.ndarray]) -> Importances:
    """Returns the disentanglement, completeness and informativeness of codes and factors [N] each.

    Eastwood & Williams, 2018: for each factor a decision tree is grown on all codes of half of the examples,
    and its importances, the decrease of impurity by the splits on each code, are summarised by
    `dci_of_importances`. They grow forests; one tree tells less, and its interval takes a tenth of the time.
    Informativeness is the mean over factors, on the other half, of 1 - error / error of guessing, both
    squared; for integers, which are classes, of wrong answers. Factors that do not vary are left out.
    Intervals are over other samples, by the bootstrap: each half resampled, the trees grown again.

    >>> x, y = np.divmod(np.arange(400) % 20, 5)
    >>> result = dci({"a": x, "b": y}, {"colour": y, "shape": x})
    >>> [round(score.value, 2) for score in result[3:]], result.importances.round(2).tolist()
    ([1.0, 1.0, 1.0], [[0.0, 1.0], [1.0, 0.0]])
    """
    varying = _varying(factors)
    if len(codes) < 2 or len(varying) < 2:
        raise Refused(f"DCI needs two codes and two factors that vary, not {len(codes)} and {len(varying)}")
    x = np.stack(list(codes.values()), axis=1).astype(np.float64)
    if len(x) < 4 * LEAST:
        raise Refused(f"DCI needs at least {4 * LEAST} examples, not {len(x)}")
    # not the first half: data may be sorted
    order = np.random.RandomState(0).permutation(len(x))
    fitted, judged = np.array_split(order, 2)
    importances, told = _predicted(x, varying, fitted, judged)
    scores = *dci_of_importances(importances), told
    draws = []
    for a, b in zip(resamples(len(fitted), REFITS), resamples(len(judged), REFITS, seed=1), strict=True):
        again, told = _predicted(x, varying, fitted[a], judged[b])
        draws.append((*dci_of_importances(again), told))
    estimates = [
        bootstrap(value, draw, 0.0, 1.0) for value, draw in zip(scores, np.transpose(draws), strict=True)
    ]
    return Importances(tuple(codes), tuple(varying), importances, *estimates)


def dci_of_importances(importances: np.ndarray) -> tuple[float, float]:
    """Returns disentanglement and completeness of importances R [codes, factors], none of them negative.

    Disentanglement is the mean over codes, weighted by their importance, of 1 - H(R_i / sum_j R_ij) with the
    entropy to the base of the number of factors; completeness the mean over factors of the same for columns,
    to the base of the number of codes (Eastwood & Williams, 2018).

    >>> dci_of_importances(np.eye(3)), dci_of_importances(np.ones((3, 4)))
    ((1.0, 1.0), (0.0, 0.0))
    """
    codes, factors = importances.shape
    total = max(float(importances.sum()), 1e-12)
    of_codes = np.array([1 - _entropy(row) / np.log(factors) for row in importances])
    of_factors = np.array([1 - _entropy(column) / np.log(codes) for column in importances.T])
    of_codes, of_factors = of_codes.round(12), of_factors.round(12)  # or equal parts come to -2e-16
    used = importances.sum(axis=0) > 0
    completeness = float(of_factors[used].mean()) if used.any() else 0.0
    return float((importances.sum(axis=1) / total * of_codes).sum()), completeness


def _predicted(
    x: np.ndarray, factors: Mapping[str, np.ndarray], fitted: np.ndarray, judged: np.ndarray
) -> tuple[np.ndarray, float]:
    """Returns the importances [codes, factors] of trees, and the mean share of errors that they remove."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    columns, told = [], []
    for factor in factors.values():
        classes = np.issubdtype(factor.dtype, np.integer)
        kind = DecisionTreeClassifier if classes else DecisionTreeRegressor
        tree = kind(min_samples_leaf=LEAST, random_state=0).fit(x[fitted], factor[fitted])
        columns.append(tree.feature_importances_)
        told.append(_removed(factor[fitted], factor[judged], tree.predict(x[judged]), classes))
    return np.stack(columns, axis=1), float(np.mean(told))


def _removed(fitted: np.ndarray, truth: np.ndarray, predicted: np.ndarray, classes: bool) -> float:
    guess: Any = np.bincount(fitted - fitted.min()).argmax() + fitted.min() if classes else fitted.mean()
    if classes:
        error, guessing = (predicted != truth).mean(), (guess != truth).mean()
    else:
        error, guessing = np.square(predicted - truth).mean(), np.square(guess - truth).mean()
    return float(np.clip(1 - error / max(guessing, 1e-12), 0.0, 1.0))


def _varying(factors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: factor for name, factor in factors.items() if len(np.unique(factor)) > 1}


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
    """Returns the entropy in nats of parts in proportion to these; 0 of none."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())


def _gaps(told: np.ndarray) -> np.ndarray:
    largest = np.sort(told, axis=0)
    return largest[-1] - largest[-2]
