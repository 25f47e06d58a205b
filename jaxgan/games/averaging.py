"""A running average of D in the game's memory, for terms."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.games.game import Side
from jaxgan.parts.average import Average
from jaxgan.parts.types import Array


class Averaged(NamedTuple):
    """The average, and the update in which it last moved."""

    side: Side
    last: Array


def init(average: Average, side: Side) -> Averaged:
    """Returns the average before the first update."""
    return Averaged(Side(*average.init(*side)), jnp.int32(-1))


def update(average: Average, memory: Averaged, side: Side, step: Array) -> Averaged:
    """Moves the average towards D as it is before this step, once per step, not once per micro-batch."""
    new = Side(*average.update(memory.side, *jax.lax.stop_gradient(side), step))
    new = jax.tree.map(partial(jnp.where, memory.last != step), new, memory.side)
    return Averaged(new, jnp.asarray(step, jnp.int32))
