"""A loss of K + 1 logits instead of one: the classes, and generated."""

import jax
import jax.numpy as jnp

from jaxgan.parts.classes import chosen, labels_of
from jaxgan.parts.objectives.objective import Objective
from jaxgan.parts.output import read_head
from jaxgan.parts.terms.term import stateless
from jaxgan.parts.types import Array, PyTree, Schedule, View, at


def multi_hinge(weight: Schedule = 1.0, g_weight: Schedule = 1.0) -> Objective:
    """D: CS(a(x), y) + CS(a(G), K), G: CS(a(G), y), with CS(a, y) = relu(1 + max_{j != y} a_j - a_y).

    Kavalerov et al., 2021. The head "class" a has K + 1 outputs, of which the last stands for generated, and
    labels y are from 0 to K - 1; D's logit plays no part. The paper has G's weight 0.05 beside feature
    matching. With one class and a = (l, 0), D's loss is the hinge relu(1 - l) + relu(1 + l).

    >>> objective = multi_hinge(g_weight=0.05)
    >>> [term.name for term in objective.d_terms]
    ['multi_hinge']
    """
    whose = "the multi-hinge loss"

    def head(heads: PyTree) -> Array:
        return read_head(heads, "class", f"{whose} (of K + 1 outputs)")

    def d_loss(view: View) -> Array:
        real, fake = head(view.real_heads), head(view.fake_heads)
        label = labels_of(view, whose)
        generated = jnp.full_like(label, fake.shape[1] - 1)
        return at(weight, view.step) * (crammer_singer(real, label) + crammer_singer(fake, generated))

    def g_loss(view: View) -> Array:
        return at(g_weight, view.step) * crammer_singer(head(view.fake_heads), labels_of(view, whose))

    def nothing(real: Array, fake: Array) -> Array:
        return jnp.zeros_like(fake)

    d_terms, g_terms = ((stateless("multi_hinge", loss),) for loss in (d_loss, g_loss))
    return Objective(nothing, nothing, d_terms=d_terms, g_terms=g_terms)


def crammer_singer(outputs: Array, label: Array) -> Array:
    """relu(1 + max_{j != y} a_j - a_y) [B] of outputs a [B, K] and labels y (Crammer & Singer, 2001).

    It is 0 for the label -1, which is not known.

    >>> crammer_singer(jnp.array([[2.0, 0.5, 0.0]]), jnp.array([0])).tolist()
    [0.0]
    """
    own = jax.nn.one_hot(label, outputs.shape[1], dtype=bool)
    best = jnp.where(own, -jnp.inf, outputs).max(axis=1)
    return jnp.where(label < 0, 0.0, jax.nn.relu(1 + best - chosen(outputs, label)))
