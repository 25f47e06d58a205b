"""The loss of a network that recovers latents from examples."""

import jax.numpy as jnp

from jaxgan.parts.generated import flatten_latent
from jaxgan.parts.types import Array, PyTree


def latent_reconstruction(z: PyTree, recovered: PyTree) -> Array:
    """|z - F(G(z))|^2 [N]: VEEGAN's second loss, of G and of F (Srivastava et al., 2017).

    Latents may be trees. It is a loss of a game, as in `jg.Play(meeting, stats, {"reconstruction": ...})`,
    since F is neither D's nor a head of it.

    >>> latent_reconstruction(jnp.ones((2, 3)), jnp.zeros((2, 3))).tolist()
    [3.0, 3.0]
    """
    return jnp.square(flatten_latent(z) - flatten_latent(recovered)).sum(axis=1)
