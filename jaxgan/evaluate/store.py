"""What was computed once and need not be again: arrays by a hash of all that they follow from."""

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Callable, Mapping

import numpy as np

from jaxgan import reading
from jaxgan.folder import cache

Arrays = Mapping[str, np.ndarray]


def stored(key: str, make: Callable[[], Arrays]) -> Arrays:
    """What `make` gives, from the user's cache where it is there already.

    A file that is damaged is made again, and where none can be written none is.
    """
    path = cache.home() / "evaluation" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    unreadable = contextlib.suppress(OSError, ValueError, EOFError, zipfile.BadZipFile)
    with unreadable, reading.open_file(path) as opened, np.load(opened) as file:
        return dict(file)
    arrays = make()
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(temporary, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return arrays
