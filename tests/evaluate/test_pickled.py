"""Files of PyTorch, without it: tensors are read to the bit, and what else a file asks for is not done."""

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
"""What torch 2.13 saved of this state dict, in its own format and in that of before 1.6:

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
def test_what_torch_wrote(name):
    same(pickled.arrays(GOLDEN / name), expected())


def pushed(x):
    """The operations that put x on a pickle's stack."""
    return pickle.dumps(x, 2)[2:-1]


KEYS = pushed(["0"])


def legacy(state, keys=KEYS, little_endian=True):
    """A file of before 1.6 around the operations that make its state dict; storage "0" has four numbers."""
    head = [pickled.MAGIC, 1001, {"little_endian": little_endian}]
    storage = (4).to_bytes(8, "little") + np.arange(4, dtype=np.float32).tobytes()
    return b"".join(pickle.dumps(x, 2) for x in head) + state + b"." + keys + b"." + storage


def tensor(offset=0, shape=(2, 2), strides=(2, 1), length=4, kind="storage", view=None):
    pid = (
        pushed(kind) + b"ctorch\nFloatStorage\n" + pushed("0") + pushed("cpu") + pushed(length) + pushed(view)
    )
    args = b"(" + pid + b"tQ" + b"".join(map(pushed, (offset, shape, strides, False, None)))
    return b"}" + pushed("x") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + args + b"tRs"


def read(path, content):
    path.write_bytes(content)
    return pickled.arrays(path)


@pytest.mark.parametrize(
    ("shape", "strides", "expected"),
    [((2,), (2,), [1, 3]), ((), (), 1), ((9, 0), (1, 1), np.zeros((9, 0)))],
)
def test_by_hand(tmp_path, shape, strides, expected):
    found = read(tmp_path / "x", legacy(tensor(offset=1, shape=shape, strides=strides)))
    same(found, {"x": np.array(expected, np.float32)})
    found["x"][...] = 0  # the caller's own


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
    with pytest.raises(Refused, match="does not lie in the 4 numbers stored for it"):
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


@pytest.mark.parametrize("form", ["alone", "legacy", "keys", "zip"])
@pytest.mark.parametrize(("module", "name"), CALLS)
def test_code_is_refused_and_not_run(tmp_path, module, name, form):
    ran = tmp_path / "ran"
    call = f"c{module}\n{name}\n(".encode() + pushed(f"touch {ran}") + b"tR"
    path = tmp_path / "x.pth"
    match form:
        case "alone":
            path.write_bytes(call + b".")
        case "legacy":
            path.write_bytes(legacy(call))
        case "keys":
            path.write_bytes(legacy(tensor(), keys=call))
        case "zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("x/data.pkl", call + b".")
    with pytest.raises(Refused, match=rf"x\.pth is not read: it asks for {module}\.{name}"):
        pickled.arrays(path)
    assert not ran.exists()


def test_the_attack_is_one(tmp_path):
    """The same bytes do run where any name goes, or the test above would prove nothing."""
    ran = tmp_path / "ran"
    pickle.loads(b"cos\nsystem\n(" + pushed(f"touch {ran}") + b"tR.")
    assert ran.exists()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (legacy(pushed({"epoch": 3})), "its 'epoch' is no tensor: save `model.state_dict\\(\\)` and nothing"),
        (legacy(pushed([1, 2])), "something other than a state dict"),
        (legacy(tensor(), little_endian=False), "big-endian"),
        (legacy(tensor(kind="module")), "holds a module of a form"),
        (legacy(tensor(view=("0", 0, 2))), "holds a storage of a form"),
        (pickle.dumps(1) + pickle.dumps(2) + pickle.dumps(3), "does not begin as files of PyTorch do"),
        (b"", "is damaged, or is not a state dict"),
        (b"<html>404</html>", "is damaged, or is not a state dict"),
    ],
)
def test_other_files(tmp_path, content, line):
    with pytest.raises(Refused, match=line):
        read(tmp_path / "x", content)


def test_a_zip_of_a_big_endian_machine(tmp_path):
    path = tmp_path / "x.pth"
    with zipfile.ZipFile(GOLDEN / "zip.pth") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"big" if name.endswith("byteorder") else old.read(name))
    with pytest.raises(Refused, match="big-endian"):
        pickled.arrays(path)


def test_an_archive_of_something_else(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.ones(3))
    with pytest.raises(Refused, match="is damaged, or is not a state dict"):
        pickled.arrays(tmp_path / "x.npz")


@pytest.mark.parametrize("name", FILES)
def test_half_a_file(tmp_path, name):
    content = (GOLDEN / name).read_bytes()
    for end in range(0, len(content) - 1, 13):
        with pytest.raises(Refused):
            read(tmp_path / "x", content[:end])
    with pytest.raises(Refused):
        read(tmp_path / "x", content[:-1])


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_or_read_in_one_piece(tmp_path, name):
    content = bytearray((GOLDEN / name).read_bytes())
    refused = 0
    for place in range(0, len(content), 5):
        damaged = bytes(content[:place]) + bytes([content[place] ^ 0x55]) + bytes(content[place + 1 :])
        try:
            read(tmp_path / "x", damaged)
        except Refused:
            refused += 1
    assert refused > len(content) // 5 // 4
