"""Tables of one measure: which seeds are stable, corrections for several pairs, and verdicts in words."""

import numpy as np
from scipy import stats

from jaxgan.compare.methods import Measure
from jaxgan.compare.tables import table
from jaxgan.metrics.metric import Estimate

KID = Measure("kid", "while training")


def stable(name="kid", better="lower", failed=None, within=None, oracle=None, **seeds):
    seeds = {method: dict(enumerate(values)) for method, values in seeds.items()}
    summaries = table(Measure(name, ""), "", better, seeds, failed, within, oracle).summaries
    return [(summary.stable, summary.of) for summary in summaries]


def test_stable_seeds_are_near_the_best_of_their_method():
    a, b = [10.0, 11.0, 12.0, 30.0], [50.0, 50.0, 45.1, 44.0]
    assert stable(A=a, B=b) == [(2, 4), (2, 4)]  # 10 to 11, 44 to 48.4
    assert stable(better="higher", A=a, B=b) == [(1, 4), (3, 4)]  # 30 to 27, 50 to 45
    assert stable(better=None, A=a, B=b) == [(2, 4), (4, 4)]  # 10.4 to 12.7, 42.8 to 52.3
    assert stable(within=2.0, A=a, B=b) == [(3, 4), (2, 4)]
    assert stable(within=0.0, A=a, B=b) == [(1, 4), (1, 4)]


def test_stable_seeds_do_not_depend_on_other_methods():
    a, b, bad = [7.0, 8.0, 6.0, 8.0], [8.0, 5.0, 8.0, 7.0], [-100.0] * 4
    two = stable("modes", "higher", A=a, B=b)
    assert stable("modes", "higher", A=a, B=b, C=bad)[:2] == two == [(2, 4), (2, 4)]


def test_near_0_the_noise_decides_which_seeds_are_stable():
    kl = [0.0012, 0.0033, 0.009, 0.02]
    assert stable("reverse_kl", A=kl) == [(3, 4)]  # within 0.01
    assert stable("reverse_kl", A=kl, oracle=Estimate(0.03, 0.0, 0.06)) == [(4, 4)]
    assert stable("kid", A=kl) == [(1, 4)]  # of unknown scale
    assert stable("kid", A=kl, oracle=Estimate(-0.001, -0.005, 0.003)) == [(2, 4)]  # half of 0.008
    assert stable("energy", A=[-0.007, -0.006, 0.003, 0.1], oracle=Estimate(-0.0105, np.nan, np.nan)) == [
        (3, 4)
    ]
    assert stable("modes", "higher", A=[8.0, 7.0], oracle=Estimate(8.0, np.nan, np.nan)) == [(1, 2)]


def test_failed_seeds_are_counted_but_not_stable():
    """Six of nine failed before they had a value, and one after it had the best value of all."""
    seeds = {"A": {0: 7.0, 1: 8.0, 2: 7.1}, "B": {0: 7.0, 1: 7.5}}
    result = table(KID, "", "higher", seeds, {"A": [1, *range(3, 9)], "B": []})
    a, b = result.summaries
    assert (a.stable, a.seeds, a.of, a.mean.value) == (2, 3, 9, np.mean([7.0, 8.0, 7.1]))
    assert (b.stable, b.seeds, b.of) == (2, 2, 2)
    assert result.pairs[0].says.endswith(
        " 1 of 9 seeds of A failed and count with their last value."
        " 6 of 9 seeds of A are not included: they failed before they had a value."
    )
    none = table(KID, "", "higher", {"A": {}}, {"A": range(8)}).summaries[0]
    assert (none.stable, none.seeds, none.of) == (0, 0, 8)
    assert np.isnan([*none.mean, none.within]).all()


def test_a_difference_in_several_pairs_must_be_clearer():
    """A p of 0.03 is significant for a single pair, but not for one of three."""
    z = np.arange(6) - 2.5
    z = 0.822 * z / z.std(ddof=1)
    seeds = {"A": dict.fromkeys(range(6), 0.0), "B": dict(enumerate(1 + z)), "C": dict(enumerate(-z))}
    two = table(KID, "", "lower", {name: seeds[name] for name in "AB"}).pairs[0]
    three = table(KID, "", "lower", seeds).pairs[0]
    assert two.p == two.difference.p == three.difference.p < 0.05 < three.p
    assert two.says.startswith("A is better than B: −1 [")
    assert three.says.startswith("No significant difference: B - A is +1 [")
    assert three.difference.interval.low > 0  # though it looks significant
    assert "], an interval without correction, 6 shared seeds" in three.says
    assert three.p_shuffled == 3 * three.difference.p_shuffled == 3 * two.p_shuffled
    tests = f"p {three.p:.3g}, permutation p {three.p_shuffled:.3g}, corrected for 3 pairs; a true"
    assert tests in three.says
    assert (
        three.difference.shown > two.difference.shown > 1
    )  # more than the difference that is not significant


def numbered(*values):
    return dict(enumerate(values))


