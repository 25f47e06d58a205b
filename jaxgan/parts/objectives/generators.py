"""MAD-GAN's loss: D tells apart k generators and the data."""

import jax.numpy as jnp
from jax.nn import logsumexp

from jaxgan.parts.objectives.objective import Objective
from jaxgan.parts.output import read_head
from jaxgan.parts.terms.term import stateless
from jaxgan.parts.types import Array, View


def which_generator(*, saturating: bool = False) -> Objective:
    """D: -log D_real(x) - k log D_i(G_i), cross entropies over k + 1 classes; G: -k log D_real(G_i).

    Of G with `jg.one_of` k networks, and the latents `noise` and `which`; D's logit is that of the class
    "real", its head "which" [B, k] those of the generators. A batch has as many fakes as real examples, not k
    times as many, so their losses count k times. With `saturating` G's loss is the k log (1 - D_real(G_i)) of
    the paper, whose gradient vanishes where D wins; the authors' code has the other one. At the equilibrium
    the generators' mixture is the data; if each of them is, D_real is 1/(k + 1) (Ghosh et al., 2018).

    >>> [term.name for term in (*which_generator().d_terms, *which_generator().g_terms)]
    ['which', 'which']
    """

    def d_loss(view: View) -> Array:
        real, fake = _all_logits(view, "real"), _all_logits(view, "fake")
        own = (view.z["which"] * fake[:, 1:]).sum(axis=1)
        count = fake.shape[1] - 1
        return logsumexp(real, axis=1) - real[:, 0] + count * (logsumexp(fake, axis=1) - own)

    def g_loss(view: View) -> Array:
        fake = _all_logits(view, "fake")
        count, every = fake.shape[1] - 1, logsumexp(fake, axis=1)
        return count * (logsumexp(fake[:, 1:], axis=1) - every if saturating else every - fake[:, 0])

    def zeros(real: Array, fake: Array) -> Array:
        return jnp.zeros_like(fake)

    return Objective(
        zeros, zeros, d_terms=(stateless("which", d_loss),), g_terms=(stateless("which", g_loss),)
    )


def _all_logits(view: View, which: str) -> Array:
    """Returns the logits [B, k + 1] of the classes: real, then each generator."""
    heads, logit = (getattr(view, f"{which}_{part}") for part in ("heads", "out"))
    return jnp.concatenate([logit[:, None], read_head(heads, "which", "which_generator()")], axis=1)
