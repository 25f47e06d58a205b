"""Running averages of the generator, from which samples are best taken."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parts.types import Array, Params, Schedule, Stats, at, check_range


class Average(NamedTuple):
    """A running average of (params, stats): `init` copies them, `update` moves it towards new ones."""

    init: Callable[[Params, Stats], tuple[Params, Stats]]
    update: Callable[[tuple[Params, Stats], Params, Stats, Array], tuple[Params, Stats]]


Averages = Average | Mapping[str, Average]
"""One average of the generator, or several by name: samples are taken from the first."""


def ema(decay: Schedule = 0.999, ramp: float = 10.0) -> Average:
    """a <- b a + (1 - b) x with b = min(decay, (1 + t) / (ramp + t)): short memory at first, then long.

    Parameters and BatchNorm statistics are averaged; everything else (spectral-norm vectors, counters) is
    copied, since an average of unit vectors is not a unit vector. `ramp=1` is no ramp-up. The decay may be a
    schedule of the step, as in Huang et al., 2024. Averages of half-precision parameters are float32, since
    half precision would lose small steps.

    >>> average = ema(0.5, ramp=1.0)
    >>> float(average.update((jnp.zeros(()), {}), jnp.ones(()), {}, jnp.int32(0))[0])
    0.5
    """
    check_range("the decay of an average", decay, most=1)

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
        return jax.tree.map(_copy_as_float32, params), jax.tree.map(jnp.copy, stats)

    return Average(init, update)


def _is_singular(key: object) -> bool:
    """Whether this is a singular vector or value of Flax's SpectralNorm, which stores them in batch_stats."""
    return str(getattr(key, "key", "")).endswith(("/u", "/sigma"))


def _copy_as_float32(x: Array) -> Array:
    """Copies in float32 or wider; a copy because a donated state may not contain one buffer twice."""
    return jnp.array(x, jnp.promote_types(x.dtype, jnp.float32))
