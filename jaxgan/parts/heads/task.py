"""What D is asked for besides real or fake, and what the losses of such tasks share."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.output import Heads
from jaxgan.parts.terms.term import Term
from jaxgan.parts.types import Array, View


class Task(NamedTuple):
    """An auxiliary task of D: the heads that it needs, and both players' losses of them.

    A discriminator of `jaxgan.models` gets the heads as `heads=task.heads`; the terms go into a game's
    `d_terms` and `g_terms`. Heads and terms of several tasks add up.

    >>> from jaxgan.parts.heads import auxiliary_classifier
    >>> task = auxiliary_classifier(10)
    >>> task.heads, [term.name for term in task.d_terms], [term.name for term in task.g_terms]
    ((('class', 10),), ['class'], ['class'])
    """

    heads: Heads
    d_terms: tuple[Term, ...] = ()
    g_terms: tuple[Term, ...] = ()


def one_per_input(view: View, whose: str) -> None:
    """Raises Refused if an input of D is a pack of several examples."""
    if view.keys.shape[0] != view.real_plain.shape[0]:
        raise Refused(f"{whose} needs one example per input of D: use packing=1")


def labels_of(view: View, whose: str) -> Array:
    """Returns the labels [B] of D's inputs; raises Refused if there are none."""
    if "label" not in view.given:
        raise Refused(
            f"{whose} needs labels: use a conditioning that reads them, such as auxiliary(10) or "
            'unconditional(terms=("label",))'
        )
    one_per_input(view, whose)
    return view.given["label"]


def chosen(outputs: Array, label: Array) -> Array:
    """Returns outputs [B, K] at their labels [B]; 0 where the label is -1, not known, NaN where K or more.

    >>> chosen(jnp.array([[3.0, 4.0]] * 3), jnp.array([1, -1, 2])).tolist()
    [4.0, 0.0, nan]
    """
    at_label = jnp.take_along_axis(outputs, label[:, None], axis=1, mode="fill")[:, 0]
    return jnp.where(label < 0, 0.0, at_label)


def cross_entropy(logits: Array, label: Array) -> Array:
    """-log softmax(logits)_label [B] of logits [B, K]; 0 where the label is -1, not known.

    >>> cross_entropy(jnp.zeros((2, 1)), jnp.array([0, -1])).tolist()
    [0.0, 0.0]
    """
    return jnp.where(label < 0, 0.0, jax.nn.logsumexp(logits, axis=1)) - chosen(logits, label)
