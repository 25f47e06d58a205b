from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.data.checked import check, check_labels, labels_as_read
from jaxgan.data.kind import points, with_label
from jaxgan.data.mixtures import ring
from jaxgan.data.pairs import edges, paired
from jaxgan.data.source import (
    Source,
    batch,
    examples,
    givens,
    labelled,
)
from jaxgan.errors import Refused
from jaxgan.games.toy import bilinear
from jaxgan.run.sample import sampler

KEY = jax.random.key(0)
SIZE = 10
COUNTED = arrays(np.arange(SIZE, dtype=np.float32)[:, None], np.arange(SIZE) % 3)


SOURCES = {"arrays": COUNTED, "ring": ring()}


@cache
def drawing(name, layout, steps):
    source = SOURCES[name]
    draw = jax.vmap(lambda key, step: batch(source, layout, source.arrays, key, step), in_axes=(None, 0))
    return jax.jit(lambda key: draw(key, jnp.arange(steps)))


def stream(name, layout, steps, key=KEY):
    """Everything that the steps show, in one row."""
    drawn = drawing(name, layout, steps)(key)
    return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(-1, *leaf.shape[1 + len(layout) :]), drawn)


def test_epochs_are_permutations_and_differ():
    x = stream("arrays", (4,), 10)["x"][:, 0].reshape(4, SIZE)
    assert all(sorted(epoch) == list(range(SIZE)) for epoch in x)
    assert len(np.unique(x, axis=0)) == 4


def test_another_key_another_order():
    one, other = (stream("arrays", (4,), 10, jax.random.key(seed))["x"] for seed in (0, 1))
    assert (one != other).any()


def test_labels_stay_with_their_examples():
    drawn = stream("arrays", (4,), 10)
    np.testing.assert_array_equal(drawn["x"][:, 0].astype(int) % 3, drawn["label"])
    np.testing.assert_array_equal(drawn["index"], np.arange(40))


@pytest.mark.parametrize("name", SOURCES)
def test_the_layout_does_not_change_the_stream(name):
    coarse, fine = stream(name, (2, 1, 4), 3), stream(name, (1, 1, 4), 6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), coarse, fine)


@pytest.mark.parametrize("name", SOURCES)
def test_mapped_over_keys(name):
    keys = jax.random.split(KEY, 3)
    many = jax.jit(jax.vmap(drawing(name, (2, 1, 4), 3)))(keys)
    for i, key in enumerate(keys):
        single = drawing(name, (2, 1, 4), 3)(key)
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, atol=1e-6), many, single)


def test_a_step_may_be_a_number_and_out_of_jit():
    drawn, source = stream("ring", (2, 1, 4), 3), SOURCES["ring"]
    late = batch(source, (8,), source.arrays, KEY, 2)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[16:], b, atol=1e-6), drawn, late)


