"""Reads a pickled tree of numpy arrays without running code that the file may contain."""

import math
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import reading
from jaxgan.errors import Refused

KINDS = frozenset("fiub")
"""Floats, integers and booleans: what an array may hold."""


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of nested dictionaries by their path, as "VGG16_0/Conv_0/kernel".

    A pickle can name any function and have it called. Here only numpy's arrays and types are allowed, and
    these are built from their bytes; a file that names anything else is refused before it is imported.

    >>> arrays(Path("nowhere.ckpt"))
    Traceback (most recent call last):
    jaxgan.errors.Refused: there are no weights at nowhere.ckpt
    """
    if not path.is_file():
        raise Refused(f"there are no weights at {path}")
    try:
        with reading.open_file(path) as file:
            return dict(_named("", _Unpickler(file).load()))
    except Refused as refused:
        raise Refused(f"{path} was not read: {refused}") from None
    except Exception:  # unpickling damaged bytes can raise anything
        raise Refused(f"{path} is damaged, or is not a pickle of arrays by name") from None


class _Type:
    """Stands for a dtype while a file is read."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple) -> None:
        self.order = state[1]

    def numpy(self) -> np.dtype:
        made = np.dtype(self.code)
        if made.kind not in KINDS:
            raise Refused(f"it contains an array of {made}, but only numbers are allowed")
        return made.newbyteorder(self.order)  # type: ignore[arg-type]  # numpy refuses another order


class _Array:
    """Stands for an array while a file is read."""

    array: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, by_columns, content = state
        dtype = kind.numpy()
        if min(shape, default=0) < 0 or len(content) != math.prod(shape) * dtype.itemsize:
            raise Refused(f"an array of shape {shape} has {len(content)} bytes")
        flat = np.frombuffer(content, dtype).astype(dtype.newbyteorder("="))
        self.array = flat.reshape(shape[::-1]).T.copy() if by_columns else flat.reshape(shape)


def _empty_array(*_: Any) -> _Array:
    return _Array()


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known: dict[tuple[str, str], Callable[..., Any] | None] = {
            ("numpy", "ndarray"): None,  # only named, as what to build
            ("numpy", "dtype"): _Type,
            ("numpy.core.multiarray", "_reconstruct"): _empty_array,
            ("numpy._core.multiarray", "_reconstruct"): _empty_array,
        }
        if (module, name) not in known:
            raise Refused(f"it refers to {module}.{name}, but only arrays of numbers are allowed")
        return known[module, name]


def _named(path: str, tree: Any) -> Mapping[str, np.ndarray]:
    if isinstance(tree, _Array):
        return {path: tree.array}
    if not isinstance(tree, dict) or not all(isinstance(name, str) for name in tree):
        raise Refused(f"its {path or 'content'} is neither an array nor a dictionary of arrays")
    named: dict[str, np.ndarray] = {}
    for name, part in tree.items():
        named |= _named(f"{path}/{name}" if path else name, part)
    return named
