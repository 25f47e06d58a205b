"""Pictures of samples, by the kind of the data.

To draw a kind of your own, register a function in your script:

    @jg.drawn.register
    def _(kind: Angle, samples, beside=None, columns=None):
        return pixels  # uint8 [height, width] or [height, width, 3]
"""

from functools import singledispatch

import numpy as np

from jaxgan.data.kind import (
    Attributes,
    Image,
    Kind,
    Mask,
    Points,
    Table,
    Tokens,
    Video,
    Wave,
    unregistered,
)
from jaxgan.pictures import tables
from jaxgan.pictures.images import grid
from jaxgan.pictures.points import bars, scatter
from jaxgan.pictures.strips import strips
from jaxgan.pictures.texts import page, texts
from jaxgan.pictures.waves import waveforms

Array = np.ndarray
CROWD = 2000  # samples in one scatter plot or histogram


@singledispatch
def drawn(kind: Kind, samples: Array, beside: Array | None = None, columns: int | None = None) -> Array:
    """Draws samples [n, ...] of a kind as one picture: uint8 [height, width] or [height, width, 3].

    `beside` are real examples, shown by the kinds whose samples are drawn over each other (see `crowd`);
    `columns` is the number of samples in a row, for the other kinds.

    >>> drawn(Image(), np.zeros((4, 8, 8, 1))).shape, drawn(Points(), np.zeros((4, 2))).shape
    ((513, 513), (512, 512, 3))
    """
    raise unregistered("draws", kind, "jaxgan.drawn")


@singledispatch
def crowd(kind: Kind) -> int:
    """Returns how many samples a picture of this kind needs, drawn over as many real examples.

    0 (unless another function is registered) means that samples are drawn one by one, as many as asked for.

    >>> crowd(Image()), crowd(Points())
    (0, 2000)
    """
    return 0


crowd.register(Points, lambda kind: CROWD)
crowd.register(Table, lambda kind: CROWD)


@drawn.register
def _(kind: Image, samples: Array, beside: Array | None = None, columns: int | None = None) -> Array:
    """Draws a grid of images."""
    return grid(samples, columns=columns)


@drawn.register
def _(kind: Mask, samples: Array, beside: Array | None = None, columns: int | None = None) -> Array:
    """Draws a grid of masks, white in the hole."""
    return grid(2 * samples - 1, columns=columns)


@drawn.register
def _(kind: Points, samples: Array, beside: Array | None = None, columns: int | None = None) -> Array:
    """Draws a scatter plot of the first two coordinates, or a histogram of points with only one."""
    return (bars if samples.shape[1] == 1 else scatter)(samples, beside)


@drawn.register
def _(kind: Table, samples: Array, beside: Array | None = None, columns: int | None = None) -> Array:
    """Draws a histogram for each column."""
    return tables.columns(samples, kind.columns, beside, columns)


@drawn.register
def _(kind: Attributes, samples: Array, beside: Array | None = None, columns: int | None = None) -> Array:
    """Draws lines with the names of the attributes that each example has."""
    present = [[name for name, value in zip(kind.names, row, strict=True) if value > 0.5] for row in samples]
    return page([", ".join(names) or "none" for names in present], columns or 1)


@drawn.register
def _(kind: Tokens, samples: Array, beside: Array | None = None, columns: int | None = None) -> Array:
    """Draws lines of text."""
    return page(texts(samples, kind), columns or 1)


@drawn.register
def _(kind: Wave, samples: Array, beside: Array | None = None, columns: int | None = None) -> Array:
    """Draws waveforms in rows."""
    return waveforms(samples, columns)


@drawn.register
def _(kind: Video, samples: Array, beside: Array | None = None, columns: int | None = None) -> Array:
    """Draws a strip of frames for each video."""
    return strips(samples, columns)