DRAW = jax.jit(lambda key, step: batch(COUNTED, (4,), COUNTED.arrays, key, step))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 // 4 - 1))
def test_late_steps_keep_their_place(step):
    drawn = jax.tree.map(np.asarray, DRAW(KEY, jnp.uint32(step)))
    place = 4 * step + np.arange(4)
    np.testing.assert_array_equal(drawn["index"], place)
    of_epoch = [drawn["x"][place // SIZE == e, 0].tolist() for e in np.unique(place // SIZE)]
    assert all(len(set(numbers)) == len(numbers) for numbers in of_epoch)


def test_check():
    check(COUNTED, (3, 2, SIZE), 100)
    check(ring(), (1, 10**6), 100)
    with pytest.raises(Refused, match="a batch of 11 is more than the 10 examples"):
        check(COUNTED, (2, 11), 100)
    with pytest.raises(Refused, match="take at most 42949672 steps"):
        check(ring(), (1, 100), 42949673)
    check(ring(), (1, 100), 42949672)


def test_what_is_drawn_to_be_held_against_is_shown_to_no_run():
    """Not even to that of the seed 0."""
    shown = stream("ring", (4,), 10)["x"]
    assert not (examples(ring(), 40)[:, None] == shown).all(axis=-1).any()


@pytest.mark.parametrize(
    "name", ["digits", "stacked:digits", "shapes", "glyphs", "grid", "gaussian_1200d", "mine"]
)
def test_examples_can_be_looked_at_where_a_build_is_traced(name):
    """As it is for `--over`, by numbers that are only told later."""

    source = arrays(np.arange(20.0).reshape(10, 2)) if name == "mine" else load(name)
    seen = []
    jax.eval_shape(lambda told: seen.append(examples(source, 5)) or told, 1.0)
    np.testing.assert_array_equal(seen[0], examples(source, 5))


def test_files_of_an_unknown_number_are_refused():
    with pytest.raises(Refused, match="must say how many"):
        check(Source({"x": points(2)}, None, (), lambda *_: {}, read=lambda number: {}), (1, 4), 1)


def test_after_the_last_example_there_are_none():
    read = COUNTED._replace(read=lambda number: {"x": np.stack([np.float32([i]) for i in number])})
    read = read._replace(take=lambda arrays, key, number: arrays)
    for source in (COUNTED, read):
        assert labelled(source, 5, start=SIZE + 1)["x"].shape == (0, 1)


def test_conditions_are_those_of_the_held_out_example_of_the_number():
    source = paired(load("digits"), edges)
    told = givens(source, ("label", "source"))
    there = labelled(source.held_out(), 1000)
    number = np.array([0, 5, len(there["x"]) + 5])
    taken = told(number)
    np.testing.assert_array_equal(taken["source"], there["source"][[0, 5, 5]])  # round and round
    assert taken["label"].tolist() == (number % 10).tolist()  # labels go round the classes
    np.testing.assert_array_equal(
        told(number[1:2])["source"], taken["source"][1:2]
    )  # each by its number alone
    with pytest.raises(Refused, match="under a leaf called mask, and the data have label, source, x only"):
        givens(source, ("mask",))


def test_what_is_drawn_under_a_condition_depends_on_its_number_alone():
    source = paired(load("digits"), edges)
    sample = lambda g, key, index, given: given["source"] + index[:, None, None, None]  # noqa: E731
    game = bilinear()._replace(sample=sample, given=("source",))
    draw, blocks = sampler(game, source), sampler(game, source, block=7)
    whole = draw(None, 40)
    np.testing.assert_array_equal(whole, blocks(None, 40))
    np.testing.assert_array_equal(whole[30:], draw(None, 10, start=30))
    own = np.zeros((3, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(draw(None, 5, given={"source": own})[:, 0, 0, 0], np.arange(5))


def held(label, **changes):
    """Examples with labels of three classes, as a source made by hand has them."""
    arrays = {"x": jnp.zeros((len(label), 2)), "label": jnp.asarray(label, jnp.int32)}
    take = changes.pop("take", lambda arrays, key, number: {n: leaf[number] for n, leaf in arrays.items()})
    return Source(with_label(points(2), 3), len(label), arrays, take)._replace(**changes)


@pytest.mark.parametrize("bad", [3, -1])
def test_labels_that_are_none_of_the_classes_are_refused_with_the_example(bad):
    """In memory, drawn anew, and whenever the host is given them."""
    label = np.arange(70_000) % 3
    check_labels(held(label))
    label[69_999] = bad
    said = f"example 69999 has the label {bad}, which is none of 0 to 2: number the classes so"
    with pytest.raises(Refused, match=said):
        check_labels(held(label))
    with pytest.raises(Refused, match=said):
        labelled(held(label), 70_000)

    def anew(arrays, key, number):
        return {"x": jnp.zeros((*number.shape, 2)), "label": jnp.where(number == 5, bad, 0)}

    with pytest.raises(Refused, match=f"example 5 has the label {bad}"):
        check_labels(held(label, size=None, take=anew))


def test_labels_that_take_makes_right_are_let_through():
    """What counts is what the networks are told: here the files begin at 1."""
    label = np.arange(30) % 3 + 1
    check_labels(
        held(label, take=lambda a, key, number: {"x": a["x"][number], "label": a["label"][number] - 1})
    )
    files = held(label, read=lambda number: {"x": np.zeros((len(number), 2)), "label": label[number]})
    right = files._replace(take=lambda read, key, number: {**read, "label": read["label"] - 1})
    assert labels_as_read(files._replace(take=lambda read, key, number: read)) == {"label": 3}
    assert labels_as_read(right) == {}
