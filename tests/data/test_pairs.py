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
from jaxgan.data.checked import check_layout, check_take
from jaxgan.data.digits import digits
from jaxgan.data.kind import Image, Label, Leaf, Numbers
from jaxgan.data.mirror import mirrored
from jaxgan.data.mixtures import ring
from jaxgan.data.pairs import edges, paired, recoloured, renamed, swapped, unmatched, unpaired
from jaxgan.data.shapes import shapes
from jaxgan.data.source import arrays_for, batch, conditions_for, labelled
from jaxgan.data.stream import Steps
from jaxgan.errors import Refused

KEY = jax.random.key(0)
DIGITS = digits("test")


def counted(count, start=0):
    """Points whose value is their number."""
    return arrays(np.arange(start, start + count, dtype=np.float32)[:, None])


@dataclass(frozen=True)
class Picked:
    """Reads from a copy on the host."""

    leaves: dict

    def __call__(self, number):
        return {name: leaf[number] for name, leaf in self.leaves.items()}


def read_from_host(source):
    leaves = {name: np.asarray(leaf) for name, leaf in source.arrays.items()}
    return source._replace(arrays=(), read=Picked(leaves), take=lambda arrays, key, number: arrays)


def negative(x):
    return -x


def stream(source, layout, steps):
    """Returns the batches of a run, from memory or as a worker has read them."""
    make_batch = jax.jit(partial(batch, source, layout))
    if source.read is None:
        return [make_batch(source.arrays, KEY, step) for step in steps]
    worker = source._replace(read=pickle.loads(pickle.dumps(source.read)))
    read = Steps.of(worker, layout[0] * layout[1], KEY, steps.start, steps.stop)
    rows = [
        jax.tree.map(lambda leaf: leaf.reshape(*layout, *leaf.shape[1:]), read[i]) for i in range(len(read))
    ]
    return [make_batch(row, KEY, step) for row, step in zip(rows, steps, strict=True)]


@pytest.mark.parametrize("kind", ["memory", "generated", "read"])
def test_shuffling_keeps_pairs_together(kind):
    base = {"memory": DIGITS, "generated": shapes("test"), "read": read_from_host(DIGITS)}[kind]
    pair, steps = paired(base, edges, name="edges"), range(36, 39)  # across the end of an epoch of digits
    for batch_of_pairs, plain in zip(stream(pair, (2, 4), steps), stream(base, (2, 4), steps), strict=True):
        for name, leaf in plain.items():
            np.testing.assert_array_equal(batch_of_pairs[name], leaf)
        expected = jax.vmap(jax.vmap(edges))(plain["x"])
        np.testing.assert_allclose(batch_of_pairs["edges"], expected, atol=1e-6)
        assert batch_of_pairs["edges"].shape[2:] == pair.leaves["edges"].shape


def test_pairs_of_a_folder(tmp_path):
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


def test_held_out_examples_are_paired_too():
    held_out = paired(load("digits"), edges).held_out()
    assert (held_out.size, sorted(held_out.leaves)) == (297, ["label", "source", "x"])
    assert paired(ring(), negative).held_out is None
    assert unpaired(load("digits"), load("digits")).held_out().size == 297
    assert recoloured(load("digits"), [[1, 0, -1]]).held_out().shape == (8, 8, 3)


def test_refused_pairs():
    for name in ("x", "label", "index"):
        with pytest.raises(Refused, match=f"already a leaf '{name}'"):
            paired(DIGITS, edges, name)
    with pytest.raises(Refused, match=r"is float32\(3,\), but make\(x\) float32\(8, 8, 1\)"):
        paired(DIGITS, edges, leaf=Leaf((3,), Numbers(), "float32"))


def test_leaves_of_other_names_ask_for_the_new_x():
    pair = paired(load("digits"), negative)
    other_way = swapped(pair)
    taken, plain = labelled(other_way, 6), labelled(pair, 6)
    np.testing.assert_array_equal(taken["x"], plain["source"])
    np.testing.assert_array_equal(taken["source"], plain["x"])
    assert other_way.asks == other_way.held_out().asks == ("source",)
    assert renamed(pair, {"source": "sketch"}).asks == ("sketch",)
    assert renamed(unmatched(pair), {"x": "other", "other": "x"}).asks == ("other",)
    for names, message in (
        ({"mask": "hole"}, "there is no leaf 'mask' to rename, only label, source, x"),
        ({"label": "x"}, "give each a name of its own"),
        ({"x": "picture"}, "and one of them x"),
    ):
        with pytest.raises(Refused, match=message):
            renamed(pair, names)


