"""The panel: deterministic numbers that do not depend on blocks or devices, and the oracle."""

import gc
import weakref

import jax
import numpy as np
import pytest
from support import ring_game

from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.data.mixtures import ring_mixture, sampled
from jaxgan.data.source import labelled
from jaxgan.errors import Refused
from jaxgan.evaluate import features
from jaxgan.evaluate import panel as panels
from jaxgan.evaluate.extractor import BLOCK, Extractor, Outputs, from_function, in_blocks, raw
from jaxgan.evaluate.features import cached_outputs
from jaxgan.evaluate.images import clip_to_range
from jaxgan.evaluate.panel import FRESH, panel
from jaxgan.metrics.mixture import WITHIN, perfect
from jaxgan.metrics.neighbours import precision_recall
from jaxgan.run.sample import sampler

COARSE = from_function(
    lambda x: x.reshape(len(x), 4, 2, 4, 2).mean(axis=(2, 4)).reshape(len(x), -1), "coarse", "v1"
)
"""Digits at a quarter of the pixels: cheap, and meaningful."""


def digits(**options):
    train = load("digits")
    return panel(train, train.held_out(), COARSE, **options)


def of(source, start=0):
    return lambda count, at: labelled(source, count, start + at)["x"]


@pytest.fixture(scope="module")
def generated():
    game = ring_game()
    x = load("ring")
    batch = {"x": labelled(x, 4)["x"], "index": np.arange(4, dtype=np.uint32)}
    generator = game.init(jax.random.key(0), batch)[0]
    draw = sampler(game)
    return lambda count, start: draw(generator, count, 7, start)


def test_the_result_is_deterministic(generated):
    one, two = (panel(load("ring"), None, raw(), n=600).measure(generated) for _ in range(2))
    assert one == two


def test_block_size_does_not_change_the_result(generated, monkeypatch):
    whole = panel(load("ring"), None, raw(), n=600).measure(generated)[0]
    monkeypatch.setattr(panels, "CHUNK", 77)
    parts = panel(load("ring"), None, raw(), n=600).measure(generated)[0]
    for name, value in whole.items():
        np.testing.assert_allclose(value, parts[name], atol=1e-5, err_msg=name)


def test_the_number_of_devices_does_not_change_the_result():
    x = np.random.RandomState(0).randn(BLOCK + 3, 5).astype(np.float32)
    weights = np.random.RandomState(1).randn(5, 2).astype(np.float32)
    assert jax.local_device_count() > 1
    np.testing.assert_allclose(in_blocks(lambda w, x: x @ w, weights)(x), x @ weights, atol=1e-5)


def test_the_oracle_of_a_mixture_is_a_perfect_sampler():
    ring = panel(load("ring"), None, raw(), n=2500)
    numbers, refused = ring.oracle()
    assert not refused
    for name in ("high_quality", "width"):
        assert numbers[name].low <= ring.floor[name] <= numbers[name].high, name
    assert numbers["modes"].value == ring.floor["modes"] == 8
    assert numbers["reverse_kl"].value < 5 * ring.floor["reverse_kl"]
    assert ring.about["split"] == "drawn anew"


def test_reference_and_oracle_of_data_drawn_anew_differ():
    with_itself = panel(load("ring"), None, raw(), n=300).measure(of(load("ring")))[0]
    assert with_itself["wasserstein"].value == 0
    assert panel(load("ring"), None, raw(), n=300).oracle()[0]["wasserstein"].value > 0


def test_held_out_digits_are_the_reference_and_training_digits_the_oracle():
    made = digits()
    assert (made.n, made.about["split"], made.about["reference_n"]) == (1500, "test", 297)
    numbers, _ = made.oracle()
    held = load("digits", split="test")
    assert made.measure(of(held), count=297)[0]["fd_coarse"].value < 1e-6
    assert 1e-3 < numbers["fd_coarse"].value < 0.5
    assert not FRESH.keys() & numbers.keys()  # memorisation is not measured for real examples


