"""Differentiable distances of pairs of examples, each with the fixed weights that it needs."""

from collections.abc import Callable
from typing import NamedTuple

from jaxgan.parts.types import Array, PyTree


class Distance(NamedTuple):
    """A distance of x [n, ...] from y [n, ...], pair by pair: apply(weights, x, y) -> [n].

    `weights` are those of a fixed network, () without one; they are arguments rather than constants of
    `apply`, so that a compiled program does not contain them. `name` is what its numbers are called.

    >>> import jax.numpy as jnp
    >>> l1 = Distance("l1", lambda _, x, y: jnp.abs(x - y).mean(axis=(1, 2, 3)))
    >>> l1.apply(l1.weights, jnp.ones((2, 4, 4, 1)), jnp.zeros((2, 4, 4, 1))).tolist()
    [1.0, 1.0]
    """

    name: str
    apply: Callable[[PyTree, Array, Array], Array]
    weights: PyTree = ()
