"""Whether generation helps: worlds where it must, and where it must not; what each arm gets; the command."""

import json
from dataclasses import dataclass
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.compare.augment import arms, of_run
from jaxgan.compare.augment.study import Given, points, study, verdict
from jaxgan.compare.statistics import mean, two_way_mean
from jaxgan.metrics.metric import Estimate

SIDE, CLASSES = 6, 3
OPTIONS = {"seeds": 4, "steps": 40}


@pytest.fixture(autouse=True, scope="module")
def small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arms, "BATCH", 24)
        yield


def draws(count, seed):
    """Noisy images of CLASSES classes in turn, told apart by the brightness of a third of the rows."""
    random, label = np.random.RandomState(seed), np.arange(count) % CLASSES
    x = random.normal(0, 0.7, (count, SIDE, SIDE, 1))
    for k in range(CLASSES):
        x[label == k, 2 * k : 2 * k + 2] += 0.6
    return {"x": x.astype(np.float32), "label": label.astype(np.int32)}


def world():
    return Given(draws(6, 1), draws(300, 2), draws(600, 3), CLASSES)


@pytest.fixture(scope="module")
def fresh():
    """A perfect generator: what it draws is all of the real examples."""
    return study(world(), [world().everything], **OPTIONS)


@pytest.fixture(scope="module")
def copying():
    """A generator that repeats the six."""
    few = world().few
    return study(world(), [{name: np.resize(x, (60, *x.shape[1:])) for name, x in few.items()}], **OPTIONS)


@pytest.fixture(scope="module")
def mislabelled():
    """A generator of perfect images of the wrong classes."""
    drawn = world().everything
    return study(world(), [{**drawn, "label": (drawn["label"] + 1) % CLASSES}], **OPTIONS)


def test_a_perfect_generator_helps(fresh):
    assert fresh.differences["few"].low > 0
    assert fresh.verdict.startswith("Generation helped beside the few alone (+")
    assert fresh.memorised[0]["copies"].low <= 0


def test_copies_of_the_few_do_not_help_and_are_named(copying):
    difference = copying.differences["few"]
    assert difference.high < 0.06
    assert "whether generation helps beside the few alone cannot be told" in copying.verdict.lower()
    assert copying.memorised[0]["copies"].value > 0.9
    assert "100 % of the generated examples are near copies of the few" in copying.verdict


def test_wrong_labels_hurt(mislabelled):
    assert mislabelled.differences["few"].high < 0
    assert mislabelled.verdict.startswith("Generation hurt beside the few alone (-")
    assert mislabelled.right[0] < 0.2


def test_generated_alone_of_all_real_examples_is_the_oracle(fresh):
    assert fresh.of_units["generated alone"] == fresh.of_units["all real"]
    assert fresh.accuracies["all real"].value > fresh.accuracies["few"].value


def test_arms_without_generated_examples_do_not_depend_on_them(fresh, copying, mislabelled):
    """So the same numbers come out again, bit for bit, and a seed is the same classifier in every study."""
    for name in ("few", "augmented", "all real"):
        assert fresh.of_units[name] == copying.of_units[name] == mislabelled.of_units[name]


def test_every_arm_gets_as_many_updates_of_as_many_examples(monkeypatch):
    taken = []

    def learner(*options):
        def step(state, x, label, key=None):
            taken.append((len(x), len(label)))
            return state

        def outputs(state, x):
            return x.reshape(len(x), -1), np.eye(CLASSES)[np.arange(len(x)) % CLASSES]

        return SimpleNamespace(init=lambda key, x: (), step=step, outputs=outputs)

    monkeypatch.setattr(arms, "_learner", learner)
    lines = []
    study(world(), [draws(30, 4), draws(30, 5)], seeds=3, steps=7, say=lines.append)
    assert taken == [(24, 24)] * (6 * 2 * 3 * 7)
    assert lines[-1].startswith("all real: ")


