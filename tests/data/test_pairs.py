import pickle
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import picture_folder

from jaxgan.data import load
from jaxgan.data.arrays import arrays
from jaxgan.data.checked import check
from jaxgan.data.digits import digits
from jaxgan.data.kind import Image, Label, Leaf, Numbers
from jaxgan.data.mirror import mirrored
from jaxgan.data.mixtures import ring
from jaxgan.data.pairs import edges, paired, recoloured, unpaired
from jaxgan.data.shapes import shapes
from jaxgan.data.source import batch, given, labelled
from jaxgan.data.stream import Steps
from jaxgan.errors import Refused

KEY = jax.random.key(0)
DIGITS = digits("test")


def counted(count, start=0):
    """Points that are their own number."""
    return arrays(np.arange(start, start + count, dtype=np.float32)[:, None])


@dataclass(frozen=True)
class Picked:
    """Reads from the host's own copy."""

    leaves: dict

    def __call__(self, number):
        return {name: leaf[number] for name, leaf in self.leaves.items()}


def streamed(source):
    leaves = {name: np.asarray(leaf) for name, leaf in source.arrays.items()}
    return source._replace(arrays=(), read=Picked(leaves), take=lambda arrays, key, number: arrays)


def negative(x):
    return -x


def stream(source, layout, steps):
    """Batches of a run, from memory or as a worker has read them."""
    one = jax.jit(partial(batch, source, layout))
    if source.read is None:
        return [one(source.arrays, KEY, step) for step in steps]
    worker = source._replace(read=pickle.loads(pickle.dumps(source.read)))
    read = Steps.of(worker, layout[0] * layout[1], KEY, steps.start, steps.stop)
    rows = [
        jax.tree.map(lambda leaf: leaf.reshape(*layout, *leaf.shape[1:]), read[i]) for i in range(len(read))
    ]
    return [one(row, KEY, step) for row, step in zip(rows, steps, strict=True)]


@pytest.mark.parametrize("kind", ["memory", "made", "read"])
def test_a_pair_stays_a_pair_through_the_shuffled_stream(kind):
    base = {"memory": DIGITS, "made": shapes("test"), "read": streamed(DIGITS)}[kind]
    pair, steps = paired(base, edges, name="edges"), range(36, 39)  # of digits: over the end of an epoch
    for both, alone in zip(stream(pair, (2, 4), steps), stream(base, (2, 4), steps), strict=True):
        for name, leaf in alone.items():
            np.testing.assert_array_equal(both[name], leaf)
        expected = jax.vmap(jax.vmap(edges))(alone["x"])
        np.testing.assert_allclose(both["edges"], expected, atol=1e-6)
        assert both["edges"].shape[2:] == pair.leaves["edges"].shape


def test_a_pair_of_a_folder(tmp_path):
    pair = paired(load(str(picture_folder(tmp_path))), negative)
    taken = labelled(pair, 6)
    np.testing.assert_array_equal(taken["source"], -taken["x"])
    assert pair.held_out is not None
    assert "source" in pair.held_out().leaves


def test_leaves_of_pairs():
    pair = paired(digits(), edges)
    assert pair.leaves["source"] == Leaf((8, 8, 1), Image())
    assert paired(ring(), jnp.sum).leaves["source"].kind == Numbers()
    assert (pair.size, pair.classes, pair.shape) == (1500, 10, (8, 8, 1))
    bright = Leaf((), Label(2), np.int32)
    made = paired(DIGITS, lambda x: (x.mean() > 0).astype(jnp.int32), "bright", bright)
    assert made.leaves["bright"] == bright
    assert made.take(made.arrays, KEY, jnp.arange(3))["bright"].dtype == jnp.int32
    assert pair.fingerprint != paired(digits(), edges, "other").fingerprint != digits().fingerprint


def test_what_is_held_out_is_paired_too():
    rest = paired(load("digits"), edges).held_out()
    assert (rest.size, sorted(rest.leaves)) == (297, ["label", "source", "x"])
    assert paired(ring(), negative).held_out is None
    assert unpaired(load("digits"), load("digits")).held_out().size == 297
    assert recoloured(load("digits"), [[1, 0, -1]]).held_out().shape == (8, 8, 3)


def test_a_pair_that_is_refused():
    for name in ("x", "label", "index"):
        with pytest.raises(Refused, match=f"a leaf '{name}' already"):
            paired(DIGITS, edges, name)
    with pytest.raises(Refused, match=r"is float32\(3,\), but float32\(8, 8, 1\) is made"):
        paired(DIGITS, edges, leaf=Leaf((3,), Numbers(), "float32"))


def test_mirrored_pairs_are_pairs():
    pair = mirrored(paired(DIGITS, negative))
    taken = pair.take(given(pair, np.arange(6)), KEY, jnp.arange(6))
    np.testing.assert_array_equal(taken["source"], -taken["x"])