def test_comparison_with_training_examples_is_a_warning():
    made = digits(split="train")
    assert made.about["split"] == "train"
    assert made.about["warnings"] == ["compared with the training examples (as requested)"]
    assert "fd_coarse" in made.oracle()[0]  # of those held out
    train_only = panel(load("digits"), None, COARSE)
    assert "nothing is held out" in train_only.about["warnings"][0]
    assert train_only.oracle() == ({}, ["no oracle row: there are no other real examples to measure"])


def test_neighbours_use_equally_many_examples_on_both_sides():
    """More samples than real examples would cover them by number alone."""
    train, test = load("digits"), load("digits", split="test")
    noise = np.random.RandomState(0).randn(1500, 8, 8, 1)
    noisy = np.clip(labelled(train, 1500)["x"] + 0.5 * noise, -1, 1).astype(np.float32)
    samples = COARSE.apply(noisy).features
    for n, split, reference in ((1500, "test", test), (100, "test", test), (1500, "train", train)):
        made = digits(n=n, split=split)
        real = COARSE.apply(labelled(reference, n)["x"]).features
        count = made.about["neighbours_n"]
        assert count == min(n, len(real)) == min(n, reference.size)
        result = made.measure(lambda k, at: noisy[at : at + k])[0]
        expected = precision_recall(real[:count]).compute((samples[:count],))
        assert {name: result[name] for name in expected} == expected
    again = made.measure(lambda k, at: noisy[at : at + k], 297)[0]
    expected = precision_recall(real[:297]).compute((samples[:297],))
    assert {name: again[name] for name in expected} == expected


def test_the_number_of_examples_of_the_oracle():
    assert (digits().oracle_n, digits(n=2000).oracle_n, digits(n=100).oracle_n) == (1500, 1500, 100)
    assert digits(split="train").oracle_n == 297
    assert panel(load("ring"), None, raw(), n=300).oracle_n == 300
    assert panel(load("digits"), None, COARSE).oracle_n == 0


def test_copies_of_training_examples_are_flagged_and_fresh_ones_are_not(monkeypatch):
    every = labelled(load("digits"), 1500)
    train = arrays(every["x"][:1000], every["label"][:1000])
    made = panel(train, load("digits", split="test"), COARSE, n=200)
    copied = made.measure(lambda count, at: every["x"][800 + at :][:count])[0]  # training examples
    assert copied["data_copying"].low > 0.9
    assert copied["copies"].low > 0.5
    fresh = made.measure(lambda count, at: every["x"][1000 + at :][:count])[0]
    assert fresh["copies"].high < 0.1
    assert not made.about["warnings"]
    monkeypatch.setattr(features, "MAX_CANDIDATES", 300)
    few = panel(train, load("digits", split="test"), COARSE, n=200)
    assert few.about["warnings"] == ["300 of the 1,000 training examples were searched for copies"]


def test_a_reference_does_not_depend_on_the_order_of_examples():
    """Files are often sorted by class."""
    every = labelled(load("digits"), 1500)
    order = np.argsort(every["label"], kind="stable")
    ordered = arrays(every["x"][order], every["label"][order])
    assert set(labelled(ordered, 100)["label"]) == set(range(10))
    assert panel(ordered, None, COARSE, n=300).measure(of(load("digits")))[0]["fd_coarse"].value < 0.2


