import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu

from jaxgan.errors import Refused
from jaxgan.metrics.memorisation import memorisation
from jaxgan.metrics.metric import compute_metric, excess

DRAW = np.random.RandomState(0)
D = 8
TRAIN, HELD_OUT = DRAW.normal(size=(400, D)), DRAW.normal(size=(100, D))
METRIC = memorisation(TRAIN, HELD_OUT)
FRESH = {"data_copying": 0.5, "train_share": 0.5, "copies": 0.0, "repeats": 0.01}
"""What fresh draws score on average."""


@pytest.fixture(autouse=True)
def seeded():
    """The draws of a test do not depend on the tests before it."""
    DRAW.seed(1)


def measure(generated):
    return METRIC.compute((generated,))


def fresh(n=200):
    return DRAW.normal(size=(n, D))


def test_fresh_draws_are_not_flagged():
    """With sets of unequal size. Two repeats in 200 are too few for an interval that holds in 95 %."""
    hits = dict.fromkeys(FRESH, 0)
    got = {name: [] for name in FRESH}
    for _ in range(40):
        metric = memorisation(DRAW.normal(size=(400, D)), DRAW.normal(size=(100, D)))
        for name, (value, low, high) in metric.compute((fresh(),)).items():
            hits[name] += low - 1e-12 <= FRESH[name] <= high + 1e-12
            got[name].append(value)
    assert min(hits["data_copying"], hits["train_share"], hits["copies"]) >= 35, hits
    assert hits["repeats"] >= 30, hits
    for name in ("data_copying", "train_share"):
        assert abs(np.mean(got[name]) - 0.5) < 4 * np.std(got[name]) / 40**0.5 < 0.04
    assert np.abs(np.mean(got["copies"])) < 0.002
    assert 0.005 < np.mean(got["repeats"]) < 0.025


def test_intervals_are_as_wide_as_values_vary():
    # in the plane a nearest neighbour is often a third as far as the next; more samples than examples
    trials = []
    for _ in range(60):
        metric = memorisation(DRAW.normal(size=(120, 2)), DRAW.normal(size=(80, 2)))
        trials.append(metric.compute((DRAW.normal(size=(300, 2)),)))
    for name in FRESH:
        spread = np.std([t[name].value for t in trials])
        width = np.mean([(t[name].high - t[name].low) / 2 / 1.96 for t in trials])
        assert 0.7 < width / spread < 1.5, name
    assert np.mean([t["copies"].value for t in trials]) == pytest.approx(0, abs=0.015)


def test_copies_are_flagged():
    copies = measure(TRAIN[:200] + 1e-3 * fresh())
    assert copies["data_copying"].low > 0.95
    assert copies["train_share"].low > 0.9
    assert copies["copies"].low > 0.95
    assert copies["repeats"].low < 0.01 < copies["repeats"].high


@pytest.mark.parametrize(
    ("hits", "n", "others", "m", "low", "high"),
    [(9, 10, 3, 10, 0.1705, 0.809), (5, 56, 0, 29, -0.0381, 0.1926), (10, 10, 0, 20, 0.6791, 1)],
)
def test_difference_of_shares_as_published(hits, n, others, m, low, high):
    """Newcombe (1998), method 10 of his Table II."""
    estimate = excess(np.arange(n) < hits, np.arange(m) < others)
    assert estimate == pytest.approx((hits / n - others / m, low, high), abs=5e-5)


def test_intervals_of_few_equal_outcomes_are_not_empty():
    spread = np.linspace(-50, 50, 30)[:, None] * np.ones(D)  # no copies, no repeats
    got = measure(spread)
    assert (got["copies"].value, got["repeats"].value) == (0, 0)
    assert got["copies"].low < -0.005 < 0.1 < got["copies"].high < 0.13
    assert got["repeats"].low == 0
    assert 0.15 < got["repeats"].high < 0.25  # 15 pairs
    twice = measure(np.repeat(spread, 2, axis=0))["repeats"]
    assert twice.value == 1
    assert 0.8 < twice.low < 0.95
    five = measure(TRAIN[:5])["data_copying"]
    assert (five.value, five.high) == (1, 1)
    assert 0.5 < five.low < 0.7


def test_a_few_copies_among_fresh_draws_are_flagged():
    numbers = measure(np.concatenate([TRAIN[:20], fresh(180)]))["copies"]
    assert numbers.value == pytest.approx(0.1, abs=0.02)
    assert numbers.low > 0.04


def test_samples_close_to_training_examples_are_flagged():
    close = measure(0.9 * TRAIN[:200] + 0.3 * fresh())
    assert close["train_share"].low > 0.6


