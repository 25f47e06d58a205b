"""Kinds of examples and conditions: the kind, shape and dtype of each leaf of a batch.

Functions that dispatch on the type of the kind (`functools.singledispatch`) decide how examples are drawn,
which file samples are written to, and which metrics they have. A kind of your own is a frozen dataclass, for
which a script registers those of these functions that it needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from jaxgan.errors import Refused

Kind = Any  # a frozen dataclass, from this module or from a script


@dataclass(frozen=True)
class Image:
    """Images [H, W, C] in [-1, 1]."""


@dataclass(frozen=True)
class Mask:
    """Masks [H, W, 1] of holes in images: 1 in the hole, 0 elsewhere."""


@dataclass(frozen=True)
class Points:
    """Points [D] of a space with meaningful distances."""


@dataclass(frozen=True)
class Numbers:
    """Arrays of any shape and unknown meaning."""


@dataclass(frozen=True)
class Label:
    """Integer class labels 0..classes-1."""

    classes: int


@dataclass(frozen=True)
class PartialLabel:
    """Integer class labels 0..classes-1, or -1 where the label is hidden: networks cannot be given it."""

    classes: int


@dataclass(frozen=True)
class Attributes:
    """Several properties [K] that an example has, 1, or has not, 0; as floats."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Tokens:
    """Sequences [length] of integers: n stands for `vocabulary[n]`; `join` separates them in text.

    Shorter sequences are padded with 0 if `vocabulary[0]` is "".
    """

    vocabulary: tuple[str, ...]
    join: str = " "


@dataclass(frozen=True)
class Table:
    """Rows [D] of a table, one number per column."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class Wave:
    """Audio [samples] or [samples, channels] in [-1, 1], with `rate` samples per second."""

    rate: int


@dataclass(frozen=True)
class Video:
    """Videos [frames, H, W, C] in [-1, 1], with `fps` frames per second."""

    fps: float


class Leaf(NamedTuple):
    """The shape, kind and dtype of one array of an example."""

    shape: tuple[int, ...]
    kind: Kind
    dtype: Any = np.float32


def image(*shape: int) -> Leaf:
    """Returns the leaf of images of the shape [H, W, C].

    >>> image(8, 8, 1).shape
    (8, 8, 1)
    """
    return Leaf(shape, Image())


def points(dimensions: int) -> Leaf:
    """Returns the leaf of points [dimensions].

    >>> points(2).kind
    Points()
    """
    return Leaf((dimensions,), Points())


def label(classes: int) -> Leaf:
    """Returns the leaf of class labels 0..classes-1.

    >>> label(10).kind.classes
    10
    """
    return Leaf((), Label(classes), np.int32)


def of_array(x: np.ndarray) -> Leaf:
    """Guesses the leaf of examples x [N, ...] from their shape: images have three axes, points have one.

    >>> of_array(np.zeros((5, 28, 28, 1))).kind, of_array(np.zeros((5, 3))).kind
    (Image(), Points())
    """
    kinds = {3: Image(), 1: Points()}
    return Leaf(x.shape[1:], kinds.get(x.ndim - 1, Numbers()))


def with_label(x: Leaf, classes: int) -> dict[str, Leaf]:
    """Returns the leaves of examples x with labels, or without labels if `classes` is 0.

    >>> sorted(with_label(points(2), 8)), sorted(with_label(points(2), 0))
    (['label', 'x'], ['x'])
    """
    return {"x": x, **({"label": label(classes)} if classes else {})}


def registered(function: Callable[..., Any], kind: Kind) -> bool:
    """Whether a function that dispatches on the kind has an implementation for this one.

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
    """Returns the error of a function that dispatches on the kind and has no implementation for this one.

    >>> str(unregistered("draws", Numbers(), "jaxgan.drawn"))
    'nothing draws examples of the kind Numbers: register a function that does with jaxgan.drawn.register'
    """
    return Refused(
        f"nothing {does} examples of the kind {type(kind).__name__}: register a function that does with "
        f"{function}.register"
    )
