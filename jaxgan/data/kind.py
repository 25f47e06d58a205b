"""What examples and conditions are: the kind, shape and type of each leaf of a batch.

What depends on the kind is looked up by functions that dispatch on its type (`functools.singledispatch`): how
examples are drawn, which file samples are written to, and what they are measured by. A kind of your own is a
frozen dataclass, for which a script registers as many of these as it needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxgan.errors import Refused

Kind = Any  # a frozen dataclass: one of those below, or one of a script's own


@dataclass(frozen=True)
class Image:
    """Pictures [H, W, C] in [-1, 1]."""


@dataclass(frozen=True)
class Points:
    """Points [D] of a space in which distances have a meaning."""


@dataclass(frozen=True)
class Numbers:
    """Numbers of any shape, of which nothing more is known."""


@dataclass(frozen=True)
class Label:
    """One of so many classes, an integer from 0."""

    classes: int


@dataclass(frozen=True)
class Tokens:
    """Sequences [length] of integers: n stands for `vocabulary[n]`; `join` goes between two of them."""

    vocabulary: tuple[str, ...]
    join: str = " "


@dataclass(frozen=True)
class Table:
    """Rows [D] of a table, a number to each column."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Wave:
    """Sound [samples] or [samples, channels] in [-1, 1], so many samples to a second."""

    rate: int


@dataclass(frozen=True)
class Video:
    """Pictures in a row, [frames, H, W, C] in [-1, 1], so many to a second."""

    fps: float


class Leaf(NamedTuple):
    """What each example has under one name: an array of this shape, of this type, that is of this kind."""

    shape: tuple[int, ...]
    kind: Kind
    dtype: Any = np.float32


def image(*shape: int) -> Leaf:
    """Pictures of this shape [H, W, C].

    >>> image(8, 8, 1).shape
    (8, 8, 1)
    """
    return Leaf(shape, Image())


def points(dimensions: int) -> Leaf:
    """Points of a space.

    >>> points(2).kind
    Points()
    """
    return Leaf((dimensions,), Points())


def label(classes: int) -> Leaf:
    """One of so many classes.

    >>> label(10).kind.classes
    10
    """
    return Leaf((), Label(classes), np.int32)


def of_array(x: np.ndarray) -> Leaf:
    """The leaf of examples [N, ...] of which only the shape is known: pictures have three axes, points one.

    >>> of_array(np.zeros((5, 28, 28, 1))).kind, of_array(np.zeros((5, 3))).kind
    (Image(), Points())
    """
    kinds = {3: Image(), 1: Points()}
    return Leaf(x.shape[1:], kinds.get(x.ndim - 1, Numbers()))


def with_label(x: Leaf, classes: int) -> dict[str, Leaf]:
    """The leaves of examples that have a class each, or of examples alone where there are none.

    >>> sorted(with_label(points(2), 8)), sorted(with_label(points(2), 0))
    (['label', 'x'], ['x'])
    """
    return {"x": x, **({"label": label(classes)} if classes else {})}


def registered(function: Callable[..., Any], kind: Kind) -> bool:
    """Whether a function that dispatches on the kind knows this one.

    >>> from functools import singledispatch
    >>> sides = singledispatch(lambda kind: 0)
    >>> sides.register(Image, lambda kind: 4)(Image())
    4
    >>> registered(sides, Image()), registered(sides, Numbers())
    (True, False)
    """
    dispatch = function.dispatch  # type: ignore[attr-defined]
    return dispatch(type(kind)) is not dispatch(object)


def unregistered(does: str, kind: Kind, function: str) -> Refused:
    """What a function that dispatches on the kind raises of one that it does not know.

    >>> str(unregistered("draws", Numbers(), "jaxgan.drawn"))
    'nothing draws examples of the kind Numbers: register a function that does with jaxgan.drawn.register'
    """
    return Refused(
        f"nothing {does} examples of the kind {type(kind).__name__}: register a function that does with "
        f"{function}.register"
    )
