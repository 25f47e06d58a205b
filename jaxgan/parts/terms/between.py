"""What losses between examples share: D's features of a batch, and each row's next one."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.output import read_head
from jaxgan.parts.types import Array, Lowering, View


def features(heads: Any, name: str, needs: str) -> Array:
    """Returns a head as vectors [B, n] in float32 or more; of several layers, such as "features", the last.

    >>> hidden = {"features": (jnp.ones((4, 8)), jnp.ones((4, 2, 2, 3)))}
    >>> features(hidden, "features", "the term gdpp").shape
    (4, 12)
    """
    head = read_head(heads, name, needs)
    if isinstance(head, Sequence):
        head = head[-1]
    return head.reshape(head.shape[0], -1).astype(jnp.promote_types(head.dtype, jnp.float32))


def next_rows(lowering: Lowering, x: Array, every: Array | None = None) -> Array:
    """Returns the row after each row of x [B, ...] in the batch of all devices; the first after the last.

    `every`: what `lowering.gather(x)` returned. Rows of independent examples and those after them are
    independent pairs: no row has itself.

    >>> next_rows(Lowering(), jnp.array([1.0, 2.0, 3.0])).tolist()
    [2.0, 3.0, 1.0]
    """
    every = lowering.gather(x) if every is None else every
    return jnp.roll(every, -1, axis=0)[lowering.own_rows(x.shape[0])]


def need(view: View, count: int, needs: str) -> None:
    """Raises `Refused` if the batches of all devices have fewer inputs of D than a loss needs."""
    devices = 1 if view.lowering.axis is None else jax.lax.axis_size(view.lowering.axis)
    if (inputs := devices * view.keys.shape[0]) < count:
        raise Refused(f"{needs} compares {count} or more inputs of D, and a batch has {inputs}: enlarge it")
