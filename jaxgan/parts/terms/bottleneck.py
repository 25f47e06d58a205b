"""A bound on the information that D's code has about its input."""

import jax
import jax.numpy as jnp

from jaxgan.parts.output import read_head
from jaxgan.parts.terms.term import Term
from jaxgan.parts.types import Array, PyTree, View


def bottleneck(capacity: float = 0.1, rate: float = 1e-5, start: float = 0.1) -> Term:
    """b (KL - capacity), KL of D's code to N(0, I), b adapted: variational bottleneck (Peng et al., 2019).

    For a D with heads "mean" and "deviation" [B, n], as `jaxgan.models.bottleneck` has: the KL divergence of
    N(mean, deviation^2) to N(0, I), summed over the code, half of it on real and half on fake inputs. The
    memory b starts at `start` and moves by `rate` times this batch's KL - capacity, and is never negative.

    >>> bottleneck(capacity=0.5).init()
    Array(0.1, dtype=float32)
    """

    def apply(v: View, b: Array) -> tuple[Array, Array]:
        excess = (_divergence(v.real_heads) + _divergence(v.fake_heads)) / 2 - capacity
        moved = jnp.maximum(b + rate * jax.lax.stop_gradient(v.mean(excess)), 0).astype(b.dtype)
        return b * excess, moved

    return Term("bottleneck", lambda: jnp.float32(start), apply)


def _divergence(heads: PyTree) -> Array:
    mean, deviation = (read_head(heads, name, "the term bottleneck") for name in ("mean", "deviation"))
    return (-jnp.log(deviation) + (jnp.square(deviation) + jnp.square(mean) - 1) / 2).sum(axis=-1)