def test_noisy_and_narrow_samples_are_not_flagged_as_copies():
    noisy, narrow = measure(2 * fresh(1000)), measure(0.5 * fresh(1000))
    assert noisy["data_copying"].high < 0.2  # which does not indicate copies
    assert narrow["data_copying"].low > 0.8
    for samples in (noisy, narrow):
        assert samples["train_share"].low < 0.5 < samples["train_share"].high
        assert samples["copies"].high < 0.03


def test_a_single_repeated_sample():
    for one, share in ((TRAIN[:1] + 0.5, 1.0), (HELD_OUT[:1] + 1e-3, 0.0)):
        same = measure(np.repeat(one, 200, axis=0) + 1e-4 * fresh())
        assert same["repeats"].low > 0.95
        # all have the same nearest example, which is on either side by chance
        assert same["train_share"].value == share
        assert same["train_share"].low < 0.5 < same["train_share"].high


def test_the_interval_of_train_share_agrees_with_shuffling():
    both, samples = np.concatenate([TRAIN, HELD_OUT]), fresh(2000)
    got = measure(samples)["train_share"]
    count = np.bincount(cdist(samples, both).argmin(axis=1), minlength=500)
    shuffled = []
    for _ in range(2000):
        DRAW.shuffle(count)
        a, b = count[:400].mean(), count[400:].mean()
        shuffled.append(a / (a + b))
    assert (got.high - got.low) / 2 == pytest.approx(1.96 * np.std(shuffled), rel=0.1)


def test_definition():
    generated = np.concatenate([TRAIN[:20] + 0.1 * fresh(20), 0.8 * fresh(500)])
    to_train, held_out = cdist(generated, TRAIN), cdist(HELD_OUT, TRAIN)
    to_held_out = cdist(generated, HELD_OUT).min(axis=1)
    got = measure(generated)
    u = mannwhitneyu(held_out.min(axis=1), to_train.min(axis=1)).statistic
    assert got["data_copying"].value == pytest.approx(u / len(generated) / len(HELD_OUT))
    closer = (to_train.min(axis=1) < to_held_out).sum()
    rates = closer / len(TRAIN), (len(generated) - closer) / len(HELD_OUT)
    assert got["train_share"].value == pytest.approx(rates[0] / sum(rates))
    thirds = [
        (np.partition(d, 1, axis=1)[:, 0] < np.partition(d, 1, axis=1)[:, 1] / 3).mean()
        for d in (to_train, held_out)
    ]
    assert got["copies"].value == pytest.approx(thirds[0] - thirds[1])
    assert thirds[0] > 0.03


def test_definition_of_repeats():
    generated = np.concatenate([0.7 * fresh(395), 1e-3 * fresh(5)])  # as many as training examples: all count
    nearest = [np.sort(cdist(x, x), axis=1)[:, 1] for x in (generated, TRAIN)]
    expected = (nearest[0] <= np.quantile(nearest[1], 0.01, method="weibull")).mean()
    assert measure(generated)["repeats"].value == pytest.approx(expected)
    assert expected > 0.05


def test_examples_that_the_training_set_contains_twice():
    train = np.concatenate([TRAIN, TRAIN[:10]])
    metric = memorisation(train, HELD_OUT)
    assert metric.compute((train[:10],))["copies"].value == 1.0
    assert metric.compute((np.repeat(fresh(205), 2, axis=0),))["repeats"].value == 1.0


def test_examples_in_both_sets_count_half():
    x = np.concatenate([TRAIN[:50], HELD_OUT[:50]])
    metric = memorisation(x, x)
    assert metric.compute((fresh(),))["train_share"].value == 0.5
    assert metric.compute((x[:20],))["data_copying"].value == 0.5


def test_the_result_is_deterministic_and_does_not_depend_on_blocks():
    generated = fresh(150)
    expected = measure(generated)
    assert measure(generated) == expected
    assert compute_metric(METRIC, [generated[:100], generated[100:]]) == expected
    assert memorisation(TRAIN, HELD_OUT, block=100).compute((generated,)) == expected


def test_invalid_examples_are_refused():
    infinite = np.full((6, D), np.inf)
    with pytest.raises(Refused, match=r"two training and two held-out examples, not 400 and 1"):
        memorisation(TRAIN, HELD_OUT[:1])
    with pytest.raises(Refused, match="there are no held-out examples"):
        memorisation(TRAIN, HELD_OUT[:0])
    with pytest.raises(Refused, match="two generated examples, not 1"):
        measure(fresh(1))
    with pytest.raises(Refused, match="6 of 6 generated examples are not finite"):
        measure(infinite)
    with pytest.raises(Refused, match=r"held-out examples of 3 numbers .* 8"):
        memorisation(TRAIN, HELD_OUT[:, :3])
