"""The means of an option's values are those that were planted, whatever the other options do."""

import numpy as np
import pytest
from scipy import stats

from jaxgan.sweep.sensitivity import levels
from jaxgan.sweep.table import Value

EFFECT = {"hinge": 0.0, "relativistic": -1.0, "wasserstein": 2.0}


def cells(random, seeds=6):
    return [
        Value({"loss": loss, "gamma": gamma, "seed": seed}, effect + 3 * gamma + random.normal(), "")
        for loss, effect in EFFECT.items()
        for gamma in (0.0, 1.0)
        for seed in range(seeds)
    ]


def test_planted_effects_are_in_their_intervals():
    inside = []
    for seed in range(200):
        found = {level.values[0]: level.mean for level in levels(cells(np.random.default_rng(seed)), "loss")}
        inside += [found[loss].low <= effect + 1.5 <= found[loss].high for loss, effect in EFFECT.items()]
    assert 0.93 < np.mean(inside) <= 1  # the other option widens them


def test_a_mean_is_that_of_scipy_over_pooled_cells():
    every = cells(np.random.default_rng(0))
    [low, high] = levels(every, "gamma")
    x = [cell.value for cell in every if cell.options["gamma"] == 1.0]
    expected = stats.ttest_1samp(x, 0).confidence_interval()
    assert (low.values, high.values, len(high.cells)) == ((0.0,), (1.0,), 18)
    assert list(high.mean) == pytest.approx([np.mean(x), *expected])


def test_many_numbers_are_groups_of_about_equal_size():
    random = np.random.default_rng(0)
    rates = 10 ** random.uniform(-5, -2, 52)
    every = [
        Value({"lr": float(lr), "seed": seed}, 2 * np.log10(lr) + random.normal(0, 0.1), "")
        for lr in rates
        for seed in range(3)
    ]
    found = levels(every, "lr")
    assert [len(level.cells) for level in found] == [33, 33, 30, 30, 30]
    assert sum((level.values for level in found), ()) == tuple(sorted(rates))
    for level in found:
        truth = 2 * np.log10(level.values).mean()
        assert level.mean.low < truth < level.mean.high
    assert [level.mean.value for level in found] == sorted(level.mean.value for level in found)


def test_cells_without_a_value_are_counted_and_in_no_mean():
    every = [Value({"loss": "a", "seed": seed}, x, "") for seed, x in enumerate([1.0, np.nan, 3.0])]
    [level] = levels(every, "loss")
    assert (level.mean.value, len(level.cells)) == (2.0, 3)
