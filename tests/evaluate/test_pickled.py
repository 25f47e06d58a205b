"""Reading PyTorch's files without PyTorch: tensors are exact, and no code in a file is run."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support import same

from jaxgan.errors import Refused
from jaxgan.evaluate import pickled

GOLDEN = Path(__file__).parent / "golden"
FILES = ["zip.pth", "legacy.pth"]
"""Written by torch 2.13 from this state dict, in its format and in that of before 1.6:

both = torch.arange(20.0)
OrderedDict(
    weight=torch.arange(6.0).reshape(2, 3), turned=torch.arange(6.0).reshape(2, 3).T,
    early=both[:4], late=both[11:19:2].reshape(2, 2), scalar=torch.tensor(7),
    half=torch.tensor([0.5, -2.0]).half(), double=torch.tensor([1e300], dtype=torch.float64),
    flags=torch.tensor([True, False]), empty=torch.zeros(0, 3),
    parameter=torch.nn.Parameter(torch.tensor([1.5])),
)
"""


def expected():
    both = np.arange(20, dtype=np.float32)
    weight = both[:6].reshape(2, 3)
    return {
        "weight": weight,
        "turned": weight.T,
        "early": both[:4],
        "late": both[11:19:2].reshape(2, 2),
        "scalar": np.array(7),
        "half": np.array([0.5, -2], np.float16),
        "double": np.array([1e300]),
        "flags": np.array([True, False]),
        "empty": np.zeros((0, 3), np.float32),
        "parameter": np.array([1.5], np.float32),
    }


@pytest.mark.parametrize("name", FILES)
def test_files_of_torch_are_read_exactly(name):
    same(pickled.arrays(GOLDEN / name), expected())


def push(x):
    """The operations that put x on a pickle's stack."""
    return pickle.dumps(x, 2)[2:-1]


KEYS = push(["0"])


def legacy(state, keys=KEYS, little_endian=True):
    """A file of before 1.6 around the operations that make its state dict; storage "0" has four numbers."""
    head = [pickled.MAGIC, 1001, {"little_endian": little_endian}]
    storage = (4).to_bytes(8, "little") + np.arange(4, dtype=np.float32).tobytes()
    return b"".join(pickle.dumps(x, 2) for x in head) + state + b"." + keys + b"." + storage


def tensor(offset=0, shape=(2, 2), strides=(2, 1), length=4, kind="storage", view=None):
    pid = push(kind) + b"ctorch\nFloatStorage\n" + push("0") + push("cpu") + push(length) + push(view)
    args = b"(" + pid + b"tQ" + b"".join(map(push, (offset, shape, strides, False, None)))
    return b"}" + push("x") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + args + b"tRs"


def read(path, content):
    path.write_bytes(content)
    return pickled.arrays(path)


@pytest.mark.parametrize(
    ("shape", "strides", "expected"),
    [((2,), (2,), [1, 3]), ((), (), 1), ((9, 0), (1, 1), np.zeros((9, 0)))],
)
def test_views_of_a_storage(tmp_path, shape, strides, expected):
    arrays = read(tmp_path / "x", legacy(tensor(offset=1, shape=shape, strides=strides)))
    same(arrays, {"x": np.array(expected, np.float32)})
    arrays["x"][...] = 0  # a writable copy


@pytest.mark.parametrize(
    "wrong",
    [
        {"offset": 1},
        {"offset": -1, "shape": (2,), "strides": (1,)},
        {"offset": 2, "shape": (2,), "strides": (-1,)},
        {"shape": (2, 2), "strides": (3, 1)},
        {"shape": (5,), "strides": (1,)},
        {"shape": (10**9,), "strides": (0,)},
        {"shape": (-1, -1), "strides": (1, 1)},
        {"length": 5},
    ],
)
def test_a_tensor_stays_within_its_storage(tmp_path, wrong):
    with pytest.raises(Refused, match="exceeds the 4 numbers stored for it"):
        read(tmp_path / "x", legacy(tensor(**wrong)))


CALLS = [
    ("os", "system"),
    ("posix", "system"),
    ("builtins", "eval"),
    ("builtins", "getattr"),
    ("collections", "namedtuple"),
    ("numpy", "fromfile"),
    ("torch", "load"),
    ("torch._utils", "os.system"),
]


@pytest.mark.parametrize("form", ["pickle", "legacy", "keys", "zip"])
@pytest.mark.parametrize(("module", "name"), CALLS)
def test_code_is_refused_and_not_run(tmp_path, module, name, form):
    ran = tmp_path / "ran"
    call = f"c{module}\n{name}\n(".encode() + push(f"touch {ran}") + b"tR"
    path = tmp_path / "x.pth"
    match form:
        case "pickle":
            path.write_bytes(call + b".")
        case "legacy":
            path.write_bytes(legacy(call))
        case "keys":
            path.write_bytes(legacy(tensor(), keys=call))
        case "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("x/data.pkl", call + b".")
    with pytest.raises(Refused, match=rf"x\.pth was not read: it refers to {module}\.{name}"):
        pickled.arrays(path)
    assert not ran.exists()


def test_the_code_would_run_without_the_restriction(tmp_path):
    """Otherwise the test above would prove nothing."""
    ran = tmp_path / "ran"
    pickle.loads(b"cos\nsystem\n(" + push(f"touch {ran}") + b"tR.")
    assert ran.exists()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            legacy(push({"epoch": 3})),
            "its 'epoch' is not a tensor: save `model.state_dict\\(\\)`",
        ),
        (legacy(push([1, 2])), "something other than a state dict"),
        (legacy(tensor(), little_endian=False), "big-endian"),
        (legacy(tensor(kind="module")), "contains a module in a format"),
        (legacy(tensor(view=("0", 0, 2))), "contains a storage in a format"),
        (pickle.dumps(1) + pickle.dumps(2) + pickle.dumps(3), "does not begin like a file of PyTorch"),
        (b"", "is damaged, or is not a state dict"),
        (b"<html>404</html>", "is damaged, or is not a state dict"),
    ],
)
def test_other_files_are_refused(tmp_path, content, line):
    with pytest.raises(Refused, match=line):
        read(tmp_path / "x", content)


def test_a_zip_of_a_big_endian_machine_is_refused(tmp_path):
    path = tmp_path / "x.pth"
    with zipfile.ZipFile(GOLDEN / "zip.pth") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"big" if name.endswith("byteorder") else old.read(name))
    with pytest.raises(Refused, match="big-endian"):
        pickled.arrays(path)


def test_another_zip_archive_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.ones(3))
    with pytest.raises(Refused, match="is damaged, or is not a state dict"):
        pickled.arrays(tmp_path / "x.npz")


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused(tmp_path, name):
    content = (GOLDEN / name).read_bytes()
    for end in range(0, len(content) - 1, 13):
        with pytest.raises(Refused):
            read(tmp_path / "x", content[:end])
    with pytest.raises(Refused):
        read(tmp_path / "x", content[:-1])


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_or_read(tmp_path, name):
    content = bytearray((GOLDEN / name).read_bytes())
    refused = 0
    for place in range(0, len(content), 5):
        damaged = bytes(content[:place]) + bytes([content[place] ^ 0x55]) + bytes(content[place + 1 :])
        try:
            read(tmp_path / "x", damaged)
        except Refused:
            refused += 1
    assert refused > len(content) // 5 // 4