def test_mirroring_keeps_pairs_together():
    pair = mirrored(paired(DIGITS, negative))
    taken = pair.take(arrays_for(pair, np.arange(6)), KEY, jnp.arange(6))
    np.testing.assert_array_equal(taken["source"], -taken["x"])


def test_edges_by_hand():
    x = np.asarray(jax.random.uniform(KEY, (6, 7, 2), minval=-1, maxval=1))
    sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)), "edge")
    expected = np.empty((6, 7, 1))
    for i in range(6):
        for j in range(7):
            window = padded[i : i + 3, j : j + 3]
            lengths = [
                np.hypot((window[..., c] * sobel).sum(), (window[..., c] * sobel.T).sum()) for c in (0, 1)
            ]
            expected[i, j] = min(max(lengths), 2) - 1
    np.testing.assert_allclose(edges(x), expected, atol=1e-5)
    assert expected.max() > 0
    corner = edges(jnp.where(jnp.mgrid[:9, :9].sum(0)[..., None] > 8, 1.0, -1.0))
    assert (corner.min(), corner.max()) == (-1, 1)  # steeper than a straight step, and clipped
    assert jnp.isfinite(jax.grad(lambda x: edges(x).sum())(jnp.zeros((5, 5, 1)))).all()


@pytest.mark.parametrize("from_files", [False, True])
@pytest.mark.parametrize(("many", "few"), [(12, 5), (5, 12), (7, 7)])
def test_unpaired_sources_are_permuted_independently(many, few, from_files):
    a, b = counted(many), counted(few)
    two = unpaired(read_from_host(a), read_from_host(b)) if from_files else unpaired(a, b)
    assert two.size == max(many, few)
    number = np.arange(two.size, dtype=np.uint32)
    taken = jax.jit(two.take)(arrays_for(two, number), KEY, number)
    x, other = (np.asarray(taken[name][:, 0]).astype(int) for name in ("x", "other"))
    for shown, size in ((x, many), (other, few)):
        for start in range(0, two.size - size + 1, size):
            assert sorted(shown[start : start + size]) == list(range(size))
    assert (x != other).any()
    small, size = (x, many) if many < few else (other, few)
    assert many == few or (small[:size] != small[size : 2 * size]).any()  # another order each time
    if many == few:
        assert len({(p - q) % many for p, q in zip(x, other, strict=True)}) > 2  # not just a shift


def test_unpaired_sources_from_files_equal_those_in_memory():
    a, b, steps = counted(12), counted(5, start=20), range(4)
    from_memory = unpaired(a, b)
    from_files = unpaired(read_from_host(a), read_from_host(b))
    jax.tree.map(
        np.testing.assert_array_equal,
        stream(from_memory, (2, 2), steps),
        stream(from_files, (2, 2), steps),
    )
    check_layout(from_files, (2, 2), 4)


def test_unpaired_endless_sources_are_independent():
    two = unpaired(ring(), ring())
    taken = two.take(two.arrays, KEY, jnp.arange(50, dtype=jnp.uint32))
    assert two.size is None
    assert np.mean(np.all(np.asarray(taken["x"] == taken["other"]), axis=1)) == 0
    modes = [np.round(np.arctan2(*np.asarray(taken[name]).T) / (np.pi / 4)) % 8 for name in ("x", "other")]
    assert 0 < np.mean(modes[0] == modes[1]) < 0.5


def test_leaves_note_and_fingerprint_of_unpaired_sources():
    two = unpaired(shapes(), recoloured(shapes(), np.eye(3)[::-1]))
    assert sorted(two.leaves) == ["label", "other", "x"]
    assert two.note == shapes().note
    assert unpaired(DIGITS, counted(5)).fingerprint != unpaired(DIGITS, counted(6)).fingerprint


