"""Shares of variance: planted ones are recovered, as by the formulas of a two-way table; intervals hold."""

import numpy as np
import pytest
from scipy.stats import binomtest

from jaxgan.compare.components import shares

NAMES = ("init", "data", "noise")


def planted(random, sizes, variances):
    """A table of random effects: of each axis alone, of the first two together, and of all together."""
    a, b, c = (random.normal(0, np.sqrt(variances[n]), size) for n, size in enumerate(sizes))
    ab = random.normal(0, np.sqrt(variances[3]), sizes[:2])
    rest = random.normal(0, np.sqrt(variances[4]), sizes)
    return a[:, None, None] + b[None, :, None] + c[None, None] + ab[..., None] + rest


def test_planted_shares_are_recovered():
    variances = np.array([4.0, 1.0, 0.0, 2.0, 1.0])
    y = planted(np.random.RandomState(0), (60, 60, 60), variances)
    found = shares(y, NAMES)
    total = variances.sum()
    expected = {"init": (4 / total, 7 / total), "data": (1 / total, 4 / total), "noise": (0.0, 1 / total)}
    for name, (alone, all_of_it) in expected.items():
        assert found[name].alone.value == pytest.approx(alone, abs=0.08)
        assert found[name].total.value == pytest.approx(all_of_it, abs=0.08)


def test_two_axes_agree_with_the_formulas_of_a_two_way_table():
    y = np.random.RandomState(1).normal(size=(5, 7)) + 3 * np.random.RandomState(2).normal(size=(5, 1))
    rows, columns, mean = y.mean(1), y.mean(0), y.mean()
    ms_rows = 7 * ((rows - mean) ** 2).sum() / 4
    ms_columns = 5 * ((columns - mean) ** 2).sum() / 6
    ms_rest = ((y - rows[:, None] - columns[None] + mean) ** 2).sum() / 24
    of_rows, of_columns = max(0.0, (ms_rows - ms_rest) / 7), max(0.0, (ms_columns - ms_rest) / 5)
    total = of_rows + of_columns + ms_rest
    found = shares(y, ("rows", "columns"))
    assert found["rows"].alone.value == pytest.approx(of_rows / total)
    assert found["columns"].total.value == pytest.approx((of_columns + ms_rest) / total)


@pytest.mark.parametrize("variances", [(4.0, 1.0, 1.0, 1.0, 2.0), (0.5, 0.5, 0.5, 0.5, 4.0)])
def test_intervals_hold_the_planted_shares_as_often_as_they_say(variances):
    random, total, tables = np.random.RandomState(3), sum(variances), 100
    inside = {"alone": 0, "total": 0}
    for _ in range(tables):
        share = shares(planted(random, (6, 5, 4), variances), NAMES)["init"]
        alone, whole = variances[0] / total, (variances[0] + variances[3] + variances[4]) / total
        inside["alone"] += share.alone.low <= alone <= share.alone.high
        inside["total"] += share.total.low <= whole <= share.total.high
    for count in inside.values():
        assert binomtest(count, tables, 0.95, "less").pvalue > 0.001


def test_a_single_value_of_a_cause_is_refused():
    with pytest.raises(ValueError, match="two values"):
        shares(np.ones((1, 3)), ("init", "data"))
