"""Writes samples of each kind to files.

For a kind of your own, register a function that returns a writer for each suffix, the default first:

    @jg.formats.register
    def _(kind: Angle):
        return {".txt": save}  # save(kind, samples, path)

A kind that `drawn` knows can be written to a .png without that, and any kind to a .npy.
"""

import csv
import wave
from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch
from pathlib import Path

import numpy as np

from jaxgan.data.kind import (
    Attributes,
    Kind,
    Numbers,
    Points,
    Table,
    Tokens,
    Video,
    Wave,
    registered,
    unregistered,
)
from jaxgan.errors import Refused
from jaxgan.pictures import png
from jaxgan.pictures.drawn import drawn
from jaxgan.pictures.images import grid
from jaxgan.pictures.texts import one_line, texts

Writer = Callable[[Kind, np.ndarray, Path], None]

SILENCE = 0.25  # seconds between two sounds


@singledispatch
def formats(kind: Kind) -> Mapping[str, Writer]:
    """Returns the writers of samples of a kind, by the suffix of the file; the first is the default.

    >>> from jaxgan.data.kind import Image
    >>> list(formats(Image())), list(formats(Wave(16_000)))
    (['.png'], ['.wav', '.png'])
    """
    return {".png": write_picture} if registered(drawn, kind) else {}


def default_suffix(kind: Kind) -> str:
    """Returns the suffix of a file of samples if none is asked for.

    >>> default_suffix(Tokens(("a", "b"))), default_suffix(Numbers())
    ('.txt', '.npy')
    """
    return next(iter(formats(kind)), ".npy")


def default_name(kind: Kind) -> str:
    """Returns the name of a file of samples if none is asked for; a picture shows a grid of them.

    >>> default_name(Points()), default_name(Tokens(("a", "b")))
    ('grid.png', 'samples.txt')
    """
    return "grid.png" if default_suffix(kind) == ".png" else f"samples{default_suffix(kind)}"


def missing_writer(kind: Kind) -> str:
    """Returns why only a .npy can be written if no function writes or draws the kind, "" otherwise."""
    if formats(kind) or registered(formats, kind):
        return ""
    return str(unregistered("writes", kind, "jaxgan.formats"))


def write_samples(kind: Kind, samples: np.ndarray, path: Path) -> Path:
    """Writes samples [n, ...] of a kind in the format of the path's suffix, and returns the path.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "samples.csv"
    >>> write_samples(Points(), np.array([[0.5, 2.0]], np.float32), path).read_text().split()
    ['x0,x1', '0.5,2.0']
    """
    check_name(kind, path)
    write = {**formats(kind), ".npy": _numbers}[path.suffix.lower()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    temporary.unlink(missing_ok=True)
    try:
        write(kind, samples, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # if it could not be written, as on a full disk
    return path


def check_name(kind: Kind, path: Path) -> None:
    """Refuses a path whose suffix is not a format for samples of the kind."""
    *others, last = [*formats(kind), ".npy"]
    if path.suffix.lower() not in [*others, last]:
        listed = " or ".join(filter(None, [", ".join(others), last]))
        raise Refused(
            f"samples of the kind {type(kind).__name__} are written to a file with a name that ends in "
            f"{listed}, not {path.name}"
        )


def write_picture(kind: Kind, samples: np.ndarray, path: Path) -> None:
    """Writes a PNG of the samples, as `drawn` shows them."""
    png.save(drawn(kind, samples), path)


def _numbers(kind: Kind, samples: np.ndarray, path: Path) -> None:
    with path.open("wb") as file:  # given a path, np.save would append .npy to a suffix in capitals
        np.save(file, samples)


def _lines(kind: Tokens, samples: np.ndarray, path: Path) -> None:
    """Writes a line per sample, with line breaks in it escaped."""
    path.write_text("".join(f"{one_line(text)}\n" for text in texts(samples, kind)), encoding="utf-8")


def _csv(names: Sequence[str], samples: np.ndarray, path: Path) -> None:
    """Writes a header and a row per sample, each number with the fewest digits that give it back exactly."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(names)
        out.writerows([str(value) for value in row] for row in samples)


def _sounds(kind: Wave, samples: np.ndarray, path: Path) -> None:
    """Writes the sounds one after another in 16 bits, with a quarter of a second of silence between them."""
    n, length = samples.shape[:2]
    values = np.nan_to_num(samples.reshape(n, length, -1).astype(np.float64)).clip(-1, 1)
    sounds = np.pad(np.rint(values * 32767), [(0, 0), (0, round(SILENCE * kind.rate)), (0, 0)])
    frames = sounds.reshape(-1, sounds.shape[2])[: n * sounds.shape[1] - (sounds.shape[1] - length)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(frames.shape[1])
        file.setsampwidth(2)
        file.setframerate(kind.rate)
        file.writeframes(frames.astype("<i2").tobytes())


def _videos(kind: Video, samples: np.ndarray, path: Path) -> None:
    """Writes a grid of all videos as a looping GIF, whose frames last whole hundredths of a second."""
    from PIL import Image as Frame

    first, *rest = [Frame.fromarray(grid(frame)) for frame in samples.swapaxes(0, 1)]
    milliseconds = max(10, 10 * round(100 / kind.fps))
    first.save(path, format="GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)


def _points(kind: Points, samples: np.ndarray, path: Path) -> None:
    _csv([f"x{number}" for number in range(samples.shape[1])], samples, path)


def _attributes(kind: Attributes, samples: np.ndarray, path: Path) -> None:
    _csv(kind.names, samples, path)


def _table(kind: Table, samples: np.ndarray, path: Path) -> None:
    _csv(kind.columns, samples, path)


formats.register(Attributes, lambda kind: {".csv": _attributes, ".png": write_picture})
formats.register(Numbers, lambda kind: {})
formats.register(Points, lambda kind: {".png": write_picture, ".csv": _points})
formats.register(Tokens, lambda kind: {".txt": _lines, ".png": write_picture})
formats.register(Table, lambda kind: {".csv": _table, ".png": write_picture})
formats.register(Wave, lambda kind: {".wav": _sounds, ".png": write_picture})
formats.register(Video, lambda kind: {".gif": _videos, ".png": write_picture})
