"""Leaves under other names, by which the question becomes the answer."""

from collections.abc import Mapping
from typing import TypeVar

from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree

T = TypeVar("T")


def renamed(source: Source, names: Mapping[str, str]) -> Source:
    """Returns the source with other names for some of its leaves: {old: new}.

    >>> from jaxgan.data import load, pairs
    >>> digits = pairs.paired(load("digits"), pairs.edges)
    >>> sorted(renamed(digits, {"label": "digit"}).leaves)
    ['digit', 'source', 'x']
    """
    new = [names.get(name, name) for name in source.leaves]
    if missing := sorted(names.keys() - source.leaves.keys()):
        raise Refused(f"there is no leaf {missing[0]!r} to rename, only {', '.join(sorted(source.leaves))}")
    if len(set(new)) < len(new) or "x" not in new:
        raise Refused(f"the leaves would be {', '.join(new)}: give each a name of its own, and one of them x")
    held_out = source.held_out

    def rename(leaves: Mapping[str, T]) -> dict[str, T]:
        return {names.get(name, name): leaf for name, leaf in leaves.items()}

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        return rename(source.take(arrays, key, number))

    asks = (names.get(name, name) for name in source.asks)
    if "x" in names:  # what is known of the old x is not of the new one
        source = source._replace(modes=None, channels=None, factors=None)
    return source._replace(
        leaves=rename(source.leaves),
        take=take,
        fingerprint=f"renamed {dict(names)} {source.fingerprint}".strip(),
        held_out=None if held_out is None else lambda: renamed(held_out(), names),
        asks=tuple(names["x"] if name == "x" else name for name in asks),  # of the new x: the old one asks
    )


def swapped(source: Source) -> Source:
    """Returns pairs the other way round: "source" is the answer to "x".

    >>> from jaxgan.data import load, pairs
    >>> colouring = pairs.paired(load("shapes"), pairs.grey)
    >>> swapped(colouring).shape, swapped(colouring).leaves["source"].shape, swapped(colouring).asks
    ((32, 32, 1), (32, 32, 3), ('source',))
    """
    if "source" not in source.leaves:
        raise Refused("only pairs can be swapped, and these examples have no leaf 'source'")
    return renamed(source, {"x": "source", "source": "x"})
