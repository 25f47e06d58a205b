"""Reading a pickled tree of numpy arrays: exact, and no code in a file is run."""

import pickle

import numpy as np
import pytest
from support import same

from jaxgan.errors import Refused
from jaxgan.evaluate import pickled_trees

TREE = {
    "net": {
        "kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
        "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.array([1, -2], ">i4"),
    },
    "half": np.array([0.5], np.float16),
    "scalar": np.array(7),
    "empty": np.zeros((0, 3), np.float32),
    "flags": np.array([True, False]),
}


def read(tmp_path, content):
    path = tmp_path / "x.ckpt"
    path.write_bytes(content)
    return pickled_trees.arrays(path)


@pytest.mark.parametrize("protocol", [3, 4])
def test_arrays_are_read_exactly(tmp_path, protocol):
    read_back = read(tmp_path, pickle.dumps(TREE, protocol))
    expected = {f"net/{name}": x for name, x in TREE["net"].items()}
    expected["net/big"] = np.array([1, -2], "i4")  # in this machine's order of bytes
    same(read_back, {**expected, **{name: x for name, x in TREE.items() if name != "net"}})
    read_back["net/kernel"][...] = 0  # a writable copy


def test_files_of_numpy_1_are_read(tmp_path):
    """Their module of arrays has another name."""
    content = pickle.dumps({"x": np.ones(2)}, 3).replace(b"numpy._core", b"numpy.core")
    assert b"cnumpy.core.multiarray" in content
    same(read(tmp_path, content), {"x": np.ones(2)})


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("numpy", "fromfile"),
        ("numpy", "memmap"),
        ("numpy.core.multiarray", "scalar"),
        ("jax", "jit"),
    ],
)
def test_code_is_refused_and_not_run(tmp_path, module, name):
    ran = tmp_path / "ran"
    call = f"c{module}\n{name}\n(".encode() + pickle.dumps(f"touch {ran}", 2)[2:-1] + b"tR."
    if name == "system":
        pickle.loads(call)  # it would run
        ran.unlink()
    with pytest.raises(Refused, match=rf"x\.ckpt was not read: it refers to {module}\.{name}"):
        read(tmp_path, call)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (pickle.dumps({"x": np.array([None])}), "an array of object, but only numbers"),
        (pickle.dumps({"x": np.array(["a"])}), "only numbers are allowed"),
        (pickle.dumps({"a": {"x": 3}}), "its a/x is neither an array nor a dictionary"),
        (pickle.dumps([np.ones(2)]), "its content is neither"),
        (pickle.dumps({1: np.ones(2)}), "its content is neither"),
        (b"", "is damaged, or is not a pickle of arrays"),
        (b"<html>404</html>", "is damaged, or is not a pickle of arrays"),
        (pickle.dumps(TREE)[:-20], "is damaged, or is not a pickle of arrays"),
        (
            pickle.dumps({"x": np.arange(4, dtype="u1")}, 3).replace(b"K\x04\x85", b"K\x05\x85"),
            r"an array of shape \(5,\) has 4 bytes",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, content, line):
    with pytest.raises(Refused, match=line) as refused:
        read(tmp_path, content)
    assert "\n" not in str(refused.value)


def test_a_damaged_file_is_refused_or_read(tmp_path):
    content = pickle.dumps({"a": {"x": np.ones(3, np.float32)}}, 3)
    refused = 0
    for place in range(len(content)):
        damaged = bytes([*content[:place], content[place] ^ 0x55, *content[place + 1 :]])
        try:
            read(tmp_path, damaged)
        except Refused:
            refused += 1
    assert refused > len(content) // 3
