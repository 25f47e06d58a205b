"""A cache of arrays in the user's cache folder, keyed by a hash of everything that they depend on."""

import contextlib
import hashlib
import os
import sys
import zipfile
from collections.abc import Callable, Mapping

import numpy as np

from jaxgan import reading
from jaxgan.folder import cache

Arrays = Mapping[str, np.ndarray]


def load_or_compute(key: str, compute: Callable[[], Arrays], doing: str = "") -> Arrays:
    """Returns the arrays cached under a key, or computes and caches them.

    A damaged file is computed again, and a cache that cannot be written is ignored. `doing` is said before a
    computation of minutes.
    """
    path = cache.home() / "evaluation" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    unreadable = contextlib.suppress(OSError, ValueError, EOFError, zipfile.BadZipFile)
    with unreadable, reading.open_file(path) as opened, np.load(opened) as file:
        return dict(file)
    if doing:
        print(f"{doing}, once for these data: this may take minutes ...", file=sys.stderr, flush=True)
    arrays = compute()
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(temporary, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return arrays
