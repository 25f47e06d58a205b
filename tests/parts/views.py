"""A view to try terms on, without a game."""

import jax
import jax.numpy as jnp

from jaxgan.parts.output import Output
from jaxgan.parts.types import Lowering, View


def view_of(real, fake, d, **changes):
    """What a term sees of examples [N, ...] judged by d, one to an input."""
    return View(
        real=real,
        fake=fake,
        real_plain=real,
        fake_plain=fake,
        real_out=d(real),
        fake_out=d(fake),
        real_heads=(),
        fake_heads=(),
        given={},
        z=fake,
        d=d,
        judge=lambda x: Output(d(x)),
        real_gradient=None,
        fake_gradient=None,
        g=None,
        averaged=None,
        keys=jax.random.split(jax.random.key(1), len(real)),
        step=jnp.int32(0),
        lowering=Lowering(),
    )._replace(**changes)
