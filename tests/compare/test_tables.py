"""One measure of several methods: what counts as stable, and what a correction takes back."""

import numpy as np
from scipy import stats

from jaxgan.compare.methods import Measure
from jaxgan.compare.tables import table
from jaxgan.metrics.metric import Estimate

KID = Measure("kid", "while training")


def stable(name="kid", better="lower", failed=None, within=None, oracle=None, **seeds):
    seeds = {method: dict(enumerate(values)) for method, values in seeds.items()}
    found = table(Measure(name, ""), "", better, seeds, failed, within, oracle)
    return [(one.stable, one.of) for one in found.summaries]


def test_stable_is_near_the_methods_own_best():
    a, b = [10.0, 11.0, 12.0, 30.0], [50.0, 50.0, 45.1, 44.0]
    assert stable(A=a, B=b) == [(2, 4), (2, 4)]  # 10 to 11, 44 to 48.4
    assert stable(better="higher", A=a, B=b) == [(1, 4), (3, 4)]  # 30 to 27, 50 to 45
    assert stable(better=None, A=a, B=b) == [(2, 4), (4, 4)]  # 10.4 to 12.7, 42.8 to 52.3
    assert stable(within=2.0, A=a, B=b) == [(3, 4), (2, 4)]
    assert stable(within=0.0, A=a, B=b) == [(1, 4), (1, 4)]


def test_stable_does_not_depend_on_who_else_is_compared():
    a, b, bad = [7.0, 8.0, 6.0, 8.0], [8.0, 5.0, 8.0, 7.0], [-100.0] * 4
    two = stable("modes", "higher", A=a, B=b)
    assert stable("modes", "higher", A=a, B=b, C=bad)[:2] == two == [(2, 4), (2, 4)]


def test_what_is_best_at_0_is_stable_as_near_as_chance_allows():
    kl = [0.0012, 0.0033, 0.009, 0.02]
    assert stable("reverse_kl", A=kl) == [(3, 4)]  # within 0.01
    assert stable("reverse_kl", A=kl, oracle=Estimate(0.03, 0.0, 0.06)) == [(4, 4)]
    assert stable("kid", A=kl) == [(1, 4)]  # whose scale nobody knows
    assert stable("kid", A=kl, oracle=Estimate(-0.001, -0.005, 0.003)) == [(2, 4)]  # half of 0.008
    assert stable("energy", A=[-0.007, -0.006, 0.003, 0.1], oracle=Estimate(-0.0105, np.nan, np.nan)) == [
        (3, 4)
    ]
    assert stable("modes", "higher", A=[8.0, 7.0], oracle=Estimate(8.0, np.nan, np.nan)) == [(1, 2)]


def test_seeds_that_failed_are_not_stable_but_count():
    """Six of nine are gone, and one more has failed after it was measured, at the best number of all."""
    seeds = {"A": {0: 7.0, 1: 8.0, 2: 7.1}, "B": {0: 7.0, 1: 7.5}}
    found = table(KID, "", "higher", seeds, {"A": [1, *range(3, 9)], "B": []})
    a, b = found.summaries
    assert (a.stable, a.seeds, a.of, a.mean.value) == (2, 3, 9, np.mean([7.0, 8.0, 7.1]))
    assert (b.stable, b.seeds, b.of) == (2, 2, 2)
    assert found.pairs[0].says.endswith(
        " 1 of 9 seeds of A failed, and count by the number they have."
        " Without 6 of 9 seeds of A, which failed before that."
    )
    nobody = table(KID, "", "higher", {"A": {}}, {"A": range(8)}).summaries[0]
    assert (nobody.stable, nobody.seeds, nobody.of) == (0, 0, 8)
    assert np.isnan([*nobody.mean, nobody.within]).all()


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
    assert three.difference.interval.low > 0  # which looks as if it could
    assert "], an interval of this pair alone, 6 seeds" in three.says
    assert three.p_shuffled == 3 * three.difference.p_shuffled == 3 * two.p_shuffled
    assert f"p {three.p:.3g}, by rearranging {three.p_shuffled:.3g}, both among 3 pairs; a true" in three.says
    assert three.difference.shown > two.difference.shown > 1  # more than what was seen and could not be told


def numbered(*values):
    return dict(enumerate(values))


def said(better="higher", **seeds):
    return [pair.says for pair in table(KID, "", better, seeds).pairs]


def test_what_spreads_more_is_told_by_what_was_tested():
    """One outlier makes the standard deviation of B the larger, though A lies farther from its median."""
    a, b = numbered(*[-1.0, 1.0] * 8), numbered(*[0.0] * 15, 4.5)
    assert np.std(list(b.values())) > np.std(list(a.values()))
    assert "Over seeds A spreads more about its median than B (p 0.01" in said(A=a, B=b)[0]
    assert "Over seeds A spreads more about its median than B (p 0.01" in said(B=b, A=a)[0]


