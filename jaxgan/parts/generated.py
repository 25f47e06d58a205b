"""The output of a generator: examples, and the latents that terms are to see."""

from typing import Any, NamedTuple


class Generated(NamedTuple):
    """The output of a generator with latents of its own, such as w of StyleGAN; others return examples.

    In `jg.gan`, `z` takes the place of the prior's latents in `view.z`, and `view.g` is called with latents
    like it, which the generator must therefore take as well: `view.g(view.z)` is `view.fake_plain`.

    >>> import jax.numpy as jnp
    >>> Generated(jnp.zeros((4, 8, 8, 3)), {"w": jnp.zeros((4, 6, 32))}).z["w"].shape
    (4, 6, 32)
    """

    x: Any
    z: Any


def as_generated(output: Any, z: Any) -> Generated:
    """Returns what a generator made of the latents z as `Generated`.

    >>> as_generated("examples", "latents")
    Generated(x='examples', z='latents')
    """
    return output if isinstance(output, Generated) else Generated(output, z)
