"""Reads arrays from PyTorch's files without PyTorch, and without running code that a file may contain."""

import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from jaxgan.errors import Refused

MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file older than PyTorch 1.6
TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Returns the tensors of a state dict by name, from a file of `torch.save` in the zip or pre-1.6 format.

    A pickle can name any function and have it called. Here only ordered dictionaries, tensors and dtypes are
    allowed; a file that names anything else is refused before anything is imported.

    >>> arrays(Path("nowhere.pth"))
    Traceback (most recent call last):
    jaxgan.errors.Refused: there are no weights at nowhere.pth
    """
    if not path.is_file():
        raise Refused(f"there are no weights at {path}")
    try:
        with path.open("rb") as file:
            tensors, storages = (_read_zip if zipfile.is_zipfile(file) else _read_legacy)(file)
            return {name: _array(tensor, storages) for name, tensor in tensors.items()}
    except Refused as refused:
        raise Refused(f"{path} was not read: {refused}") from None
    except Exception:  # unpickling damaged bytes can raise anything
        raise Refused(f"{path} is damaged, or is not a state dict that PyTorch saved") from None


class _Storage(NamedTuple):
    """A flat array of numbers, stored in the file under a key."""

    key: str
    dtype: str
    length: int


class _Tensor(NamedTuple):
    """A view of a storage: the arguments of `torch._utils._rebuild_tensor_v2`."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


Tensors = dict[str, _Tensor]
Storages = dict[str, np.ndarray]


class _Unpickler(pickle.Unpickler):
    """Reads one pickle; tensors become `_Tensor`, since their storages are read later."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in TYPES:
            return TYPES[name]
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda *args: _Tensor(*args[:4]),
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        }
        if (module, name) not in known:
            raise Refused(f"it refers to {module}.{name}, but only the tensors of a state dict are allowed")
        return known[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _, length, *view = pid
        if kind != "storage" or view not in ([], [None]):
            raise Refused(f"it contains a {kind} in a format that PyTorch abandoned before 1.0")
        return _Storage(key, dtype, length)


def _unpickle(file: IO[bytes]) -> tuple[Tensors, set[_Storage]]:
    tensors = _Unpickler(file).load()
    if not isinstance(tensors, dict):
        raise Refused("it contains something other than a state dict: save `model.state_dict()`")
    for name, value in tensors.items():
        if not isinstance(value, _Tensor):
            raise Refused(f"its {name!r} is not a tensor: save `model.state_dict()` and nothing else")
    return dict(tensors), {tensor.storage for tensor in tensors.values()}


def _read_zip(file: IO[bytes]) -> tuple[Tensors, Storages]:
    """Reads a zip of NAME/data.pkl and each storage as NAME/data/KEY."""
    with zipfile.ZipFile(file) as archive:
        (main,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        home = main.removesuffix("data.pkl")
        if f"{home}byteorder" in archive.namelist():
            _check_order(archive.read(f"{home}byteorder") == b"little")
        with archive.open(main) as opened:
            tensors, storages = _unpickle(opened)
        return tensors, {s.key: np.frombuffer(archive.read(f"{home}data/{s.key}"), s.dtype) for s in storages}


def _read_legacy(file: IO[bytes]) -> tuple[Tensors, Storages]:
    """Reads pickles of magic number, version, byte order, tensors and storage keys, then the storages."""
    file.seek(0)
    magic, _, machine = (_Unpickler(file).load() for _ in range(3))
    if magic != MAGIC:
        raise Refused("it does not begin like a file of PyTorch")
    _check_order(machine["little_endian"])
    tensors, used = _unpickle(file)
    known = {storage.key: storage for storage in used}
    storages = {}
    for key in _Unpickler(file).load():
        length = int.from_bytes(file.read(8), "little")
        dtype = np.dtype(known[key].dtype)
        storages[key] = np.frombuffer(file.read(length * dtype.itemsize), dtype)
    return tensors, storages


def _check_order(little: bool) -> None:
    if not little:
        raise Refused("it was written by a big-endian machine: save it again on a little-endian one")


def _array(tensor: _Tensor, storages: Storages) -> np.ndarray:
    storage, offset, shape, strides = tensor
    numbers = storages[storage.key]
    end = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True)) + 1
    # as_strided does not check bounds
    inside = min([offset, *shape, *strides]) >= 0 and math.prod(shape) <= len(numbers) == storage.length
    if not inside or (math.prod(shape) > 0 and end > len(numbers)):
        raise Refused(f"a tensor of shape {shape} exceeds the {len(numbers)} numbers stored for it")
    view = np.lib.stride_tricks.as_strided(
        numbers[offset:], shape, [stride * numbers.itemsize for stride in strides], writeable=False
    )
    return view.copy()
