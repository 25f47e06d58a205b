"""How examples of each kind are drawn.

A kind of your own is drawn by a function that a script registers:

    @jg.drawn.register
    def _(kind: Angle, samples, beside=None, columns=None):
        return pixels  # uint8 [height, width] or [height, width, 3]
"""

from functools import singledispatch

import numpy as np

from jaxgan.data.kind import Image, Kind, Points, Table, Tokens, Video, Wave, unregistered
from jaxgan.pictures import tables
from jaxgan.pictures.images import grid
from jaxgan.pictures.points import bars, scatter
from jaxgan.pictures.strips import strips
from jaxgan.pictures.texts import page, texts
from jaxgan.pictures.waves import waveforms

CROWD = 2000  # points say something together


@singledispatch
def drawn(
    kind: Kind, samples: np.ndarray, beside: np.ndarray | None = None, columns: int | None = None
) -> np.ndarray:
    """Samples [n, ...] of a kind as one picture: uint8 [height, width] or [height, width, 3].

    `beside` are real examples, which those kinds show that are drawn as a crowd; `columns` is how many lie in
    a row, of those that are drawn one by one.

    >>> drawn(Image(), np.zeros((4, 8, 8, 1))).shape, drawn(Points(), np.zeros((4, 2))).shape
    ((513, 513), (512, 512, 3))
    """
    raise unregistered("draws", kind, "jaxgan.drawn")


@singledispatch
def crowd(kind: Kind) -> int:
    """How many samples a picture of this kind needs, drawn over as many real ones; 0 where it shows them one
    by one, as many as asked for, which is so unless another function is registered.

    >>> crowd(Image()), crowd(Points())
    (0, 2000)
    """
    return 0


crowd.register(Points, lambda kind: CROWD)
crowd.register(Table, lambda kind: CROWD)


@drawn.register
def _(
    kind: Image, samples: np.ndarray, beside: np.ndarray | None = None, columns: int | None = None
) -> np.ndarray:
    """A grid."""
    return grid(samples, columns=columns)


@drawn.register
def _(
    kind: Points, samples: np.ndarray, beside: np.ndarray | None = None, columns: int | None = None
) -> np.ndarray:
    """Dots in the plane or, of points of one number, how many lie where."""
    return (bars if samples.shape[1] == 1 else scatter)(samples, beside)


@drawn.register
def _(
    kind: Table, samples: np.ndarray, beside: np.ndarray | None = None, columns: int | None = None
) -> np.ndarray:
    """A histogram to each column."""
    return tables.columns(samples, kind.columns, beside, columns)


@drawn.register
def _(
    kind: Tokens, samples: np.ndarray, beside: np.ndarray | None = None, columns: int | None = None
) -> np.ndarray:
    """Lines of text."""
    return page(texts(samples, kind), columns or 1)


@drawn.register
def _(
    kind: Wave, samples: np.ndarray, beside: np.ndarray | None = None, columns: int | None = None
) -> np.ndarray:
    """Waveforms in rows."""
    return waveforms(samples, columns)


@drawn.register
def _(
    kind: Video, samples: np.ndarray, beside: np.ndarray | None = None, columns: int | None = None
) -> np.ndarray:
    """A strip of film to each."""
    return strips(samples, columns)
