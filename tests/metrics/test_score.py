import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as student

from jaxgan.errors import Refused
from jaxgan.metrics.metric import compute_metric
from jaxgan.metrics.score import inception_score

LOGITS = 2 * np.random.RandomState(5).randn(120, 6)


def whole(logits, **options):
    return compute_metric(inception_score(**options), [logits])["inception_score_whole"]


def test_frozen_numbers_of_torch_fidelity():
    got = compute_metric(inception_score(), [LOGITS])
    assert got["inception_score"].value == pytest.approx(1.9783063577742948, rel=1e-12)
    assert got["inception_score_whole"].value == pytest.approx(2.151023737122059, rel=1e-12)
    # its standard deviation of the splits (ddof 0), converted to that of the mean
    reach = student.ppf(0.975, 9) * 0.18541764244254355 / 9**0.5
    assert got["inception_score"].high - got["inception_score"].value == pytest.approx(reach, rel=1e-9)


@pytest.mark.parametrize("classes", [2, 10])
def test_certain_and_balanced_predictions_score_the_number_of_classes(classes):
    certain = 1e4 * np.eye(classes)[np.arange(100 * classes) % classes]
    assert whole(certain) == pytest.approx((classes, classes, classes), rel=1e-9)
    collapsed = 1e4 * np.eye(classes)[np.zeros(100, int)]
    assert compute_metric(inception_score(), [collapsed])["inception_score"].value == pytest.approx(
        1, rel=1e-9
    )
    uncertain = np.zeros((100, classes))
    assert whole(uncertain).value == pytest.approx(1, rel=1e-9)


def test_definition():
    p = np.array([[0.9, 0.1], [0.2, 0.8]] * 20)
    q = p.mean(axis=0)
    expected = np.exp((p * np.log(p / q)).sum(axis=1).mean())
    assert whole(np.log(p)).value == pytest.approx(expected, rel=1e-12)
    assert whole(np.log(p) + 7).value == pytest.approx(expected, rel=1e-12)  # up to a constant


def test_logits_in_float32_are_summed_in_float64():
    float32 = (LOGITS + 50).astype(np.float32)
    assert whole(float32) == pytest.approx(whole(float32.astype(float)), rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 120), max_size=5))
def test_block_boundaries_do_not_change_the_result(cuts):
    got = compute_metric(inception_score(), np.split(LOGITS, sorted(cuts)))
    assert got == compute_metric(inception_score(), [LOGITS])


def test_the_order_of_classes_does_not_matter():
    certain = 8 * np.eye(4)[np.arange(400) // 100] + np.random.RandomState(0).randn(400, 4)
    got = compute_metric(inception_score(), [certain])
    assert got["inception_score"].value > 0.9 * got["inception_score_whole"].value > 3


@pytest.mark.parametrize(
    ("name", "quantile"), [("inception_score", student.ppf(0.975, 9)), ("inception_score_whole", 1.96)]
)
def test_the_interval_is_as_wide_as_values_vary(name, quantile):
    random = np.random.RandomState(1)
    got = [compute_metric(inception_score(), [2 * random.randn(400, 4)])[name] for _ in range(200)]
    deviation, width = np.std([g.value for g in got]), np.mean([g.high - g.low for g in got]) / 2 / quantile
    assert width == pytest.approx(deviation, rel=0.15)


def test_the_interval_of_ten_splits_holds_in_95_percent_of_draws():
    random = np.random.RandomState(2)
    got = [
        compute_metric(inception_score(), [2 * random.randn(400, 4)])["inception_score"] for _ in range(2000)
    ]
    mean = np.mean([g.value for g in got])
    covered = sum(g.low <= mean <= g.high for g in got)
    assert binomtest(covered, 2000, 0.95).pvalue > 0.01, covered  # by the normal quantile 92 %


def test_another_name():
    assert set(compute_metric(inception_score(name="score"), [LOGITS])) == {"score", "score_whole"}


def test_invalid_logits_are_refused():
    with pytest.raises(Refused, match="of 10 splits needs at least 20 examples, not 19"):
        whole(LOGITS[:19])
    with pytest.raises(Refused, match="at least 2 splits, not 1"):
        inception_score(splits=1)
    with pytest.raises(Refused, match=r"not an array of shape \(120, 2, 3\)"):
        whole(LOGITS.reshape(120, 2, 3))
    with pytest.raises(Refused, match="1 of 120 examples hold NaN"):
        whole(np.where(np.arange(120)[:, None] == 4, np.nan, LOGITS))
