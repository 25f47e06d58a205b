from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.data.checked import check_labels, check_layout, unchanged_labels
from jaxgan.data.kind import points, with_label
from jaxgan.data.mixtures import ring
from jaxgan.data.pairs import edges, paired
from jaxgan.data.source import Source, batch, conditions_for, examples, labelled
from jaxgan.errors import Refused
from jaxgan.games.toy import bilinear
from jaxgan.run.sample import sampler

KEY = jax.random.key(0)
SIZE = 10
COUNTED = arrays(np.arange(SIZE, dtype=np.float32)[:, None], np.arange(SIZE) % 3)


SOURCES = {"arrays": COUNTED, "ring": ring()}


@cache
def jitted_steps(name, layout, steps):
    source = SOURCES[name]
    step = jax.vmap(lambda key, i: batch(source, layout, source.arrays, key, i), in_axes=(None, 0))
    return jax.jit(lambda key: step(key, jnp.arange(steps)))


def stream(name, layout, steps, key=KEY):
    """Returns the examples of all steps, in one row."""
    leaves = jitted_steps(name, layout, steps)(key)
    return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(-1, *leaf.shape[1 + len(layout) :]), leaves)


def test_epochs_are_permutations_and_differ():
    x = stream("arrays", (4,), 10)["x"][:, 0].reshape(4, SIZE)
    assert all(sorted(epoch) == list(range(SIZE)) for epoch in x)
    assert len(np.unique(x, axis=0)) == 4


def test_another_key_gives_another_order():
    first, second = (stream("arrays", (4,), 10, jax.random.key(seed))["x"] for seed in (0, 1))
    assert (first != second).any()


def test_labels_stay_with_their_examples():
    leaves = stream("arrays", (4,), 10)
    np.testing.assert_array_equal(leaves["x"][:, 0].astype(int) % 3, leaves["label"])
    np.testing.assert_array_equal(leaves["index"], np.arange(40))


@pytest.mark.parametrize("name", SOURCES)
def test_the_layout_does_not_change_the_stream(name):
    coarse, fine = stream(name, (2, 1, 4), 3), stream(name, (1, 1, 4), 6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), coarse, fine)


@pytest.mark.parametrize("name", SOURCES)
def test_batch_vmaps_over_keys(name):
    keys = jax.random.split(KEY, 3)
    many = jax.jit(jax.vmap(jitted_steps(name, (2, 1, 4), 3)))(keys)
    for i, key in enumerate(keys):
        single = jitted_steps(name, (2, 1, 4), 3)(key)
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, atol=1e-6), many, single)


def test_a_step_may_be_an_integer_outside_of_jit():
    leaves, source = stream("ring", (2, 1, 4), 3), SOURCES["ring"]
    third = batch(source, (8,), source.arrays, KEY, 2)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[16:], b, atol=1e-6), leaves, third)


