"""Equal steps of the image for equal steps of its style."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.terms.moves import generator_of
from jaxgan.parts.terms.term import Term
from jaxgan.parts.types import Array, Schedule, View, at


def path_length(weight: Schedule = 2.0, decay: float = 0.01) -> Term:
    """weight (l - a)^2, l = |J_w^T y|, y ~ N(0, I) / sqrt(pixels): path length (Karras et al., 2020).

    J_w is the Jacobian of the image in its styles w, the entry "w" of the latent, [N, n] or one per layer,
    [N, layers, n]: then l is the root of the mean over layers of squared lengths. The memory a is a running
    mean of l, moved by `decay` of the difference to this batch's before it is used, and has no gradient.
    Karras et al. evaluate it at every fourth step.

    >>> from jaxgan.parts.terms.lazy import lazily
    >>> lazily(path_length(), 4).name
    'path_length'
    """

    def apply(v: View, mean: Array) -> tuple[Array, Array]:
        if not isinstance(v.z, Mapping) or "w" not in v.z:
            raise Refused('the term path_length needs a latent with an entry "w", as StyleGAN2 makes it')
        g, z = generator_of(v, "path_length"), dict(v.z)
        image, pullback = jax.vjp(lambda w: g({**z, "w": w}), z["w"])
        shape = image.shape[1:]
        pixels = image[0].size // shape[-1]  # the last axis has the channels
        per_image = v.real_plain.shape[0] // v.keys.shape[0]
        keys = jax.vmap(lambda key: jax.random.split(key, per_image))(v.keys).reshape(-1)
        y = jax.vmap(lambda key: jax.random.normal(key, shape, image.dtype))(keys) / jnp.sqrt(pixels)
        (slope,) = pullback(y.astype(image.dtype))
        length = jnp.sqrt(jnp.square(slope).sum(axis=-1).reshape(slope.shape[0], -1).mean(axis=1) + 1e-12)
        mean = jax.lax.stop_gradient(mean + decay * (v.mean(length) - mean)).astype(mean.dtype)
        return at(weight, v.step) * jnp.square(length - mean), mean

    return Term("path_length", lambda: jnp.float32(0), apply, whole=True)
