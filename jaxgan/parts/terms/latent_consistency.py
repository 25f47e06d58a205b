"""Both halves of latent consistency, zCR: D must not see a small change of z, and G must show it."""

import jax
import jax.numpy as jnp

from jaxgan.parts.output import per_example
from jaxgan.parts.terms.moves import generator_of, noise_like, pack, plus
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at


def latent_consistency(weight: Schedule = 20.0, spread: float = 0.05) -> Term:
    """weight (D(G(z)) - D(G(z + spread n)))^2, n ~ N(0, I): D's half of zCR (Zhao et al., 2021).

    With bCR, that is `consistency` and `consistency_of_fakes`, and G's half, `latent_diversity`, it is ICR.
    Both examples are judged as G makes them, without the game's augmentation and noise.

    >>> d_terms, g_terms = [latent_consistency()], [latent_diversity()]
    """

    def loss(v: View) -> Array:
        g = generator_of(v, "zcr")
        # G again rather than `fake_plain`, which may come from a history
        out, moved = (v.d(pack(v, g(z))) for z in (v.z, plus(v.z, spread, noise_like(v, v.z))))
        return at(weight, v.step) * per_example(jax.tree.map(lambda a, b: jnp.square(a - b), out, moved))

    return stateless("zcr", loss)


def latent_diversity(weight: Schedule = 0.5, spread: float = 0.05) -> Term:
    """-weight mean (G(z) - G(z + spread n))^2, n ~ N(0, I): G's half of zCR (Zhao et al., 2021).

    The mean is over the numbers of an example. The loss is negative: G is asked to change with z.

    >>> latent_diversity().name
    'zcr'
    """

    def loss(v: View) -> Array:
        g = generator_of(v, "zcr")
        change = g(plus(v.z, spread, noise_like(v, v.z))) - v.fake_plain
        return -at(weight, v.step) * jnp.square(change.reshape(change.shape[0], -1)).mean(axis=1)

    return stateless("zcr", loss)
