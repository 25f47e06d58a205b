"""Reading of image files as square uint8 arrays."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxgan import reading
from jaxgan.parts.types import Array, Batch, Key, PyTree

ORIENTATION = 0x0112  # EXIF tag
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "PPM", "TIFF")
"""Formats that Pillow may decode, whatever the file's name. Others are unsafe: it runs Ghostscript on EPS."""


class Broken(Exception):
    """A file that is not a readable image; the message gives the reason."""


@contextmanager
def open_image(file: str | Path | bytes) -> Iterator[Any]:
    """Opens an image with Pillow, from a regular file or from its bytes; only in one of `FORMATS`.

    >>> with open_image(b"%!PS-Adobe-3.0 EPSF-3.0"):
    ...     pass
    Traceback (most recent call last):
    jaxgan.data.image.Broken: it is no PNG, JPEG, WEBP, BMP, PPM or TIFF, or it is damaged
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with (
            BytesIO(file) if isinstance(file, bytes) else reading.open_file(file) as content,
            Image.open(content, formats=FORMATS) as picture,
        ):
            if picture.mode[0] in "IF" or any(map(_is_16_bit, picture.tile)):
                raise Broken("it has more than 8 bits a channel; convert it first")
            yield picture
    except Broken:
        raise
    except UnidentifiedImageError as error:
        formats = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
        raise Broken(f"it is no {formats}, or it is damaged") from error
    except Exception as error:  # its type depends on the format and on where the file is damaged
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Broken(reason.split(" <_io")[0].split(" '")[0] or type(error).__name__) from error


def read_square(file: str | Path | bytes, shape: Sequence[int], part: tuple[int, int] = (0, 1)) -> np.ndarray:
    """Reads an image from a file, or from its bytes, as uint8 [side, side, channels], grey or RGB.

    `part` (i, n) is the i-th of n images that are side by side in the file.

    Applies the EXIF orientation, puts transparent images on white, and scales the square in the middle with
    Pillow's bicubic filter, which widens when it shrinks, so it does not alias (Parmar et al., 2022).

    >>> from PIL import Image
    >>> Image.new("RGB", (30, 20), "red").save(file := BytesIO(), "PNG")
    >>> read_square(file.getvalue(), (8, 8, 3))[0, 0].tolist()
    [255, 0, 0]
    """
    side, _, channels = shape
    with open_image(file) as picture:
        from PIL import Image

        picture = _on_white(_upright(picture)).convert("L" if channels == 1 else "RGB")
        if part != (0, 1):
            (i, n), (width, height) = part, picture.size
            picture = picture.crop((i * width // n, 0, (i + 1) * width // n, height))
        if picture.size != (side, side):
            width, height = picture.size
            edge = min(width, height)
            left, top = (width - edge) // 2, (height - edge) // 2
            box = (left, top, left + edge, top + edge)
            picture = picture.resize((side, side), Image.Resampling.BICUBIC, box)
        pixels = np.asarray(picture)
    return pixels.reshape(shape)


def natural_size(file: str | Path | bytes) -> tuple[int, int]:
    """Returns the width and the height of an image, after the EXIF orientation."""
    with open_image(file) as picture:
        width, height = picture.size
        with suppress(Exception):  # of many types: damaged EXIF data
            if picture.getexif().get(ORIENTATION) in (5, 6, 7, 8):
                return height, width
        return width, height


def natural_shape(file: str | Path | bytes) -> tuple[int, int, int]:
    """Returns the shape (side, side, channels) of the unscaled square in the middle; channels is 1 or 3."""
    with open_image(file) as picture:
        side = min(picture.size)
        return side, side, 1 if picture.mode in ("1", "L", "LA") else 3


def from_bytes(arrays: PyTree, key: Key, number: Array) -> Batch:
    """Scales bytes to [-1, 1], x / 127.5 - 1: the `take` of a source whose `read` returns images as bytes.

    What is true or false, such as masks, becomes 1 or 0.
    """
    return {name: _as_floats(leaf) for name, leaf in arrays.items()}


def _as_floats(leaf: Array) -> Array:
    if leaf.dtype == jnp.uint8:
        return leaf.astype(jnp.float32) / 127.5 - 1
    return leaf.astype(jnp.float32) if leaf.dtype == jnp.bool_ else leaf


def _is_16_bit(tile: Any) -> bool:
    """Whether a tile has 16 bits a channel in the file, of which Pillow would drop 8."""
    args = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
    return ";16" in str(args[0]) or (tile[0] == "ppm" and args[-1] > 255)


def _upright(picture: Any) -> Any:
    from PIL.Image import Transpose

    # ImageOps.exif_transpose also rewrites the EXIF data, which fails if they are malformed
    transposes = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    picture.load()  # raises if the file is truncated, and rotates a TIFF
    try:
        transpose = transposes.get(picture.getexif().get(ORIENTATION))
    except Exception:  # of many types: damaged EXIF data, while the image itself is intact
        return picture
    return picture if transpose is None else picture.transpose(transpose)


def _on_white(picture: Any) -> Any:
    from PIL import Image

    if "transparency" not in picture.info and not {"A", "a"} & set(picture.getbands()):
        return picture
    picture = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
