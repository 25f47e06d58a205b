"""Sources of examples: a batch is a pure function of (key, step)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from jaxgan.data.source import Source

KNOWN = ("digits", "ring", "grid", "gaussian_1200d", "spiral")


def load(name: str, size: int | None = None, split: Literal["train", "test"] = "train") -> Source:
    """A source by name, or by the path of an .npz file; images at `size` px if that is not their own.

    >>> load("ring").shape, load("digits", size=16).shape
    ((2,), (16, 16, 1))
    """
    from jaxgan.data import arrays, digits, mixtures
    from jaxgan.errors import Refused

    match name:
        case "digits":
            source = digits.digits(split)
        case "ring":
            source = mixtures.ring()
        case "grid":
            source = mixtures.grid()
        case "gaussian_1200d":
            source = mixtures.gaussian_1200d()
        case "spiral":
            source = mixtures.spiral()
        case _ if name.endswith(".npz"):
            if split != "train":
                raise Refused(f"{name} is one split, so it has no {split!r}: name the other file instead")
            source = arrays.npz(name)
        case _:
            from difflib import get_close_matches

            meant = "".join(f" (did you mean {near}?)" for near in get_close_matches(name, KNOWN, n=1))
            raise Refused(
                f"no data is called {name!r}{meant}: there are {', '.join(KNOWN)} and paths of .npz files"
            )
    if size is None:
        return source
    from jaxgan.data.resize import resized

    return resized(source, size)
