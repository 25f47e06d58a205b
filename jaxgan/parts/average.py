"""The averaged generator, which is the one worth sampling."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Params, Schedule, Stats, at


class Average(NamedTuple):
    """A running average of (params, stats): `init` copies them, `update` moves the average towards them."""

    init: Callable[[Params, Stats], tuple[Params, Stats]]
    update: Callable[[tuple[Params, Stats], Params, Stats, Array], tuple[Params, Stats]]


Averages = Average | Mapping[str, Average]
"""One average of the generator, or several by name: the first is the one that is sampled."""


def ema(decay: Schedule = 0.999, ramp: float = 10.0) -> Average:
    """a <- b a + (1 - b) x with b = min(decay, (1 + t) / (ramp + t)): short memory first, then long.

    Parameters and BatchNorm statistics are averaged; everything else (spectral-norm vectors, counters) is
    copied, since an average of unit vectors is none. `ramp=1` is no ramp-up. The decay may be a schedule of
    the step, as in Huang et al., 2024. Of parameters in half precision, in which small steps would be lost,
    the average is float32.

    >>> average = ema(0.5, ramp=1.0)
    >>> float(average.update((jnp.zeros(()), {}), jnp.ones(()), {}, jnp.int32(0))[0])
    0.5
    """

    if isinstance(decay, float | int) and not 0 <= decay <= 1:  # not so of a lane's, which is traced
        raise Refused(f"an average decays by a factor between 0 and 1, not {decay}")

    def update(
        averages: tuple[Params, Stats], params: Params, stats: Stats, step: Array
    ) -> tuple[Params, Stats]:
        b = jnp.minimum(at(decay, step), (1 + step) / (ramp + step))

        def move(old: Array, new: Array) -> Array:
            return (old + (1 - b) * (new - old)).astype(old.dtype)

        def move_stats(path: tuple, old: Array, new: Array) -> Array:
            averaged = jax.tree_util.DictKey("batch_stats") in path and not _is_singular(path[-1])
            return move(old, new) if averaged else new

        old_params, old_stats = averages
        return (
            jax.tree.map(move, old_params, params),
            jax.tree_util.tree_map_with_path(move_stats, old_stats, stats),
        )

    def init(params: Params, stats: Stats) -> tuple[Params, Stats]:
        return jax.tree.map(_raised, params), jax.tree.map(jnp.copy, stats)

    return Average(init, update)


def _is_singular(key: object) -> bool:
    """Whether it is a vector or value of Flax's own SpectralNorm, which keeps them beside BatchNorm's."""
    return str(getattr(key, "key", "")).endswith(("/u", "/sigma"))


def _raised(x: Array) -> Array:
    """In float32 at least; a copy, because a donated state may not hold one buffer twice."""
    return jnp.array(x, jnp.promote_types(x.dtype, jnp.float32))
