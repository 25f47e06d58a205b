"""Pulling the codes of an autoencoding D apart."""

import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.output import read_head
from jaxgan.parts.terms.slopes import norm
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at


def pulling_away(weight: Schedule = 0.1, head: str = "code") -> Term:
    """weight times the mean squared cosine of any two fakes' codes, for G of an EBGAN (Zhao et al., 2017).

    PT = sum over i != j of cos(S_i, S_j)^2 / (N (N - 1)): 0 of orthogonal codes, 1 of parallel ones. S are
    D's outputs `head` [B, n], as of `models.autoencoder`. The pairs are of the whole batch, all devices
    included, so micro-batches are refused.

    >>> pulling_away().name
    'pulling_away'
    """

    def loss(v: View) -> Array:
        codes = read_head(v.fake_heads, head, "pulling_away")
        size = norm(codes)[:, None]
        codes = codes / jnp.where(size > 0, size, 1.0)
        others = v.lowering.gather(codes)
        if len(others) < 2:
            raise Refused("pulling_away compares the codes of different inputs: it needs 2 in a batch, not 1")
        every = jnp.square(codes @ others.T).sum(axis=1)
        own = jnp.square(jnp.square(codes).sum(axis=1))
        return at(weight, v.step) * (every - own) / (len(others) - 1)

    return stateless("pulling_away", loss, whole=True)
