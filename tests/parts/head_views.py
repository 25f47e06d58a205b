"""What tests of D's heads share: a view of a D with heads, losses by name, and cross entropies by NumPy."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.parts.output import Output
from jaxgan.parts.types import Lowering, View

K, N, SIZE = 4, 16, 5
LABEL = np.random.RandomState(0).randint(0, K, N)
RANDOM = np.random.RandomState(1)


def view(real=(), fake=(), label=LABEL, z=(), lowering=None, **changes):
    """A view of a D with these heads, of which the terms of heads read little else."""
    n = len(label) if label is not None else N
    x = jnp.zeros((n, 2))
    keys = jax.random.split(jax.random.key(1), n)
    given = {} if label is None else {"label": jnp.asarray(label)}
    return View(
        real=x,
        fake=x,
        real_plain=x,
        fake_plain=x,
        real_out=x[:, 0],
        fake_out=x[:, 0],
        real_heads=real,
        fake_heads=fake,
        given=given,
        z=z,
        d=lambda x: x[:, 0],
        judge=lambda x: Output(x[:, 0]),
        real_gradient=None,
        fake_gradient=None,
        g=None,
        averaged=None,
        keys=keys,
        step=jnp.int32(0),
        lowering=lowering or Lowering(),
    )._replace(**changes)


def losses(terms, view):
    """The losses [B] of terms by name."""
    return {term.name: np.asarray(term.apply(view, term.init())[0]) for term in terms}


def outputs(*shape):
    return jnp.asarray(RANDOM.normal(size=shape))


def ce(logits, label):
    return np.array([np.log(np.exp(a).sum()) - a[y] for a, y in zip(np.asarray(logits), label, strict=True)])


def losses_sum(terms, view):
    return sum(term.apply(view, term.init())[0].mean() for term in terms)
