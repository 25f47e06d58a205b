"""What a generator is given and returns: latents, examples, and what D is shown of them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Array = jax.Array


class Generated(NamedTuple):
    """The output of a generator that makes more than examples x; others return x alone.

    `z`: latents of its own, such as w of StyleGAN. In `jg.gan` they take the place of the prior's in
    `view.z`, and `view.g` is called with latents like them, which the generator must therefore take as well.
    `shown`: what D is shown instead of x, such as images of several sizes; `reals=` of `jg.gan` makes the
    same of the data. Then `view.g(view.z)` is `view.fake_plain`, whatever these are.

    >>> import jax.numpy as jnp
    >>> Generated(jnp.zeros((4, 8, 8, 3)), {"w": jnp.zeros((4, 6, 32))}).z["w"].shape
    (4, 6, 32)
    """

    x: Any
    z: Any = None
    shown: Any = None


def as_generated(output: Any, z: Any) -> Generated:
    """Returns what a generator made of the latents z as `Generated`, with all its fields.

    >>> as_generated("examples", "latents")
    Generated(x='examples', z='latents', shown='examples')
    """
    made = output if isinstance(output, Generated) else Generated(output)
    return Generated(made.x, z if made.z is None else made.z, made.x if made.shown is None else made.shown)


def flatten_latent(z: Any) -> Array:
    """Returns a latent in parts as one array [B, n]: the parts flattened and concatenated in order of name.

    >>> flatten_latent({"noise": jnp.zeros((4, 8)), "code": jnp.ones((4, 2))}).shape
    (4, 10)
    """
    return jnp.concatenate([part.reshape(part.shape[0], -1) for part in jax.tree.leaves(z)], axis=-1)
