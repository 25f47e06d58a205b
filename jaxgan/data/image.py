"""A picture in a file, as the square of bytes that networks are shown."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxgan import reading
from jaxgan.parts.types import Array, Batch, Key, PyTree

ORIENTATION = 0x0112  # EXIF's tag
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "PPM", "TIFF")
"""What files are taken for, whatever they are called. Pillow knows more, some of which are programs: of an
EPS it has Ghostscript run what is in it."""


class Broken(Exception):
    """A file is no picture; the message says what is wrong with it."""


@contextmanager
def opened(file: str | Path | bytes) -> Iterator[Any]:
    """The picture of a regular file, or of its bytes, by Pillow, of one of `FORMATS` and no other.

    >>> with opened(b"%!PS-Adobe-3.0 EPSF-3.0"):
    ...     pass
    Traceback (most recent call last):
    jaxgan.data.image.Broken: it is no PNG, JPEG, WEBP, BMP, PPM or TIFF, or it is damaged
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with (
            BytesIO(file) if isinstance(file, bytes) else reading.open_file(file) as stored,
            Image.open(stored, formats=FORMATS) as picture,
        ):
            if picture.mode[0] in "IF" or any(map(_deep, picture.tile)):
                raise Broken("it has more than 8 bits a channel; convert it first")
            yield picture
    except Broken:
        raise
    except UnidentifiedImageError as error:
        known = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise Broken(f"it is no {known}, or it is damaged") from error
    except Exception as error:  # of many kinds, by the format and by where in the file it is broken
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Broken(said.split(" <_io")[0].split(" '")[0] or type(error).__name__) from error


def square(file: str | Path | bytes, shape: Sequence[int]) -> np.ndarray:
    """The picture [side, side, channels] of a file, or of its bytes: uint8, grey or RGB.

    Upright as its camera was held, and on white where it is transparent. The square in the middle, scaled by
    Pillow's bicubic filter, which widens where it shrinks and so does not alias (Parmar et al., 2022).

    >>> from PIL import Image
    >>> Image.new("RGB", (30, 20), "red").save(file := BytesIO(), "PNG")
    >>> square(file.getvalue(), (8, 8, 3))[0, 0].tolist()
    [255, 0, 0]
    """
    side, _, channels = shape
    with opened(file) as picture:
        from PIL import Image

        picture = _on_white(_upright(picture)).convert("L" if channels == 1 else "RGB")
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
    with opened(file) as picture:
        side = min(picture.size)
        return side, side, 1 if picture.mode in ("1", "L", "LA") else 3


def shown(arrays: PyTree, key: Key, number: Array) -> Batch:
    """`take` of a source whose `read` gives bytes {"x", "label" where there is one}: x / 127.5 - 1."""
    return {**arrays, "x": arrays["x"].astype(jnp.float32) / 127.5 - 1}


def _deep(tile: Any) -> bool:
    """Whether a part of a picture has 16 bits a channel in its file, of which Pillow would keep 8."""
    args = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    return ";16" in str(args[0]) or (tile[0] == "ppm" and args[-1] > 255)


def _upright(picture: Any) -> Any:
    from PIL.Image import Transpose

    turns = {  # by EXIF's orientation. ImageOps.exif_transpose writes EXIF anew, and fails where it is odd
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    picture.load()  # what is truncated is found here; TIFF is upright then
    try:
        turn = turns.get(picture.getexif().get(ORIENTATION))
    except Exception:  # of many kinds: what is damaged says nothing, and the picture is whole
        return picture
    return picture if turn is None else picture.transpose(turn)


def _on_white(picture: Any) -> Any:
    from PIL import Image

    if "transparency" not in picture.info and not {"A", "a"} & set(picture.getbands()):
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
