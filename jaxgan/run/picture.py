"""Samples as pictures."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import jax
import numpy as np

from jaxgan.data.source import Source, examples
from jaxgan.errors import Refused
from jaxgan.run.experiment import Moment

A = TypeVar("A", np.ndarray, jax.Array)

BLUE, GREY = (31, 81, 180), (190, 190, 190)


def drawing(
    folder: Path, source: Source, count: int, shown: Callable[[int, Path], None] | None = None
) -> Callable[[Moment], None]:
    """A hook that draws the same latents at every call: `count` images, or 2,000 points beside real ones.

    Of examples that are neither it draws nothing. `shown` is told the step and the file of each picture.
    """
    if len(source.shape) not in (1, 3):
        return lambda moment: None
    real = examples(source, 2000) if len(source.shape) == 1 else None
    count = count if real is None else len(real)

    def call(moment: Moment) -> None:
        samples = moment.sample(moment.state.generator, count)
        path = folder / moment.lane / f"step_{moment.step:06d}.png"
        save(samples, path, real)
        if shown is not None:
            shown(moment.step, path)

    return call


def save(
    samples: np.ndarray, path: Path, beside: np.ndarray | None = None, columns: int | None = None
) -> None:
    """Writes images [n, H, W, C] in [-1, 1] as a grid, points [n, D] as a scatter (over `beside`, in grey).

    Of points of one number it draws how many lie where. The same samples always make the same bytes.
    """
    from PIL import Image

    if samples.ndim == 4:
        pixels = grid(samples, columns=columns)
    elif samples.ndim == 2:
        pixels = (bars if samples.shape[1] == 1 else scatter)(samples, beside)
    else:
        raise Refused(f"there is no picture of examples of shape {samples.shape[1:]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    # written aside and renamed, so that whoever looks never sees half a picture
    temporary = path.with_name(f".{path.name}")
    try:
        Image.fromarray(pixels).save(temporary, format="PNG")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # what a full disk left of it


def quantised(images: A) -> A:
    """[-1, 1] -> the nearest of 0 to 255, uint8; of arrays on the host and on the device alike.

    >>> quantised(np.array([-2.0, -1.0, 0.0, 1.0])).tolist()
    [0, 0, 128, 255]
    """
    return ((images.astype("float32").clip(-1, 1) + 1) * 127.5).round().astype("uint8")


def grid(images: np.ndarray, width: int = 512, columns: int | None = None) -> np.ndarray:
    """[n, H, W, C] in [-1, 1] -> one uint8 picture: as square as can be, or of so many columns; small images
    enlarged, a grey gap between neighbours.

    >>> grid(np.zeros((4, 8, 8, 1))).shape
    (513, 513)
    """
    n, h, w, c = images.shape
    gap = max(1, min(h, w) // 16)
    columns = columns or math.ceil(math.sqrt(n))
    lines = math.ceil(n / columns)
    tiled = np.full((lines * (h + gap) + gap, columns * (w + gap) + gap, c), 90, np.uint8)
    for i, image in enumerate(quantised(images)):
        y, x = gap + i // columns * (h + gap), gap + i % columns * (w + gap)
        tiled[y : y + h, x : x + w] = image
    scale = max(1, round(width / tiled.shape[1]))
    tiled = tiled.repeat(scale, axis=0).repeat(scale, axis=1)
    return tiled[..., 0] if c < 3 else tiled[..., :3]  # a second or fourth would be taken for opacity


def scatter(points: np.ndarray, beside: np.ndarray | None = None, width: int = 512) -> np.ndarray:
    """The first two coordinates as dots: blue on white, over the grey ones of `beside`."""
    grounds = points[:, :2] if beside is None else beside[:, :2]
    reach = 1.25 * float(np.abs(grounds).max()) or 1.0  # all may lie at 0
    pixels = np.full((width, width, 3), 255, np.uint8)
    layers = [(points, BLUE)] if beside is None else [(beside, GREY), (points, BLUE)]
    for dots, colour in layers:
        with np.errstate(invalid="ignore"):
            place = np.rint((dots[:, :2] / reach * [1, -1] + 1) / 2 * (width - 1))
        place = place[np.isfinite(place).all(axis=1)]
        for x in (0, 1):
            for y in (0, 1):
                at = (place + np.array([x, y])).astype(np.int64)
                inside = ((at >= 0) & (at < width)).all(axis=1)
                pixels[at[inside, 1], at[inside, 0]] = colour
    return pixels


def bars(points: np.ndarray, beside: np.ndarray | None = None) -> np.ndarray:
    """How many of the numbers [n, 1] lie where: blue bars on white, within the grey ones of `beside`.

    >>> bars(np.zeros((4, 1))).shape
    (512, 512, 3)
    """
    count, width = 64, 8
    layers = [(points, BLUE)] if beside is None else [(beside, GREY), (points, BLUE)]
    there = [x[np.isfinite(x)] for x, _ in layers]
    reach = 1.25 * float(np.abs(there[0]).max(initial=0.0)) or 1.0
    shares = [np.histogram(x, count, (-reach, reach))[0] / max(len(x), 1) for x in there]
    side = count * width
    pixels = np.full((side, side, 3), 255, np.uint8)
    for within, (share, (_, colour)) in enumerate(zip(shares, layers, strict=True)):
        heights = np.rint(0.9 * side * share / (np.max(shares) or 1.0)).astype(np.int64)
        for n, height in enumerate(heights):
            pixels[side - height :, n * width + 2 * within : (n + 1) * width - 2 * within] = colour
    return pixels
