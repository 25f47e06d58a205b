"""MGAN's loss: a classifier of the generators, which they help."""

import jax

from jaxgan.parts.output import read_head
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, View


def told_apart(weight: float = 1.0) -> Term:
    """weight * cross entropy of D's head "which" with the generator that drew the fake, for both players.

    Of G with `jg.one_of`, and the latents `noise` and `which`. D's head learns which generator drew a fake,
    and each generator draws what is recognised as its own (Hoang et al., 2018; their diversity weight is
    G's). With one generator it is 0.

    >>> told_apart(0.1).name
    'which'
    """

    def loss(view: View) -> Array:
        logits = read_head(view.fake_heads, "which", "told_apart()")
        return -weight * (view.z["which"] * jax.nn.log_softmax(logits)).sum(axis=1)

    return stateless("which", loss)