def test_refused_unpaired_sources():
    with pytest.raises(Refused, match="the sources differ: take both"):
        unpaired(ring(), DIGITS)
    with pytest.raises(Refused, match="the sources differ: take both"):
        unpaired(DIGITS, read_from_host(DIGITS))


def test_recoloured():
    base, swapped = shapes("test"), recoloured(shapes("test"), np.eye(3)[::-1])
    number = jnp.arange(4)
    plain, changed = (jax.jit(source.take)((), KEY, number)["x"] for source in (base, swapped))
    np.testing.assert_allclose(changed, plain[..., ::-1], atol=1e-6)
    sepia = recoloured(DIGITS, [[1, 0.5, -1]])
    taken = sepia.take(sepia.arrays, KEY, number)
    np.testing.assert_allclose(
        taken["x"][..., 1:2], DIGITS.take(DIGITS.arrays, KEY, number)["x"] / 2, atol=1e-6
    )
    assert sepia.leaves["x"] == Leaf((8, 8, 3), Image())
    assert len({recoloured(DIGITS, [[c]]).fingerprint for c in (1, -1)}) == 2


def test_refused_palettes():
    with pytest.raises(Refused, match=r"a palette \(3, 3\) cannot colour \(8, 8, 1\)"):
        recoloured(DIGITS, np.eye(3))
    with pytest.raises(Refused, match="cannot colour"):
        recoloured(ring(), np.eye(2))
    with pytest.raises(Refused, match="add up to more than 1"):
        recoloured(shapes(), [[1, 0, 0], [0.5, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize("kind", ["memory", "generated", "read"])
def test_unmatched_examples_come_from_two_examples(kind):
    base = {"memory": DIGITS, "generated": shapes("test"), "read": read_from_host(DIGITS)}[kind]
    pair = paired(base, negative)._replace(held_out=lambda: paired(DIGITS, negative))
    apart, count = unmatched(pair), 297
    number = np.arange(count, dtype=np.uint32)
    taken = jax.jit(apart.take)(arrays_for(apart, number), KEY, number)
    plain = jax.jit(pair.take)(arrays_for(pair, number), KEY, number)
    assert sorted(taken) == sorted(apart.leaves) == ["label", "other", "x"]
    assert not np.all(np.asarray(taken["x"]) == -np.asarray(taken["other"]), axis=(1, 2, 3)).any()  # none
    if base.size == count:  # in either domain every example occurs once
        for name, of in (("x", "x"), ("other", "source")):
            assert sorted(map(bytes, np.asarray(taken[name]))) == sorted(map(bytes, np.asarray(plain[of])))
    labels = {bytes(x): label for x, label in zip(np.asarray(plain["x"]), plain["label"], strict=True)}
    if kind != "generated":
        assert [labels[bytes(x)] for x in np.asarray(taken["x"])] == taken["label"].tolist()
    check_take(apart)


def test_held_out_pairs_of_unmatched_examples_stay_together():
    apart = unmatched(paired(load("digits"), negative))
    assert apart.asks == apart.held_out().asks == ("other",)
    held_out = labelled(apart.held_out(), 20)
    np.testing.assert_array_equal(held_out["other"], -held_out["x"])
    asked = conditions_for(apart, apart.asks)(np.arange(20))
    np.testing.assert_array_equal(asked["other"], held_out["other"])
    assert apart.leaves == apart.held_out().leaves
    assert unmatched(paired(DIGITS, negative)).asks == ()  # no pairs are kept where none are held out


def test_unmatched_examples_from_files_equal_those_in_memory():
    one, two = unmatched(paired(DIGITS, negative)), unmatched(paired(read_from_host(DIGITS), negative))
    jax.tree.map(
        np.testing.assert_array_equal, stream(one, (2, 4), range(36, 39)), stream(two, (2, 4), range(36, 39))
    )


def test_refused_unmatched_sources():
    with pytest.raises(
        Refused, match="no leaf 'source' to take from other examples: beside x there are label"
    ):
        unmatched(DIGITS)
    with pytest.raises(Refused, match="not examples without end"):
        unmatched(paired(ring(), negative))
    with pytest.raises(Refused, match='already a leaf "other"'):
        unmatched(paired(unpaired(DIGITS, DIGITS), negative))
