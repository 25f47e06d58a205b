import pickle
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.data.digits import digits
from jaxgan.data.kind import image, with_label
from jaxgan.data.mixtures import ring
from jaxgan.data.resize import resized
from jaxgan.data.shapes import shapes
from jaxgan.data.source import Source, batch
from jaxgan.data.stacked import stacked
from jaxgan.data.stream import Blocks, Steps
from jaxgan.errors import Refused

KEY = jax.random.key(0)
DIGITS = digits("test")
COUNTED = arrays(np.arange(7, dtype=np.float32).reshape(7, 1, 1, 1) * np.ones((2, 2, 1), np.float32))


@dataclass(frozen=True)
class Picked:
    """Reads from the host's own copy of the digits."""

    x: np.ndarray
    label: np.ndarray

    def __call__(self, number):
        return {"x": self.x[number], "label": self.label[number]}


def as_read(arrays, key, number):
    assert arrays["x"].shape == (len(number), 8, 8, 1)
    return arrays


STREAMED = DIGITS._replace(arrays=(), read=Picked(*map(np.asarray, DIGITS.arrays.values())), take=as_read)


def shown(source, count):
    """The first examples, on the host."""
    taken = jax.jit(source.take)(source.arrays, KEY, jnp.arange(count))
    return jax.tree.map(np.asarray, taken)


def pickled(source):
    """As a worker gets it."""
    return source._replace(read=pickle.loads(pickle.dumps(source.read)))


def test_each_channel_is_an_example_of_the_base_and_the_label_names_all_three():
    source = stacked(DIGITS)
    assert (source.shape, source.size, source.classes) == ((8, 8, 3), 29_700, 1000)
    taken = shown(source, 300)
    labels = {np.asarray(x).tobytes(): int(k) for x, k in zip(*DIGITS.arrays.values(), strict=True)}
    assert len(labels) == 297
    for x, label in zip(taken["x"], taken["label"].tolist(), strict=True):
        found = [labels[np.ascontiguousarray(x[..., c]).tobytes()] for c in range(3)]
        assert found == [label // 100, label // 10 % 10, label % 10]


def test_a_thousand_modes_as_often_as_chance_has_it():
    source = stacked(digits())
    label = jax.jit(lambda number: source.take(source.arrays, KEY, number)["label"])
    counts = np.bincount(label(jnp.arange(source.size)), minlength=1000)
    assert counts.shape == (1000,)
    assert counts.min() > 0
    share = np.bincount(digits().arrays["label"]) / 1500
    expected = source.size * np.einsum("a,b,c->abc", share, share, share).ravel()
    chi2 = ((counts - expected) ** 2 / expected).sum()
    freedom = 999 - 3 * 9  # the shares of each channel are exact
    assert abs(chi2 - freedom) < 5 * np.sqrt(2 * freedom)


def test_a_block_shows_each_example_once_in_each_channel_in_an_order_of_its_own():
    source = stacked(COUNTED, copies=5)
    assert (source.size, source.classes) == (35, 0)
    taken = shown(source, 35)
    assert set(taken) == {"x"}
    orders = taken["x"][:, 0, 0].reshape(5, 7, 3).transpose(0, 2, 1).reshape(15, 7)
    np.testing.assert_array_equal(np.sort(orders), np.tile(np.arange(7), (15, 1)))
    assert len(np.unique(orders, axis=0)) == 15


@pytest.mark.parametrize("copies", [1, 3])
def test_copies_extend_and_do_not_change_what_is_there(copies):
    few, many = stacked(COUNTED, copies), stacked(COUNTED, copies + 1)
    np.testing.assert_array_equal(shown(few, few.size)["x"], shown(many, few.size)["x"])
    assert few.fingerprint != many.fingerprint


def test_a_streamed_base_is_a_resident_one():
    resident, streamed = stacked(DIGITS), pickled(stacked(STREAMED))
    steps = Steps.of(streamed, 16, KEY, 1855, 1858)  # the end of one epoch and the start of the next
    taken = [jax.jit(partial(batch, source, (2, 8))) for source in (resident, streamed)]
    for i in range(len(steps)):
        rows = jax.tree.map(lambda leaf: leaf.reshape(2, 8, *leaf.shape[1:]), steps[i])
        want, found = taken[0](resident.arrays, KEY, 1855 + i), taken[1](rows, KEY, 1855 + i)
        jax.tree.map(np.testing.assert_array_equal, found, want)
    block = Blocks(streamed.read, streamed.size)[0]["x"]
    assert block.shape == (256, 3, 8, 8, 1)
    np.testing.assert_array_equal(block[..., 0].transpose(0, 2, 3, 1), shown(resident, 256)["x"])


def test_a_base_that_is_drawn_by_number():
    base = Source(with_label(image(1, 1, 1), 10), 100, (), by_number, note="procedural")
    source = stacked(base)
    assert (source.shape, source.size, source.classes) == ((1, 1, 3), 10_000, 1000)
    taken = shown(source, 100)
    found = taken["x"][:, 0, 0]
    np.testing.assert_array_equal(np.sort(found, axis=0), np.tile(np.arange(100)[:, None], (1, 3)))
    np.testing.assert_array_equal(found % 10 @ [100, 10, 1], taken["label"])


def test_a_base_that_draws_anew():
    source = stacked(Source(with_label(image(1, 1, 1), 10), None, (), by_number))
    assert source.size is None
    found = shown(source, 3)["x"][:, 0, 0]
    np.testing.assert_array_equal(found, [[0, 1, 2], [3, 4, 5], [6, 7, 8]])


def by_number(arrays, key, number):
    x = number[:, None, None, None].astype(jnp.float32)
    return {"x": x, "label": (number % 10).astype(jnp.int32)}


def test_there_are_never_more_than_can_be_numbered():
    assert stacked(COUNTED._replace(size=2**30)).size == 2**30


def test_the_note_is_the_bases():
    assert stacked(DIGITS).note == ""
    assert stacked(DIGITS._replace(note="mind")).note == "mind"
    prints = {stacked(DIGITS._replace(fingerprint=f)).fingerprint for f in ("a", "b")}
    assert len(prints) == 2


def test_refused():
    for source in (shapes(), ring()):
        with pytest.raises(Refused, match="only grey images"):
            stacked(source)
    with pytest.raises(Refused, match="at least 1, not 0"):
        stacked(DIGITS, copies=0)
    with pytest.raises(Refused, match="2000 classes are 8000000000"):
        stacked(DIGITS._replace(leaves=with_label(image(8, 8, 1), 2000)))


def test_resized_they_are_stacked_of_resized_ones():
    source = resized(stacked(DIGITS), 16)
    assert source.channels.shape == (16, 16, 1)
    assert source.channels.take(DIGITS.arrays, KEY, jnp.arange(2))["x"].shape == (2, 16, 16, 1)
    assert resized(DIGITS, 16).channels is None


def test_what_is_held_out_is_stacked_too():
    thousand = stacked(load("digits"))
    assert thousand.held_out is not None
    assert thousand.held_out().shape == thousand.shape
    assert stacked(digits("test")).held_out is None
