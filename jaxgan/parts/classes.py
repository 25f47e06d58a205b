"""Labels in losses: their entries of D's outputs, and cross entropies."""

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.types import Array, View


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
