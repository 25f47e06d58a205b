"""One measure of several methods: what counts as stable, and what a correction takes back."""

import numpy as np

from jaxgan.report.methods import Measure
from jaxgan.report.tables import table

KID = Measure("kid", "while training")


def test_stable_is_near_the_methods_own_best():
    seeds = {"A": dict(enumerate([1.0, 1.5, 5.0, 9.0])), "B": dict(enumerate([11.0, 11.0, 10.5, 11.0]))}

    def stable(better, within=None):
        return [summary.stable for summary in table(KID, "", better, seeds, within).summaries]

    assert stable("lower") == [2, 4]  # a tenth of the range from 1 to 11
    assert stable("higher") == [1, 4]
    assert stable("lower", within=4.0) == [3, 4]
    assert stable("lower", within=0.0) == [1, 1]


def test_a_difference_among_many_must_be_clearer():
    """p 0.03 tells a difference of one pair, not of one pair in three."""
    z = np.arange(6) - 2.5
    z = 0.822 * z / z.std(ddof=1)
    seeds = {"A": dict.fromkeys(range(6), 0.0), "B": dict(enumerate(1 + z)), "C": dict(enumerate(-z))}
    two = table(KID, "", "lower", {name: seeds[name] for name in "AB"}).pairs[0]
    three = table(KID, "", "lower", seeds).pairs[0]
    assert two.p == two.difference.p == three.difference.p < 0.05 < three.p
    assert two.says.startswith("A is better than B: −1 [")
    assert three.says.startswith("No difference can be told: B - A is +1 [")