def test_what_spreads_more_is_one_of_many_pairs():
    random = np.random.RandomState(0)
    seeds = {name: numbered(*random.normal(0, sd, 8)) for name, sd in zip("ABC", (1, 1, 3.5), strict=True)}
    (one,) = table(KID, "", "lower", {name: seeds[name] for name in "AC"}).pairs
    many = {(pair.a, pair.b): pair for pair in table(KID, "", "lower", seeds).pairs}
    assert one.p_spread < many["A", "C"].p_spread
    plain = sorted(stats.levene(*(list(seeds[x].values()) for x in pair)).pvalue for pair in many)
    corrected = np.minimum(np.maximum.accumulate(np.multiply(plain, [3, 2, 1])), 1)
    np.testing.assert_allclose(sorted(pair.p_spread for pair in many.values()), corrected)
    assert " among 3 pairs)." in many["B", "C"].says


def test_how_few_seeds_spread_is_not_said():
    calm, wild = [0.0, 0.01, -0.01, 0.02], [-9.0, 9.0, 8.0, -8.0]
    words = "Over seeds B spreads more about its median than A"
    assert words not in said(A=numbered(*calm), B=numbered(*wild))[0]
    assert words in said(A=numbered(*calm, 0.0), B=numbered(*wild, 0.0, 7.0))[0]


def test_of_few_seeds_it_is_said_first():
    """Whether they are enough is what rearranging them could show at best, in as many pairs as there are."""
    a = [6.0, 7.0, 6.0, 7.1, 6.1, 7.2]
    b = [8.0, 9.02, 8.1, 9.0, 8.2, 9.1]
    assert said(A=numbered(*a[:2]), B=numbered(*b[:2]))[0].startswith(
        "Too few seeds to say; by a t-test alone B is better than A: +2.01 [1.88, 2.14], 2 seeds"
    )
    few = "Too few seeds to say; by a t-test alone B is better than A: +"
    assert said(A=numbered(*a[:5]), B=numbered(*b[:5]))[0].startswith(few)  # 2 in 32
    assert said(A=numbered(*a), B=numbered(*b))[0].startswith("B is better than A: +2")
    assert said(A=numbered(*a), B=numbered(*b), C=numbered(*[0.0] * 6))[0].startswith(few)  # 3 times 2 in 64
    others = {seed + 9: x for seed, x in enumerate(b[:4])}
    assert said(A=numbered(*a[:4]), B=others)[0].startswith("B is better than A: +")  # 2 in 70
    assert said(A=numbered(*a[:3]), B={seed: others[seed] for seed in (9, 10, 11)})[0].startswith(few)


def test_the_same_difference_everywhere_has_no_interval():
    a, b = [1.0, 2.0, 5.0, 3.0, 2.0, 4.0], [2.0, 3.0, 6.0, 4.0, 3.0, 5.0]
    assert said(A=numbered(*a), B=numbered(*b)) == [
        "B is better than A: +1, the same difference in every seed, 6 seeds, the same in both "
        "(p 0.0312, by rearranging 0.0312)."
    ]
    assert said(A=numbered(*a[:2]), B=numbered(*b[:2]))[0].startswith(
        "No difference can be told: B - A is +1, the same difference in every seed, 2 seeds"
    )


def test_groups_that_do_not_spread_have_no_interval():
    (words,) = said(A=numbered(*[1.0] * 4), B={seed + 9: 2.0 for seed in range(4)})
    assert words.startswith(
        "B is better than A: +1, the same number in every seed of a method, 4 seeds or more, "
        "not the same in both (p 0.0286"
    )


def test_few_that_are_in_both_are_no_pairs():
    """Of 16 seeds and 2 all 18 count; of 8 and 7 the 7 pairs."""
    random = np.random.RandomState(0)
    a, b = numbered(*random.normal(5, 1, 16)), numbered(*random.normal(8, 1, 16))
    for few, paired in ((2, False), (11, False), (12, True), (16, True)):
        some = {seed: b[seed] for seed in range(few)}
        (pair,) = table(KID, "", "higher", {"A": a, "B": some}).pairs
        x, y = list(a.values()), list(some.values())
        theirs = stats.ttest_rel(y, x[:few]) if paired else stats.ttest_ind(y, x, equal_var=False)
        np.testing.assert_allclose(pair.p, theirs.pvalue)
        assert pair.difference.paired == paired