def verdicts(better="higher", **seeds):
    return [pair.says for pair in table(KID, "", better, seeds).pairs]


def test_the_wider_spread_is_by_the_distances_that_were_tested():
    """An outlier gives B the larger standard deviation, though A is farther from its median on average."""
    a, b = numbered(*[-1.0, 1.0] * 8), numbered(*[0.0] * 15, 4.5)
    assert np.std(list(b.values())) > np.std(list(a.values()))
    words = "The seeds of A spread more about their median than those of B (p 0.01"
    assert words in verdicts(A=a, B=b)[0]
    assert words in verdicts(B=b, A=a)[0]


def test_differences_of_spread_are_corrected_for_the_number_of_pairs():
    random = np.random.RandomState(0)
    seeds = {name: numbered(*random.normal(0, sd, 8)) for name, sd in zip("ABC", (1, 1, 3.5), strict=True)}
    (single,) = table(KID, "", "lower", {name: seeds[name] for name in "AC"}).pairs
    many = {(pair.a, pair.b): pair for pair in table(KID, "", "lower", seeds).pairs}
    assert single.p_spread < many["A", "C"].p_spread
    plain = sorted(stats.levene(*(list(seeds[x].values()) for x in pair)).pvalue for pair in many)
    corrected = np.minimum(np.maximum.accumulate(np.multiply(plain, [3, 2, 1])), 1)
    np.testing.assert_allclose(sorted(pair.p_spread for pair in many.values()), corrected)
    assert ", corrected for 3 pairs)." in many["B", "C"].says


def test_differences_of_spread_need_five_seeds():
    narrow, wide = [0.0, 0.01, -0.01, 0.02], [-9.0, 9.0, 8.0, -8.0]
    words = "The seeds of B spread more about their median than those of A"
    assert words not in verdicts(A=numbered(*narrow), B=numbered(*wide))[0]
    assert words in verdicts(A=numbered(*narrow, 0.0), B=numbered(*wide, 0.0, 7.0))[0]


def test_too_few_seeds_are_stated_first():
    """They are enough if their smallest possible permutation p is significant, corrected for all pairs."""
    a = [6.0, 7.0, 6.0, 7.1, 6.1, 7.2]
    b = [8.0, 9.02, 8.1, 9.0, 8.2, 9.1]
    few = "Too few seeds for a conclusion; by the t-test alone B is better than A: +"
    words = verdicts(A=numbered(*a[:2]), B=numbered(*b[:2]))[0]
    assert words.startswith(f"{few}2.01 [1.88, 2.14], 2 shared seeds")
    assert verdicts(A=numbered(*a[:5]), B=numbered(*b[:5]))[0].startswith(few)  # 2 in 32
    assert verdicts(A=numbered(*a), B=numbered(*b))[0].startswith("B is better than A: +2")
    assert verdicts(A=numbered(*a), B=numbered(*b), C=numbered(*[0.0] * 6))[0].startswith(
        few
    )  # 3 times 2 in 64
    others = {seed + 9: x for seed, x in enumerate(b[:4])}
    assert verdicts(A=numbered(*a[:4]), B=others)[0].startswith("B is better than A: +")  # 2 in 70
    assert verdicts(A=numbered(*a[:3]), B={seed: others[seed] for seed in (9, 10, 11)})[0].startswith(few)


def test_the_same_difference_in_every_seed_has_no_interval():
    a, b = [1.0, 2.0, 5.0, 3.0, 2.0, 4.0], [2.0, 3.0, 6.0, 4.0, 3.0, 5.0]
    assert verdicts(A=numbered(*a), B=numbered(*b)) == [
        "B is better than A: +1, the same difference in every seed, 6 shared seeds "
        "(p 0.0312, permutation p 0.0312)."
    ]
    assert verdicts(A=numbered(*a[:2]), B=numbered(*b[:2]))[0].startswith(
        "No significant difference: B - A is +1, the same difference in every seed, 2 shared seeds"
    )


def test_groups_that_do_not_vary_have_no_interval():
    (words,) = verdicts(A=numbered(*[1.0] * 4), B={seed + 9: 2.0 for seed in range(4)})
    assert words.startswith(
        "B is better than A: +1, the same value in every seed of a method, at least 4 seeds each, "
        "not paired (p 0.0286"
    )


def test_few_shared_seeds_are_not_paired():
    """Of 16 seeds and 2 all 18 count; of 8 and 7 the 7 pairs."""
    random = np.random.RandomState(0)
    a, b = numbered(*random.normal(5, 1, 16)), numbered(*random.normal(8, 1, 16))
    for few, paired in ((2, False), (11, False), (12, True), (16, True)):
        some = {seed: b[seed] for seed in range(few)}
        (pair,) = table(KID, "", "higher", {"A": a, "B": some}).pairs
        x, y = list(a.values()), list(some.values())
        t_test = stats.ttest_rel(y, x[:few]) if paired else stats.ttest_ind(y, x, equal_var=False)
        np.testing.assert_allclose(pair.p, t_test.pvalue)
        assert pair.difference.paired == paired