def test_the_generated_share_of_a_batch_is_exact():
    pools = {"few": arms.pool(np.zeros((9, 1)), np.arange(9) % 3, 3)}
    pools["drawn"] = arms.pool(np.ones((6, 1)), np.arange(6) % 3, 3)
    for share in (0.25, 0.5, 1.0):
        x, label = arms.batch(np.random.RandomState(0), arms.Arm(share=share), pools)
        assert x.mean() == share
        assert len(set(label)) == 3


def test_rare_classes_are_as_frequent_as_others():
    label = np.repeat([0, 1], [95, 5])
    made = arms.pool(np.zeros((100, 1)), label, 2)
    taken = arms.rows(np.random.RandomState(0).random_sample((4000, 2)), made)
    assert abs(made.label[taken].mean() - 0.5) < 0.03
    assert set(taken) == set(range(100))


def test_an_interval_holds_the_truth_over_other_seeds_and_other_examples():
    """One over seeds alone, as of a test set that is all there is, would hold it far too seldom."""
    random, kept, of_seeds = np.random.RandomState(0), 0, 0
    for _ in range(400):
        x = random.normal(0, 0.05, (5, 1)) + random.normal(0, 0.5, (1, 50)) + random.normal(0, 0.3, (5, 50))
        low, high = two_way_mean(x)[1:]
        kept += low <= 0 <= high
        low, high = mean(x.mean(axis=1))[1:]
        of_seeds += low <= 0 <= high
    assert 0.92 < kept / 400 < 0.99
    assert of_seeds / 400 < 0.85


def test_variance_components_are_those_of_an_analysis_of_variance():
    x = np.random.RandomState(1).normal(size=(4, 9)) + np.arange(9)
    seeds, examples, both = x.mean(1, keepdims=True), x.mean(0, keepdims=True), x.mean()
    mean_squares = [
        9 * ((seeds - both) ** 2).sum() / 3,
        4 * ((examples - both) ** 2).sum() / 8,
        ((x - seeds - examples + both) ** 2).sum() / 24,
    ]
    variance = max(
        (mean_squares[0] + mean_squares[1] - mean_squares[2]) / 36, *(np.array(mean_squares[:2]) / 36)
    )
    a, b = mean_squares[0] / 36, mean_squares[1] / 36
    from scipy.stats import t

    reach = t.ppf(0.975, (a + b) ** 2 / (a**2 / 3 + b**2 / 8)) * variance**0.5
    assert two_way_mean(x).high - both == pytest.approx(reach)


def test_numbers_that_do_not_vary_have_no_interval():
    assert np.isnan(two_way_mean(np.ones((3, 4))).low)
    assert points(two_way_mean(np.zeros((3, 4)))) == "+0.0 points, the same in all seeds"
    assert "cannot be told" in verdict({"few": two_way_mean(np.zeros((3, 4)))})


def test_ends_of_an_interval_decide():
    told = [
        verdict({"few": Estimate(0.0, low, high)})
        for low, high in ((0.001, 0.1), (-0.1, -0.001), (-0.1, 0.1))
    ]
    assert [any(word in text for word in ("helped", "hurt")) for text in told] == [True, True, False]


@dataclass(frozen=True)
class Config(jg.Settings):
    data: str = "planted"


