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
    """Reads the digits from a copy on the host."""

    x: np.ndarray
    label: np.ndarray

    def __call__(self, number):
        return {"x": self.x[number], "label": self.label[number]}


def take_as_read(arrays, key, number):
    assert arrays["x"].shape == (len(number), 8, 8, 1)
    return arrays


FROM_FILES = DIGITS._replace(
    arrays=(), read=Picked(*map(np.asarray, DIGITS.arrays.values())), take=take_as_read
)


def first_examples(source, count):
    """Returns the first examples, on the host."""
    taken = jax.jit(source.take)(source.arrays, KEY, jnp.arange(count))
    return jax.tree.map(np.asarray, taken)


def pickled(source):
    """Returns the source as a worker process gets it."""
    return source._replace(read=pickle.loads(pickle.dumps(source.read)))


def test_channels_are_base_examples_and_the_label_encodes_all_three():
    source = stacked(DIGITS)
    assert (source.shape, source.size, source.classes) == ((8, 8, 3), 29_700, 1000)
    taken = first_examples(source, 300)
    labels = {np.asarray(x).tobytes(): int(k) for x, k in zip(*DIGITS.arrays.values(), strict=True)}
    assert len(labels) == 297
    for x, label in zip(taken["x"], taken["label"].tolist(), strict=True):
        channels = [labels[np.ascontiguousarray(x[..., c]).tobytes()] for c in range(3)]
        assert channels == [label // 100, label // 10 % 10, label % 10]


def test_the_thousand_classes_have_the_expected_frequencies():
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


def test_each_block_and_channel_is_another_permutation_of_the_base():
    source = stacked(COUNTED, copies=5)
    assert (source.size, source.classes) == (35, 0)
    taken = first_examples(source, 35)
    assert set(taken) == {"x"}
    orders = taken["x"][:, 0, 0].reshape(5, 7, 3).transpose(0, 2, 1).reshape(15, 7)
    np.testing.assert_array_equal(np.sort(orders), np.tile(np.arange(7), (15, 1)))
    assert len(np.unique(orders, axis=0)) == 15


@pytest.mark.parametrize("copies", [1, 3])
def test_more_copies_extend_the_examples_without_changing_them(copies):
    few, many = stacked(COUNTED, copies), stacked(COUNTED, copies + 1)
    np.testing.assert_array_equal(first_examples(few, few.size)["x"], first_examples(many, few.size)["x"])
    assert few.fingerprint != many.fingerprint


def test_a_base_in_files_equals_one_in_memory():
    in_memory, from_files = stacked(DIGITS), pickled(stacked(FROM_FILES))
    steps = Steps.of(from_files, 16, KEY, 1855, 1858)  # the end of one epoch and the start of the next
    taken = [jax.jit(partial(batch, source, (2, 8))) for source in (in_memory, from_files)]
    for i in range(len(steps)):
        rows = jax.tree.map(lambda leaf: leaf.reshape(2, 8, *leaf.shape[1:]), steps[i])
        expected, got = taken[0](in_memory.arrays, KEY, 1855 + i), taken[1](rows, KEY, 1855 + i)
        jax.tree.map(np.testing.assert_array_equal, got, expected)
    block = Blocks(from_files.read, from_files.size)[0]["x"]
    assert block.shape == (256, 3, 8, 8, 1)
    np.testing.assert_array_equal(block[..., 0].transpose(0, 2, 3, 1), first_examples(in_memory, 256)["x"])


def test_a_generated_base_of_finite_size():
    base = Source(with_label(image(1, 1, 1), 10), 100, (), by_number, note="procedural")
    source = stacked(base)
    assert (source.shape, source.size, source.classes) == ((1, 1, 3), 10_000, 1000)
    taken = first_examples(source, 100)
    members = taken["x"][:, 0, 0]
    np.testing.assert_array_equal(np.sort(members, axis=0), np.tile(np.arange(100)[:, None], (1, 3)))
    np.testing.assert_array_equal(members % 10 @ [100, 10, 1], taken["label"])


def test_a_base_without_end():
    source = stacked(Source(with_label(image(1, 1, 1), 10), None, (), by_number))
    assert source.size is None
    members = first_examples(source, 3)["x"][:, 0, 0]
    np.testing.assert_array_equal(members, [[0, 1, 2], [3, 4, 5], [6, 7, 8]])


def by_number(arrays, key, number):
    x = number[:, None, None, None].astype(jnp.float32)
    return {"x": x, "label": (number % 10).astype(jnp.int32)}


def test_the_size_is_limited_to_int32():
    assert stacked(COUNTED._replace(size=2**30)).size == 2**30


def test_note_and_fingerprint_follow_the_base():
    assert stacked(DIGITS).note == ""
    assert stacked(DIGITS._replace(note="note")).note == "note"
    fingerprints = {stacked(DIGITS._replace(fingerprint=f)).fingerprint for f in ("a", "b")}
    assert len(fingerprints) == 2


def test_refused():
    for source in (shapes(), ring()):
        with pytest.raises(Refused, match="only grey images"):
            stacked(source)
    with pytest.raises(Refused, match="at least 1, not 0"):
        stacked(DIGITS, copies=0)
    with pytest.raises(Refused, match="2000 classes are 8000000000"):
        stacked(DIGITS._replace(leaves=with_label(image(8, 8, 1), 2000)))


def test_resizing_also_resizes_the_channels():
    source = resized(stacked(DIGITS), 16)
    assert source.channels.shape == (16, 16, 1)
    assert source.channels.take(DIGITS.arrays, KEY, jnp.arange(2))["x"].shape == (2, 16, 16, 1)
    assert resized(DIGITS, 16).channels is None


def test_held_out_examples_are_stacked_too():
    thousand = stacked(load("digits"))
    assert thousand.held_out is not None
    assert thousand.held_out().shape == thousand.shape
    assert stacked(digits("test")).held_out is None
