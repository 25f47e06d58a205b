"""The loss of an adversary whose D is a function of an array of weights, for tests of losses and terms."""

import jax
import jax.numpy as jnp

from jaxgan.games.adversary import Meeting, Turn, adversary
from jaxgan.parts.network import Network
from jaxgan.parts.objectives import wasserstein
from jaxgan.parts.types import Lowering


def played(d, objective=None, who="d", *, d_terms=(), g_terms=(), lowering=Lowering(), **options):  # noqa: B008
    """Returns ((weights, real, fake, memory=None) -> (loss, metrics, memory)) of D's or G's loss.

    `d`: (weights, x) -> logits or Output. The losses without an objective are those of `wasserstein`.
    """

    def network(w):
        def apply(w, stats, x, *conditions, key=None, train=False):
            return d(w, x), stats

        return Network(lambda key, *inputs: (w, {}), apply)

    def play(w, real, fake, memory=None):
        critic = adversary(
            network(w),
            objective or wasserstein(),
            d_terms=d_terms,
            g_terms=g_terms,
            lowering=lowering,
            **options,
        )
        start = 0 if lowering.axis is None else jax.lax.axis_index(lowering.axis) * len(real)
        keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(5), i))(start + jnp.arange(len(real)))
        meeting, turn = Meeting(real, fake, z=fake), Turn(keys, jnp.int32(0), jnp.int32(0))
        _, fresh = critic.init(jax.random.key(0), meeting, keys)
        view, _, memory = critic.meet(who, w, {}, memory or fresh, meeting, turn)
        return (critic.d_loss if who == "d" else critic.g_loss)(view, memory)

    return play
