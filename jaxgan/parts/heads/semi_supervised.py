"""A head that learns the class from the few examples whose label is known."""

import jax.numpy as jnp

from jaxgan.parts.classes import cross_entropy, labels_of
from jaxgan.parts.heads.task import Task
from jaxgan.parts.output import read_head
from jaxgan.parts.terms.term import stateless
from jaxgan.parts.types import Array, Schedule, View, at


def semi_supervised(classes: int, weight: Schedule = 1.0) -> Task:
    """D: the mean of CE(a(x), y) over the real examples of known label y; -1 stands for an unknown one.

    With a discriminator of `heads.any_class`, whose logit is log sum exp(a) of the same head "class", this is
    the semi-supervised GAN (Salimans et al., 2016): K classes, and generated examples as one more whose
    output is fixed at 0. The mean is over all devices, and 0 if no label of the batch is known. Neither
    network is given labels: `conditioning.unconditional(terms=("label",))`. `data.few_labels` hides labels.

    >>> semi_supervised(10).heads
    (('class', 10),)
    """
    whose = "the semi-supervised loss"

    def loss(view: View) -> Array:
        label = labels_of(view, whose)
        share = view.mean((label >= 0).astype(jnp.float32))
        errors = cross_entropy(read_head(view.real_heads, "class", whose), label)
        return at(weight, view.step) * errors / jnp.where(share > 0, share, 1.0)

    return Task((("class", classes),), (stateless("class", loss, whole=True),))