def test_edges_by_hand():
    x = np.asarray(jax.random.uniform(KEY, (6, 7, 2), minval=-1, maxval=1))
    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4
    around = np.pad(x, ((1, 1), (1, 1), (0, 0)), "edge")
    expected = np.empty((6, 7, 1))
    for i in range(6):
        for j in range(7):
            window = around[i : i + 3, j : j + 3]
            lengths = [
                np.hypot((window[..., c] * sobel).sum(), (window[..., c] * sobel.T).sum()) for c in (0, 1)
            ]
            expected[i, j] = min(max(lengths), 2) - 1
    np.testing.assert_allclose(edges(x), expected, atol=1e-5)
    assert expected.max() > 0
    corner = edges(jnp.where(jnp.mgrid[:9, :9].sum(0)[..., None] > 8, 1.0, -1.0))
    assert (corner.min(), corner.max()) == (-1, 1)  # steeper than a straight step, and cut
    assert jnp.isfinite(jax.grad(lambda x: edges(x).sum())(jnp.zeros((5, 5, 1)))).all()


@pytest.mark.parametrize("as_read", [False, True])
@pytest.mark.parametrize(("many", "few"), [(12, 5), (5, 12), (7, 7)])
def test_two_sources_are_apart_and_each_goes_round(many, few, as_read):
    a, b = counted(many), counted(few)
    two = unpaired(streamed(a), streamed(b)) if as_read else unpaired(a, b)
    assert two.size == max(many, few)
    number = np.arange(two.size, dtype=np.uint32)
    taken = jax.jit(two.take)(given(two, number), KEY, number)
    x, other = (np.asarray(taken[name][:, 0]).astype(int) for name in ("x", "other"))
    for shown, size in ((x, many), (other, few)):
        for start in range(0, two.size - size + 1, size):
            assert sorted(shown[start : start + size]) == list(range(size))
    assert (x != other).any()
    small, size = (x, many) if many < few else (other, few)
    assert many == few or (small[:size] != small[size : 2 * size]).any()  # another order in each round
    if many == few:
        assert len({(p - q) % many for p, q in zip(x, other, strict=True)}) > 2  # no mere shift


def test_two_sources_from_files_are_those_in_memory():
    a, b, steps = counted(12), counted(5, start=20), range(4)
    resident, read = (
        stream(unpaired(a, b), (2, 2), steps),
        stream(unpaired(streamed(a), streamed(b)), (2, 2), steps),
    )
    for one, other in zip(resident, read, strict=True):
        jax.tree.map(np.testing.assert_array_equal, one, other)
    check(unpaired(streamed(a), streamed(b)), (2, 2), 4)


def test_two_that_are_drawn_anew_are_not_the_same_draws():
    two = unpaired(ring(), ring())
    taken = two.take(two.arrays, KEY, jnp.arange(50, dtype=jnp.uint32))
    assert two.size is None
    assert np.mean(np.all(np.asarray(taken["x"] == taken["other"]), axis=1)) == 0
    modes = [np.round(np.arctan2(*np.asarray(taken[name]).T) / (np.pi / 4)) % 8 for name in ("x", "other")]
    assert 0 < np.mean(modes[0] == modes[1]) < 0.5


def test_leaves_and_words_of_two_sources():
    two = unpaired(shapes(), recoloured(shapes(), np.eye(3)[::-1]))
    assert sorted(two.leaves) == ["label", "other", "x"]
    assert two.note == shapes().note
    assert unpaired(DIGITS, counted(5)).fingerprint != unpaired(DIGITS, counted(6)).fingerprint


def test_two_sources_that_are_refused():
    with pytest.raises(Refused, match="two sources of a kind"):
        unpaired(ring(), DIGITS)
    with pytest.raises(Refused, match="two sources of a kind"):
        unpaired(DIGITS, streamed(DIGITS))


def test_other_colours():
    base, swapped = shapes("test"), recoloured(shapes("test"), np.eye(3)[::-1])
    number = jnp.arange(4)
    plain, seen = (jax.jit(source.take)((), KEY, number)["x"] for source in (base, swapped))
    np.testing.assert_allclose(seen, plain[..., ::-1], atol=1e-6)
    sepia = recoloured(DIGITS, [[1, 0.5, -1]])
    taken = sepia.take(sepia.arrays, KEY, number)
    np.testing.assert_allclose(
        taken["x"][..., 1:2], DIGITS.take(DIGITS.arrays, KEY, number)["x"] / 2, atol=1e-6
    )
    assert sepia.leaves["x"] == Leaf((8, 8, 3), Image())
    assert len({recoloured(DIGITS, [[c]]).fingerprint for c in (1, -1)}) == 2


def test_palettes_that_are_refused():
    with pytest.raises(Refused, match=r"a palette \(3, 3\) cannot colour \(8, 8, 1\)"):
        recoloured(DIGITS, np.eye(3))
    with pytest.raises(Refused, match="cannot colour"):
        recoloured(ring(), np.eye(2))
    with pytest.raises(Refused, match="adds up to more than 1"):
        recoloured(shapes(), [[1, 0, 0], [0.5, 1, 0], [0, 0, 1]])