def test_features_are_cached_per_extractor_and_resizer(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    x = labelled(load("digits"), 20)["x"]
    one, other = (from_function(lambda x, k=k: k * x.mean(axis=(1, 2)), "mean", f"v{k}") for k in (1, 2))
    halved = one._replace(resizer="half", apply=lambda x: Outputs(one.apply(x).features / 2, None))
    for extractor in (one, other, halved, one):
        np.testing.assert_array_equal(cached_outputs(x, extractor).features, extractor.apply(x).features)


def test_labels_are_those_that_the_generator_is_conditioned_on():
    """Only the intra-class distance detects a generator that ignores its condition."""
    train = load("glyphs")._replace(
        size=1000
    )  # the n-th shows the digit n mod 10, as samples are conditioned
    extractor = from_function(lambda x: x[:, 8:20:6, 8:20:6, 0].reshape(len(x), -1), "four", "v1")
    made = panel(train, load("glyphs", split="test"), extractor, n=400, given=("label",))

    def measure(first):
        def draw(count, at):
            number = np.arange(first + at, first + at + count)
            return np.asarray(train.take(train.arrays, jax.random.key(0), number)["x"])

        return made.measure(draw)[0]

    conditioned, ignored = measure(0), measure(3)
    assert abs(conditioned["fd_four"].value - ignored["fd_four"].value) < 0.1
    assert ignored["intra_fd_four"].value > 2 * conditioned["intra_fd_four"].value
    assert ignored["intra_fd_four"].value > 2 * made.oracle()[0]["intra_fd_four"].value


def test_missing_labels_are_reported():
    train, every = load("digits"), labelled(load("digits", split="test"), 297)
    unlabelled = arrays(every["x"])
    _, refused = panel(train, unlabelled, COARSE, given=("label",)).measure(of(train))
    reason = "not measured: intra_fd_coarse needs labels, and the"
    assert f"{reason} reference examples have none" in refused
    against = panel(train, unlabelled, COARSE, split="train", given=("label",))
    assert "intra_fd_coarse" in against.measure(of(train))[0]
    numbers, refused = against.oracle()
    assert "intra_fd_coarse" not in numbers
    assert f"{reason} examples to measure have none" in refused


def test_more_samples_than_fit_into_memory_are_refused(monkeypatch):
    for data, n in (("ring", 5 * 10**9), ("digits", 10**12)):
        source = load(data)
        with pytest.raises(Refused, match=r"000 samples needs about [\d,]+ GB .* take fewer"):
            panel(source, source.held_out and source.held_out(), raw(), n=n)
    monkeypatch.setattr(panels.memory, "limit", lambda device: 10**9)
    with pytest.raises(Refused, match=r"comparing 250,000 samples needs about 1 GB of memory, and .* has 1"):
        panel(load("ring"), None, raw(), n=250_000)


def test_a_warning_says_how_many_samples_transport_uses():
    warnings = [panel(load("ring"), None, raw(), n=n).about["warnings"] for n in (2500, 2501)]
    assert warnings == [[], ["wasserstein, the exact transport, uses the first 2,500 samples and examples"]]


def test_modes_of_unequal_weight_have_their_own_oracle_and_floor():
    """Real examples are perfect, and equally weighted modes are not."""
    weights = np.array([0.5, 0.3, 0.15, 0.05])
    uneven = sampled(ring_mixture(4)._replace(weights=weights))
    made = panel(uneven, None, raw(), n=800)
    assert made.floor == perfect(4, round(WITHIN * 800), weights)
    for numbers in (made.oracle()[0], made.measure(of(uneven))[0]):
        for name in ("reverse_kl", "imbalance"):
            assert numbers[name].low <= made.floor[name] <= numbers[name].high
    even = made.measure(of(sampled(ring_mixture(4))))[0]["reverse_kl"]
    assert even.low > 20 * made.floor["reverse_kl"]


def test_modes_of_stacked_images_are_the_classes_of_the_channels():
    train = load("stacked:digits")

    def apply(x):  # three digits of ten, which this extractor distinguishes by brightness
        level = ((x.mean(axis=(1, 2)) + 1) * 4.999).astype(int)
        return Outputs(level.astype(np.float32), np.eye(10, dtype=np.float32)[level].reshape(len(x), -1))

    made = panel(train, None, Extractor("levels", "", "none", apply), n=100)

    def draw(count, start):
        wanted = np.array([[0, 0, 0], [0, 0, 9], [1, 0, 0]])[np.arange(start, start + count) % 3]
        return np.broadcast_to(wanted[:, None, None, :] / 5 - 0.95, (count, 8, 8, 3)).astype(np.float32)

    numbers, _ = made.measure(draw)
    assert numbers["modes"].value == 3
    assert numbers["imbalance"].low < numbers["imbalance"].high
    assert made.floor["modes"] == pytest.approx(1000 * (1 - 0.999**100))
    assert not any(name.startswith("score") for name in numbers)


@pytest.mark.parametrize("classes", [0, 7, 1008])
def test_modes_of_stacked_images_need_each_channels_class(classes):
    """Other logits, as those of Inception, do not give them."""

    def apply(x):
        flat = x.reshape(len(x), -1)
        return Outputs(flat[:, :4], np.resize(flat, (len(x), classes)) if classes else None)

    train = load("stacked:digits")
    numbers, refused = panel(train, None, Extractor("whole", "", "none", apply), n=100).measure(of(train))
    assert "modes" not in numbers
    assert "fd_whole" in numbers
    reason = "modes of stacked images need the class of each channel: use the local extractor"
    assert f"not measured: {reason}" in refused


def test_a_refused_metric_gives_the_reason():
    _, refused = panel(load("digits"), load("digits", split="test"), COARSE, n=12).measure(of(load("digits")))
    assert any("needs more than 16 real examples" in why for why in refused)


def test_a_refused_metric_does_not_keep_samples_in_memory():
    alive = []

    def apply(x):
        alive.append(weakref.ref(x))
        return COARSE.apply(x)

    few = panel(load("digits"), load("digits", split="test"), COARSE._replace(apply=apply), n=12)
    before = len(alive)
    for _ in range(2):
        few.measure(of(load("digits")))
    gc.collect()
    assert len(alive) == before + 2
    assert not any(x() is not None for x in alive[before:])


def test_images_are_clipped_as_in_a_picture():
    one, real = digits(n=100), of(load("digits"))
    plain = one.measure(real)
    assert one.measure(lambda count, start: 1.25 * real(count, start)) != plain
    beyond = one.measure(lambda count, start: np.where(np.abs(x := real(count, start)) == 1, 7 * x, x))
    assert beyond == plain
    points = panel(load("ring"), None, raw(), n=300)
    far = points.measure(lambda count, start: 9 + of(load("ring"))(count, start))[0]
    assert far["sliced_wasserstein"].value > 5
    np.testing.assert_array_equal(clip_to_range(np.full((1, 1, 1, 1), 5.0), np.full((1, 1, 1, 1), -2.5)), 2.5)


def test_samples_of_another_shape_are_refused():
    for wrong in (np.zeros((50, 8, 8, 1)), np.zeros((100, 8, 8)), np.zeros((100, 8, 8, 1), np.uint8)):
        with pytest.raises(Refused, match=r"expected 100 samples of floats \(8, 8, 1\), not an array"):
            digits(n=100).measure(lambda count, start, wrong=wrong: wrong)
    with pytest.raises(Refused, match="the splits are"):
        digits(n=100, split="tset")


def test_samples_that_are_not_finite_are_refused():
    broken = labelled(load("ring"), 300)["x"]
    broken[7] = np.nan
    with pytest.raises(Refused, match="1 of 300 samples from number 0 on hold NaN"):
        panel(load("ring"), None, raw(), n=300).measure(lambda count, start: broken)
    with pytest.raises(Refused, match="at least two samples, not 1"):
        panel(load("ring"), None, raw(), n=1)


def test_other_extractors_cannot_take_reserved_names():
    for name in ("inception", "local", "raw"):
        with pytest.raises(Refused, match="choose another name"):
            from_function(lambda x: x, name)
    with pytest.raises(Refused, match=r"mean returns \(5,\): return features \[n, d\]"):
        from_function(lambda x: x.mean(axis=(1, 2, 3)), "mean").apply(np.zeros((5, 8, 8, 1), np.float32))
