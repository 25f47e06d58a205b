"""The gradient noise scale: up to which batch size a larger batch saves steps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxgan.errors import Refused
from jaxgan.games.game import Game, State
from jaxgan.instruments.field import context_of, gradient
from jaxgan.parts.types import Array, Batch, Key


class Noise(NamedTuple):
    """Unbiased estimates of a gradient's squared length |G|² and of the trace of its covariance per example.

    `signal` may be below 0 if noise dominates.
    """

    signal: float | Array
    variance: float | Array

    @property
    def scale(self) -> float:
        """variance / signal: the batch size up to which a larger one saves steps; infinite without a signal.

        >>> Noise(signal=0.5, variance=32.0).scale
        64.0
        """
        return float(self.variance / self.signal) if self.signal > 0 else float("inf")


def gradient_noise(game: Game, state: State, batches: Batch, who: str, key: Key | None = None) -> Noise:
    """Returns the noise of one player's gradient ("g" or "d") from N batches of B examples [N, B, ...].

    McCandlish et al., 2018: E |G_B|² = |G|² + tr(Σ) / B, once for the gradients of the batches and once for
    their mean, of N B examples. Each example needs an "index" of its own, which its latents are drawn by.
    With batch statistics examples are not independent, and the number is valid for this batch size only.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> gradient_noise(bilinear(), state, {"x": jnp.zeros((2, 8, 1))}, "g").scale
    0.0
    """
    n, b = jax.tree.leaves(batches)[0].shape[:2]
    if n < 2:
        raise Refused("gradient noise needs at least two batches, not one")
    mean, small = jnp.zeros(()), jnp.zeros(())
    for i in range(n):
        context = context_of(state, jax.tree.map(lambda x, i=i: x[i], batches), key)
        grads = ravel_pytree(gradient(game, who, state.g.params, state.d.params, context))[0]
        grads = grads.astype(jnp.promote_types(grads.dtype, jnp.float32))
        mean, small = mean + grads / n, small + jnp.square(grads).sum() / n
    big = jnp.square(mean).sum()
    return Noise((n * big - small) / (n - 1), b * n * (small - big) / (n - 1))
