import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import IRREGULAR, irregular

from jaxgan.data.arrays import arrays, npz
from jaxgan.errors import Refused

KEY = jax.random.key(0)


def test_bytes_are_scaled_to_minus_one_to_one():
    x = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    source = arrays(x)
    assert source.arrays["x"].dtype == jnp.uint8
    taken = source.take(source.arrays, KEY, jnp.arange(4))["x"]
    assert (taken.shape, taken.dtype) == ((4, 8, 8, 1), jnp.float32)
    np.testing.assert_allclose(taken[..., 0], x / 127.5 - 1, atol=1e-6)
    assert (float(taken.min()), float(taken.max())) == (-1.0, 1.0)


def test_floats_are_not_scaled():
    x = np.linspace(-3, 3, 12).reshape(6, 2)
    source = arrays(x, np.arange(6) % 2)
    taken = source.take(source.arrays, KEY, jnp.array([5, 0]))
    np.testing.assert_array_equal(taken["x"], x[[5, 0]].astype(np.float32))
    assert (source.classes, taken["label"].dtype, taken["label"].tolist()) == (2, jnp.int32, [1, 0])


def with_nan(i):
    x = np.zeros((5, 3))
    x[i, 1] = np.nan
    return x


@pytest.mark.parametrize(
    ("x", "label", "message"),
    [
        (with_nan(3), None, r"1 of 5 examples contain NaN or infinity .* x\[3\]"),
        (np.full((2, 2), 1e300), None, r"2 of 2 .* x\[0\]"),
        (np.zeros((0, 2)), None, "no examples"),
        (np.zeros(5), None, "at least one more"),
        (np.zeros((5, 2), np.uint8), None, "uint8, which is for images"),
        (np.zeros((5, 2), np.int64), None, "x is int64"),
        (np.zeros((5, 2)), [0, 1], r"labels of x have the shape \(2,\), not \(5,\)"),
        (np.zeros((2, 2)), [0.0, 1.0], "labels of x are float64"),
        (np.zeros((2, 2)), [-1, 0], "a label is -1"),
        (np.zeros((3, 2)), [1, 2, 3], "no example has the label 0 but one has 3"),
        (np.zeros((3, 2)), [0, 2, 2], "no example has the label 1 .* 0 to 1 without gaps"),
        (np.full((2, 8, 8, 1), 255.0), None, r"from 255 to 255, far outside \[-1, 1\].* x / 127.5 - 1"),
        (np.full((2, 8, 8, 1), -80.0), None, r"far outside \[-1, 1\]"),
        (np.zeros((5, 3, 8, 8), np.uint8), None, "move the channels last"),
        (np.zeros((5, 1, 8, 8), np.uint8), None, "move the channels last"),
        (np.zeros((5, 3, 8, 8)), None, r"x \(5, 3, 8, 8\) has its channels first"),
        (np.eye(64).reshape(8, 8, 8, 8), None, r"from 0 to 1, not in \[-1, 1\]: .* by 2 \* x - 1"),
    ],
)
def test_refused_arrays(x, label, message):
    with pytest.raises(Refused, match=message) as refusal:
        arrays(x, label)
    assert "\n" not in str(refusal.value)


def test_arrays_that_only_resemble_badly_scaled_images_are_accepted():
    normal = np.random.RandomState(0).normal(size=(1000, 8, 8, 1))  # of mean 0 and deviation 1
    for x in (
        normal,
        255 * np.ones((5, 3)),
        np.eye(3),
        np.ones((5, 8, 8, 1)),
        np.zeros((5, 3, 3, 4), np.uint8),
        np.zeros((5, 1, 8, 4), np.uint8),
    ):
        assert arrays(x).shape == x.shape[1:]


def test_later_changes_of_the_callers_arrays_have_no_effect():
    inputs = {"bytes": np.zeros((64, 64, 64), np.uint8), "floats": np.zeros((64, 640), np.float32)}
    label = np.zeros(64, np.int32)
    for x in [*inputs.values()] * 20:  # repeated, since a late copy would mostly be in time
        source = arrays(x, label)
        x[:], label[:] = 1, 1
        assert not source.arrays["x"].any()
        assert not source.arrays["label"].any()
        x[:], label[:] = 0, 0


def test_different_arrays_have_different_fingerprints():
    x, label = np.zeros((6, 4, 4, 3), np.uint8), np.arange(6) % 2
    changed = np.copy(x)
    changed[3, 2, 1, 0] = 1
    pairs = [
        (x, label),
        (x, None),
        (x, 1 - label),
        (changed, label),
        (x.reshape(6, 4, 3, 4), label),
        (x / 1.0, label),
    ]
    fingerprints = [arrays(*pair).fingerprint for pair in pairs]
    assert len({*fingerprints, ""}) == 7
    assert fingerprints == [arrays(np.asfortranarray(pair[0]), pair[1]).fingerprint for pair in pairs]


@pytest.mark.parametrize("name", ["label", "y"])
def test_npz(tmp_path, name):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((3, 4, 4, 3), np.uint8), **{name: [0, 1, 1]})
    source = npz(path)
    assert (source.shape, source.size, source.classes) == ((4, 4, 3), 2, 2)


