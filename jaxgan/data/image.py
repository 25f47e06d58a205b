"""A picture in a file, as the square of bytes that networks are shown."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxgan.parts.types import Array, Batch, Key, PyTree


class Broken(Exception):
    """A file is no picture; the message says what is wrong with it."""


def square(file: str | Path | bytes, shape: Sequence[int]) -> np.ndarray:
    """The picture [side, side, channels] of a file, or of its bytes: uint8, grey or RGB.

    The square in the middle, scaled by Pillow's bicubic filter, which widens where it shrinks and so does not
    alias (Parmar et al., 2022).

    >>> from PIL import Image
    >>> Image.new("RGB", (30, 20), "red").save(file := BytesIO(), "PNG")
    >>> square(file.getvalue(), (8, 8, 3))[0, 0].tolist()
    [255, 0, 0]
    """
    side, _, channels = shape
    with _opened(file) as picture:
        from PIL import Image

        if picture.mode[0] in "IF":
            raise Broken("it has more than 8 bits a channel; convert it first")
        picture = picture.convert("L" if channels == 1 else "RGB")
        if picture.size != (side, side):
            width, height = picture.size
            edge = min(width, height)
            left, top = (width - edge) // 2, (height - edge) // 2
            box = (left, top, left + edge, top + edge)
            picture = picture.resize((side, side), Image.Resampling.BICUBIC, box)
        pixels = np.asarray(picture)
    return pixels.reshape(shape)


def natural_shape(file: str | Path | bytes) -> tuple[int, int, int]:
    """The square in the middle of a picture as it is: (side, side, 1 if it is grey, else 3)."""
    with _opened(file) as picture:
        side = min(picture.size)
        return side, side, 1 if picture.mode in ("1", "L", "LA") else 3


def shown(arrays: PyTree, key: Key, number: Array) -> Batch:
    """`take` of a source whose `read` gives bytes {"x", "label" where there is one}: x / 127.5 - 1."""
    return {**arrays, "x": arrays["x"].astype(jnp.float32) / 127.5 - 1}


@contextmanager
def _opened(file: str | Path | bytes) -> Iterator[Any]:
    from PIL import Image

    try:
        with Image.open(BytesIO(file) if isinstance(file, bytes) else file) as picture:
            yield picture
    except Broken:
        raise
    except Exception as error:  # of many kinds, by the format and by where in the file it is broken
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Broken(said.split(" <_io")[0].split(" '")[0] or type(error).__name__) from error
