"""A running average of D in the game's memory, for terms to look at."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.games.game import Side
from jaxgan.parts.average import Average
from jaxgan.parts.types import Array


class Averaged(NamedTuple):
    """The average, and the update that it last moved in."""

    side: Side
    last: Array


def begun(average: Average, side: Side) -> Averaged:
    """The average before the first update."""
    return Averaged(Side(*average.init(*side)), jnp.int32(-1))


def moved(average: Average, memory: Averaged, side: Side, update: Array) -> Averaged:
    """Moved towards D as it is before this update's step, once in each, however many micro-batches it has."""
    new = Side(*average.update(memory.side, *jax.lax.stop_gradient(side), update))
    new = jax.tree.map(partial(jnp.where, memory.last != update), new, memory.side)
    return Averaged(new, jnp.asarray(update, jnp.int32))