def test_npz_holds_out_a_stratified_tenth(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(100, dtype=np.float32)[:, None], label=np.arange(100) % 5)
    train, test = npz(path), npz(path, "test")
    numbers = np.concatenate([train.arrays["x"], test.arrays["x"]])[:, 0]
    assert sorted(numbers) == list(range(100))
    assert np.bincount(test.arrays["label"]).tolist() == [2] * 5
    assert (train.classes, test.classes) == (5, 5)
    assert train.fingerprint != test.fingerprint
    np.savez(path, x=np.zeros((1, 2)))
    with pytest.raises(Refused, match="one example"):
        npz(path)


def test_npz_with_its_own_held_out_examples(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((4, 2)), y=[0, 1, 2, 0], x_test=np.ones((2, 2)), y_test=[2, 2])
    train, test = npz(path), npz(path, "test")
    assert (train.size, test.size, test.classes) == (4, 2, 3)
    assert test.arrays["x"].min() == 1
    np.savez(path, x=np.zeros((4, 2)), x_test=np.ones((2, 3)))
    with pytest.raises(Refused, match='"x_test" must have the shape and type of "x"'):
        npz(path)


def test_the_scale_is_checked_on_both_splits_together(tmp_path):
    path, images = tmp_path / "a.npz", np.eye(64).reshape(4, 8, 8, 16)
    np.savez(path, x=2 * images - 1, x_test=images[:1])
    assert npz(path, "test").size == 1
    np.savez(path, x=images, x_test=images[:1])
    for split in ("train", "test"):
        with pytest.raises(Refused, match=r"a\.npz: x has images from 0 to 1"):
            npz(path, split)


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (
            {"x": (40, 2), "label": 8, "x_test": (8, 2), "label_test": 40},
            r"labels of x have the shape \(8,\), not",
        ),
        (
            {"x": (8, 2), "label": 8, "x_test": (8, 2), "y_test": 40},
            r"labels of x_test .* \(40,\), not \(8,\)",
        ),
        (
            {"x": (8, 2), "label": 8, "x_test": (8, 2), "label_test": (8, 1)},
            r"x_test have the shape \(8, 1\)",
        ),
        ({"x": (8, 2), "label": 8, "x_test": (8, 2), "label_test": ()}, r"x_test have the shape \(\), not"),
        ({"x": (8, 2), "x_test": (0, 2)}, r"no examples: x_test has the shape \(0, 2\)"),
        ({"x": (8, 2), "x_test": ()}, "x_test needs an axis"),
        ({"x": (8, 2), "label": 8, "label_test": 8}, 'no array "x_test", only x, label, label_test'),
        ({"x": (8, 2), "label": 8, "y_test": 8}, 'no array "x_test"'),
        ({"x": (8, 2), "label": 8, "x_test": (8, 2)}, '"x_test" must have the shape and type of "x"'),
    ],
)
def test_mismatched_examples_and_labels_are_refused(saved, message, tmp_path):
    path = tmp_path / "a.npz"
    kinds = {name: float if name.startswith("x") else int for name in saved}
    np.savez(path, **{name: np.zeros(shape, kinds[name]) for name, shape in saved.items()})
    for split in ("train", "test"):
        with pytest.raises(Refused, match=rf"a\.npz: .*{message}") as refusal:
            npz(path, split)
        assert "\n" not in str(refusal.value)


def test_refused_files(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(Refused, match=r"no file .*a\.npz"):
        npz(path)
    path.write_bytes(b"not an archive")
    with pytest.raises(Refused, match=r"not an \.npz file"):
        npz(path)
    np.savez(path, images=np.zeros(3), labels=np.zeros(3))
    with pytest.raises(Refused, match='no array "x", only images, labels'):
        npz(path)
    np.savez(path, x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(Refused, match="cannot be read: Object arrays"):
        npz(path)
    np.savez(path, x=np.zeros((2, 2)), y=[0, 1], label=[0, 1])
    with pytest.raises(Refused, match="both"):
        npz(path)
    np.savez(path, x=with_nan(2))
    with pytest.raises(Refused, match=r"a\.npz: .*x\[2\]"):
        npz(path)
    np.savez(path, x=np.random.RandomState(0).normal(size=(50, 50)))
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(bytes(damaged))
    with pytest.raises(Refused, match="cannot be read: Bad CRC"):
        npz(path)


@pytest.mark.parametrize("kind", IRREGULAR)
def test_irregular_files_are_refused(kind, tmp_path):
    with pytest.raises(Refused, match=rf"a\.npz cannot be read: it is a {kind}, not a file"):
        npz(irregular(kind, tmp_path / "a.npz"))


def test_archives_that_numpy_did_not_write_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros((4, 2)))
    plain = path.read_bytes()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("notes.txt", "mine")
    with pytest.raises(Refused, match=r"a\.npz contains notes\.txt, which is not an array"):
        npz(path)
    for offset, value in ((8, 1), (10, 97)):  # in the central directory: encrypted; unknown compression
        changed = bytearray(plain)
        changed[plain.index(b"PK\1\2") + offset] = value
        path.write_bytes(bytes(changed))
        with pytest.raises(Refused, match=r"a\.npz cannot be read"):
            npz(path)