DRAW = jax.jit(lambda key, step: batch(COUNTED, (4,), COUNTED.arrays, key, step))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 // 4 - 1))
def test_late_steps_have_the_right_positions(step):
    leaves = jax.tree.map(np.asarray, DRAW(KEY, jnp.uint32(step)))
    position = 4 * step + np.arange(4)
    np.testing.assert_array_equal(leaves["index"], position)
    epochs = [leaves["x"][position // SIZE == e, 0].tolist() for e in np.unique(position // SIZE)]
    assert all(len(set(numbers)) == len(numbers) for numbers in epochs)


def test_check_layout():
    check_layout(COUNTED, (3, 2, SIZE), 100)
    check_layout(ring(), (1, 10**6), 100)
    with pytest.raises(Refused, match="a batch of 11 is more than the 10 examples"):
        check_layout(COUNTED, (2, 11), 100)
    with pytest.raises(Refused, match="take at most 42949672 steps"):
        check_layout(ring(), (1, 100), 42949673)
    check_layout(ring(), (1, 100), 42949672)


def test_examples_for_comparison_are_in_no_run():
    """Not even in the run of seed 0."""
    trained_on = stream("ring", (4,), 10)["x"]
    assert not (examples(ring(), 40)[:, None] == trained_on).all(axis=-1).any()


@pytest.mark.parametrize(
    "name", ["digits", "stacked:digits", "shapes", "glyphs", "grid", "gaussian_1200d", "mine"]
)
def test_examples_are_concrete_inside_a_trace(name):
    """`--over` traces `build`, which may look at examples."""
    source = arrays(np.arange(20.0).reshape(10, 2)) if name == "mine" else load(name)
    inside = []
    jax.eval_shape(lambda x: inside.append(examples(source, 5)) or x, 1.0)
    np.testing.assert_array_equal(inside[0], examples(source, 5))


def test_files_without_a_size_are_refused():
    with pytest.raises(Refused, match="must say how many"):
        check_layout(Source({"x": points(2)}, None, (), lambda *_: {}, read=lambda number: {}), (1, 4), 1)


def test_no_examples_after_the_last_one():
    read = COUNTED._replace(read=lambda number: {"x": np.stack([np.float32([i]) for i in number])})
    read = read._replace(take=lambda arrays, key, number: arrays)
    for source in (COUNTED, read):
        assert labelled(source, 5, start=SIZE + 1)["x"].shape == (0, 1)


def test_conditions_are_those_of_held_out_examples_by_number():
    source = paired(load("digits"), edges)
    conditions = conditions_for(source, ("label", "source"))
    held_out = labelled(source.held_out(), 1000)
    number = np.array([0, 5, len(held_out["x"]) + 5])
    taken = conditions(number)
    np.testing.assert_array_equal(taken["source"], held_out["source"][[0, 5, 5]])  # modulo the size
    np.testing.assert_array_equal(taken["label"], held_out["label"][[0, 5, 5]])  # of the same examples
    np.testing.assert_array_equal(conditions(number[1:2])["source"], taken["source"][1:2])
    with pytest.raises(Refused, match="conditional on mask, but the data have only label, source, x"):
        conditions_for(source, ("mask",))


def test_labels_come_in_turn_where_no_example_is_asked_about():
    source = paired(load("digits"), edges)
    number = np.arange(25)
    for asked in (source, source._replace(asks=())):  # a label alone; a picture whose answer is not known
        given = ("label",) if asked.asks else ("label", "source")
        assert conditions_for(asked, given)(number)["label"].tolist() == (number % 10).tolist()
    sample = lambda g, key, index, given: given["label"]  # noqa: E731
    draw = sampler(bilinear()._replace(sample=sample, given=("label", "source")), source)
    np.testing.assert_array_equal(draw(None, 25), labelled(source.held_out(), 25)["label"])
    own = draw(None, 25, given={"source": np.zeros((3, 8, 8, 1), np.float32)})
    assert own.tolist() == (number % 10).tolist()  # a user's pictures have no label of an example


def test_conditional_samples_depend_on_their_number_alone():
    source = paired(load("digits"), edges)
    sample = lambda g, key, index, given: given["source"] + index[:, None, None, None]  # noqa: E731
    game = bilinear()._replace(sample=sample, given=("source",))
    draw, blocks = sampler(game, source), sampler(game, source, block=7)
    samples = draw(None, 40)
    np.testing.assert_array_equal(samples, blocks(None, 40))
    np.testing.assert_array_equal(samples[30:], draw(None, 10, start=30))
    zeros = np.zeros((3, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(draw(None, 5, given={"source": zeros})[:, 0, 0, 0], np.arange(5))


def with_labels(label, **changes):
    """Returns a handmade source of examples with these labels, of three classes."""
    arrays = {"x": jnp.zeros((len(label), 2)), "label": jnp.asarray(label, jnp.int32)}
    take = changes.pop("take", lambda arrays, key, number: {n: leaf[number] for n, leaf in arrays.items()})
    return Source(with_label(points(2), 3), len(label), arrays, take)._replace(**changes)


@pytest.mark.parametrize("bad", [3, -1])
def test_labels_out_of_range_are_refused_with_their_example(bad):
    """In memory, generated, and in `labelled`."""
    label = np.arange(70_000) % 3
    check_labels(with_labels(label))
    label[69_999] = bad
    message = f"example 69999 has the label {bad}, which is none of 0 to 2: number the classes from 0"
    with pytest.raises(Refused, match=message):
        check_labels(with_labels(label))
    with pytest.raises(Refused, match=message):
        labelled(with_labels(label), 70_000)

    def generate(arrays, key, number):
        return {"x": jnp.zeros((*number.shape, 2)), "label": jnp.where(number == 5, bad, 0)}

    with pytest.raises(Refused, match=f"example 5 has the label {bad}"):
        check_labels(with_labels(label, size=None, take=generate))


def test_labels_are_checked_after_take():
    """Here the labels in the files begin at 1, and `take` subtracts 1."""
    label = np.arange(30) % 3 + 1
    check_labels(
        with_labels(label, take=lambda a, key, number: {"x": a["x"][number], "label": a["label"][number] - 1})
    )
    files = with_labels(label, read=lambda number: {"x": np.zeros((len(number), 2)), "label": label[number]})
    right = files._replace(take=lambda read, key, number: {**read, "label": read["label"] - 1})
    assert unchanged_labels(files._replace(take=lambda read, key, number: read)) == {"label": 3}
    assert unchanged_labels(right) == {}
