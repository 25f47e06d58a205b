import hashlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits

from jaxgan.data import KNOWN, load
from jaxgan.data.arrays import npz
from jaxgan.data.digits import digits
from jaxgan.data.folder import folder
from jaxgan.data.mixtures import ring
from jaxgan.data.order import stratified_order
from jaxgan.data.resize import resized
from jaxgan.data.tfds import tfds
from jaxgan.errors import Refused

KEY = jax.random.key(0)


def test_digits_split_is_disjoint_stratified_and_fixed():
    label = load_digits().target
    order = stratified_order(label)
    assert sorted(order) == list(range(1797))
    assert hashlib.sha256(order.astype("<i8").tobytes()).hexdigest()[:16] == "a7147eb29507df64"
    for size in (1500, 297):
        part = order[:1500] if size == 1500 else order[1500:]
        expected = np.bincount(label) * size / 1797
        assert np.abs(np.bincount(label[part]) - expected).max() <= 1


def test_digits():
    train, test = digits("train"), digits("test")
    assert (train.shape, train.size, test.size, train.classes) == ((8, 8, 1), 1500, 297, 10)
    x = np.concatenate([train.arrays["x"], test.arrays["x"]])
    assert (x.dtype, x.min(), x.max()) == (np.float32, -1.0, 1.0)
    order = stratified_order(load_digits().target)
    np.testing.assert_array_equal(x[..., 0], load_digits().images[order] / 8 - 1)
    labels = np.concatenate([train.arrays["label"], test.arrays["label"]])
    np.testing.assert_array_equal(labels, load_digits().target[order])


def test_resized():
    source = digits()
    assert resized(source, 8) is source
    for size in (4, 16):
        bigger = resized(source, size)
        taken = jax.jit(bigger.take)(bigger.arrays, KEY, jnp.arange(3))
        original = source.take(source.arrays, KEY, jnp.arange(3))
        assert taken["x"].shape == (3, size, size, 1)
        assert abs(taken["x"]).max() <= 1.0001
        np.testing.assert_array_equal(taken["label"], original["label"])
    halves = np.asarray(original["x"]).reshape(3, 4, 2, 4, 2, 1).mean(axis=(2, 4))
    small = resized(source, 4)
    shrunk = np.asarray(small.take(small.arrays, KEY, jnp.arange(3))["x"])
    assert np.corrcoef(shrunk.ravel(), halves.ravel())[0, 1] > 0.95
    with pytest.raises(Refused, match="square images"):
        resized(ring(), 8)


def test_load(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, x=np.zeros((3, 8, 8), np.uint8))
    assert load(str(path), size=4).shape == (4, 4, 1)
    assert load("digits", split="test").size == 297
    assert load("digits", size=8).take is load("digits").take
    for name in KNOWN:
        assert load(name).shape
        assert load(name, split="test").shape
    with pytest.raises(Refused, match=r"'digit' \(did you mean digits\?\): there are digits, shapes"):
        load("digit")
    assert load(str(path), split="test").size == 1
    for name in (*KNOWN, str(path), str(tmp_path), "tfds:mnist"):
        with pytest.raises(Refused, match='splits are "train" and "test", not \'valid\''):
            load(name, split="valid")
    for read, argument in ((npz, path), (folder, tmp_path), (tfds, "mnist")):
        with pytest.raises(Refused, match="splits are"):
            read(argument, split="valid")
    with pytest.raises(Refused, match="square images"):
        load("ring", size=8)
    for name in ("a" * 300, f"{'a' * 300}.npz"):
        with pytest.raises(Refused, match=r"cannot access aaa.*: File name too long"):
            load(name)


def test_importing_the_package_loads_no_heavy_library():
    program = "import sys, jaxgan.data; print([m for m in ('sklearn', 'scipy', 'jax') if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert loaded.strip() == "[]"
