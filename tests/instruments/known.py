"""Games with known fields, and their states."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from support import ring_game

from jaxgan.games import toy
from jaxgan.games.game import Game, State
from jaxgan.games.toy import of_losses
from jaxgan.parts.objectives import Objective, minimax
from jaxgan.rules.rule import make_init

POINT = {"x": jnp.zeros((1, 1)), "index": jnp.zeros(1, jnp.uint32)}
"""The one example of Dirac-GAN."""


def quadratic(m: np.ndarray, g_size: int) -> Game:
    """The game with the field v(θ) = m θ, where the diagonal blocks of m are symmetric."""
    (gg, gd), (dg, dd) = ((rows[:, :g_size], rows[:, g_size:]) for rows in (m[:g_size], m[g_size:]))
    return of_losses(
        lambda g, d: -g @ (gg @ g / 2 + gd @ d),
        lambda g, d: -d @ (dd @ d / 2 + dg @ g),
        np.ones(g_size),
        np.ones(len(m) - g_size),
    )


def random_field(n: int = 7, g_size: int = 3, seed: int = 0) -> np.ndarray:
    m = np.random.RandomState(seed).randn(n, n)
    for block in (slice(0, g_size), slice(g_size, None)):
        m[block, block] = m[block, block] + m[block, block].T
    return m


def dirac(objective: Objective | None = None, **parts) -> Game:
    """Dirac-GAN at its equilibrium, by default with the logistic loss."""
    return toy.dirac(objective or minimax(), start=(0.0, 0.0), **parts)


def mlp_game(**parts) -> Game:
    return ring_game(width=6, **parts)


def ring_batch(*layout: int, seed: int = 0) -> dict:
    n = int(np.prod(layout))
    x = jax.random.normal(jax.random.key(seed), (n, 2))
    return {"x": x.reshape(*layout, 2), "index": jnp.arange(n, dtype=jnp.uint32).reshape(layout)}


def initial_state(game: Game, batch: dict = POINT, tx=None) -> State:
    """The state of step 0, in float64."""
    tx = optax.sgd(0.1) if tx is None else tx
    state = make_init(game, tx, tx, None)(jax.random.key(1), jax.tree.map(lambda x: x[None, None], batch))
    return jax.tree.map(lambda x: x.astype(float) if jnp.issubdtype(x.dtype, jnp.floating) else x, state)
