"""Which files samples of each kind are written to.

A kind of your own is written by functions that a script registers, each with the ending of its files, the
usual one first:

    @jg.formats.register
    def _(kind: Angle):
        return {".txt": save}  # save(kind, samples, path)

What is drawn can be a .png without that, and whatever there is a .npy.
"""

import csv
import wave
from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch
from pathlib import Path

import numpy as np

from jaxgan.data.kind import Kind, Numbers, Points, Table, Tokens, Video, Wave, registered, unregistered
from jaxgan.errors import Refused
from jaxgan.pictures import png
from jaxgan.pictures.drawn import drawn
from jaxgan.pictures.images import grid
from jaxgan.pictures.texts import one_line, texts

Writer = Callable[[Kind, np.ndarray, Path], None]

SILENCE = 0.25  # seconds between two sounds


@singledispatch
def formats(kind: Kind) -> Mapping[str, Writer]:
    """What writes samples of a kind, by the ending of the file: the usual one first.

    >>> from jaxgan.data.kind import Image
    >>> list(formats(Image())), list(formats(Wave(16_000)))
    (['.png'], ['.wav', '.png'])
    """
    return {".png": picture} if registered(drawn, kind) else {}


def default_suffix(kind: Kind) -> str:
    """The ending that files of samples have where none is asked for.

    >>> default_suffix(Tokens(("a", "b"))), default_suffix(Numbers())
    ('.txt', '.npy')
    """
    return next(iter(formats(kind)), ".npy")


def default_name(kind: Kind) -> str:
    """What a file of samples is called where no name is asked for: a picture shows a grid of them.

    >>> default_name(Points()), default_name(Tokens(("a", "b")))
    ('grid.png', 'samples.txt')
    """
    return "grid.png" if default_suffix(kind) == ".png" else f"samples{default_suffix(kind)}"


def missing_writer(kind: Kind) -> str:
    """Why there is no other file of this kind than one of its numbers, nothing where there is one."""
    if formats(kind) or registered(formats, kind):
        return ""
    return str(unregistered("writes", kind, "jaxgan.formats"))


def write_samples(kind: Kind, samples: np.ndarray, path: Path) -> Path:
    """Writes samples [n, ...] of a kind to a file that is what its name ends in; its path.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "samples.csv"
    >>> write_samples(Points(), np.array([[0.5, 2.0]], np.float32), path).read_text().split()
    ['x0,x1', '0.5,2.0']
    """
    check_name(kind, path)
    write = {**formats(kind), ".npy": _numbers}[path.suffix.lower()]
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}")
    aside.unlink(missing_ok=True)
    try:
        write(kind, samples, aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)  # what a full disk left of it
    return path


def check_name(kind: Kind, path: Path) -> None:
    """Refuses a name of a file that samples of a kind are not written to."""
    endings = [*formats(kind), ".npy"]
    if path.suffix.lower() not in endings:
        listed = " or ".join(filter(None, [", ".join(endings[:-1]), endings[-1]]))
        raise Refused(
            f"samples of the kind {type(kind).__name__} are written to a file with a name that ends in "
            f"{listed}, not {path.name}"
        )


def picture(kind: Kind, samples: np.ndarray, path: Path) -> None:
    """A PNG of what is drawn of them."""
    png.save(drawn(kind, samples), path)


def _numbers(kind: Kind, samples: np.ndarray, path: Path) -> None:
    with path.open("wb") as file:  # of a name it would make another, where that ends in capitals
        np.save(file, samples)


def _lines(kind: Tokens, samples: np.ndarray, path: Path) -> None:
    """A line to a sample; breaks within one are written as in code."""
    path.write_text("".join(f"{one_line(text)}\n" for text in texts(samples, kind)), encoding="utf-8")


def _rows(names: Sequence[str], samples: np.ndarray, path: Path) -> None:
    """A row to a sample, below one of names; every number in as few digits as give it back."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(names)
        out.writerows([str(value) for value in row] for row in samples)


def _sounds(kind: Wave, samples: np.ndarray, path: Path) -> None:
    """One sound after another in 16 bits, a quarter of a second of silence between two."""
    n, length = samples.shape[:2]
    values = np.nan_to_num(samples.reshape(n, length, -1).astype(np.float64)).clip(-1, 1)
    sounds = np.pad(np.rint(values * 32767), [(0, 0), (0, round(SILENCE * kind.rate)), (0, 0)])
    frames = sounds.reshape(-1, sounds.shape[2])[: n * sounds.shape[1] - (sounds.shape[1] - length)]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(frames.shape[1])
        file.setsampwidth(2)
        file.setframerate(kind.rate)
        file.writeframes(frames.astype("<i2").tobytes())


def _film(kind: Video, samples: np.ndarray, path: Path) -> None:
    """All of them side by side, again and again. A frame takes hundredths of a second, as GIF counts time."""
    from PIL import Image as Frame

    first, *rest = [Frame.fromarray(grid(frame)) for frame in samples.swapaxes(0, 1)]
    took = max(10, 10 * round(100 / kind.fps))
    first.save(path, format="GIF", save_all=True, append_images=rest, duration=took, loop=0)


def _of_points(kind: Points, samples: np.ndarray, path: Path) -> None:
    _rows([f"x{number}" for number in range(samples.shape[1])], samples, path)


def _of_table(kind: Table, samples: np.ndarray, path: Path) -> None:
    _rows(kind.columns, samples, path)


formats.register(Numbers, lambda kind: {})
formats.register(Points, lambda kind: {".png": picture, ".csv": _of_points})
formats.register(Tokens, lambda kind: {".txt": _lines, ".png": picture})
formats.register(Table, lambda kind: {".csv": _of_table, ".png": picture})
formats.register(Wave, lambda kind: {".wav": _sounds, ".png": picture})
formats.register(Video, lambda kind: {".gif": _film, ".png": picture})