def reopened(held_out=True, given=("label",), label=True, size=12):
    """A run whose generator draws fresh examples, without any training."""
    few, test = draws(size, 1), draws(60, 2)
    if not label:
        few, test = {"x": few["x"]}, {"x": test["x"]}
    few["x"], test["x"] = (leaf["x"].clip(-1, 1) for leaf in (few, test))
    made = jg.data.arrays.arrays
    source = made(**few)._replace(held_out=(lambda: made(**test)) if held_out else None)

    def sample(g, key, index, given):
        level = jnp.repeat(jnp.eye(CLASSES), 2, axis=1)[given["label"]]
        return jnp.broadcast_to(level[:, :, None, None], (len(index), SIDE, SIDE, 1)) * 0.6

    game = SimpleNamespace(given=given, sample=sample)
    experiment = SimpleNamespace(source=source, game=game)
    state = SimpleNamespace(generator=(), step=7)
    return SimpleNamespace(experiment=experiment, config=Config(), state=state)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Calls the command on a run like the given one, in an empty folder."""
    (tmp_path / "config.json").write_text("{}")

    def call(again, *lanes, everything=None, **options):
        monkeypatch.setattr(of_run, "reopen", lambda *a, **b: again)
        monkeypatch.setattr(of_run, "read_lanes", lambda *a: tuple(SimpleNamespace(name=x) for x in lanes))
        full = everything or jg.data.arrays.arrays(**{**draws(90, 3), "x": draws(90, 3)["x"].clip(-1, 1)})
        monkeypatch.setattr(of_run, "load", lambda *a: full)
        lines = []
        options = of_run.Options(**{"generated": 30, "steps": 10, "seeds": 2, **options})
        text, paths = of_run.augment(tmp_path, options, say=lines.append)
        return text, paths, lines

    return call


def test_the_command_writes_a_table_and_numbers(run, tmp_path):
    text, paths, lines = run(reopened())
    assert [path.name for path in paths] == ["augment.json", "augment.md"]
    assert (tmp_path / "augment.md").read_text() == f"{text}\n"
    content = json.loads((tmp_path / "augment.json").read_text())
    assert content["few"] == 12
    assert content["all real"] == 90
    assert content["accuracies"].keys() == arms.arms(0.5, oracle=True).keys()
    assert content["differences"].keys() == {"few", "augmented", "augmented, both"}
    assert content["verdict"] in text
    assert "one generator: another training of it may differ" in text
    assert any(
        "12 real examples, 4 per class, of the 12 that the run was trained on" in line for line in lines
    )


def test_lanes_are_the_units_of_the_intervals(run, tmp_path):
    text, _, _ = run(reopened(), "seed=0", "seed=1", "seed=2", seeds=1)
    content = json.loads((tmp_path / "augment.json").read_text())
    assert content["units"] == "generators"
    assert len(content["of_units"]["few"]) == 3
    assert len(content["memorised"]) == 3
    assert "seed=0" in text
    assert "another training" not in text


def test_a_generator_that_saw_more_examples_than_the_classifiers_is_named(run):
    text, _, _ = run(reopened(), per_class=2)
    assert "unfair: the generator was trained on 12 examples" in text
    assert "unfair" not in run(reopened(), per_class=4)[0]


def test_a_run_of_all_examples_has_no_oracle(run):
    text, _, _ = run(reopened(size=90))
    assert "the run was trained on all 90 examples: they are not few, but the oracle" in text
    assert "all real examples: the oracle" not in text


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"given": ()}, {}, "is not conditional on the class, so its samples have no labels"),
        ({"label": False}, {}, "the examples have no labels, so there is nothing to classify"),
        ({"held_out": False}, {}, "no examples are held out, so there is nothing to test classifiers on"),
        (
            {},
            {"per_class": 5},
            "has 4 examples in this run, fewer than --per-class 5: the generator has seen no",
        ),
        ({}, {"seeds": 1}, "an interval needs two seeds or more: give --seeds 2 or more, not 1"),
        ({}, {"share": 1.0}, "--share is of each batch, more than 0 and less than 1, not 1"),
        ({}, {"per_class": 0}, "--per-class must be at least 1, not 0"),
    ],
)
def test_refused_in_one_line(run, change, options, message):
    with pytest.raises(jg.Refused, match=message) as refused:
        run(reopened(**change), **options)
    assert "\n" not in str(refused.value)


def test_large_images_are_averaged_and_small_ones_are_not():
    x = np.random.RandomState(0).normal(size=(2, 65, 64, 3))
    small = arms.averaged(x)
    assert small.shape == (2, 32, 32, 3)
    np.testing.assert_allclose(small[1, 3, 5], x[1, 6:8, 10:12].mean(axis=(0, 1)))
    assert arms.averaged(x[:, :40, :40]).shape == (2, 40, 40, 3)
