"""Heads that embed: D pulls examples of one class together and pushes those of different classes apart.

An embedding e and the proxy p of a class, both of unit length, are the heads "embedding" [B, n] and "proxy"
[K, n], the second a learnt table. D's loss is on real examples, G's on generated ones; both compare an
example with all others of the batch, on all devices.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parts.classes import labels_of
from jaxgan.parts.heads.task import Task
from jaxgan.parts.output import read_head
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Lowering, PyTree, Schedule, View, at, check_range


def contrastive(classes: int, weight: Schedule = 1.0, *, size: int = 512, temperature: float = 1.0) -> Task:
    """-log of the share of the proxy and of examples of the same class, 2C of ContraGAN (Kang & Park, 2020).

    For e_i of class y, with s(a, b) = <a, b> / temperature:
    -log (e^s(e_i, p_y) + sum_{j != i, y_j = y} e^s(e_i, e_j)) / (e^s(e_i, p_y) + sum_{j != i} e^s(e_i, e_j)).

    Both players minimise it. `size`: of an embedding. With `conditioning.auxiliary`. Where a batch has many
    examples of each class, pairs outweigh the proxy, and classes under each other's names are a local minimum
    of G's loss; the positive of `data_to_data` is the proxy alone.

    >>> contrastive(10, size=64).heads
    (('embedding', 64), ('proxy', (10, 64)))
    """
    check_range("the temperature of contrastive", temperature, above=True)

    def loss(proxy: Array, others: Array, same: Array, different: Array) -> Array:
        def logsumexp(included: Array) -> Array:
            scores = jnp.where(included, others / temperature, -jnp.inf)
            return jax.nn.logsumexp(jnp.concatenate([proxy[:, None] / temperature, scores], axis=1), axis=1)

        return logsumexp(same | different) - logsumexp(same)

    return _task("contrastive", classes, size, weight, loss)


def data_to_data(
    classes: int,
    weight: Schedule = 0.5,
    *,
    size: int = 512,
    temperature: float = 0.5,
    margin: float = 0.98,
) -> Task:
    """-log e^pos / (e^pos + sum_j e^neg_j), the data-to-data cross entropy of ReACGAN (Kang et al., 2021).

    pos = -relu(margin - <e_i, p_y>) / temperature, neg_j = relu(<e_i, e_j> - (1 - margin)) / temperature,
    with j over the examples of other classes. Both players minimise it. With `conditioning.auxiliary`.

    >>> [term.name for term in data_to_data(10).g_terms]
    ['data_to_data']
    """
    check_range("the temperature of data_to_data", temperature, above=True)
    check_range("the margin of data_to_data", margin, most=1)

    def loss(proxy: Array, others: Array, same: Array, different: Array) -> Array:
        positive = -jax.nn.relu(margin - proxy) / temperature
        negative = jax.nn.relu(others - (1 - margin)) / temperature
        scores = jnp.where(different, negative, -jnp.inf)
        return jax.nn.logsumexp(jnp.concatenate([positive[:, None], scores], axis=1), axis=1) - positive

    return _task("data_to_data", classes, size, weight, loss)


Loss = Callable[[Array, Array, Array, Array], Array]
"""(cosines with the own proxy [B], with all examples [B, N], masks [B, N] of the same and other classes)."""


def _task(name: str, classes: int, size: int, weight: Schedule, loss: Loss) -> Task:
    whose = f"the term {name}"

    def term(heads: Callable[[View], PyTree]) -> Term:
        def weighted(view: View) -> Array:
            embedding, proxy = (read_head(heads(view), head, whose) for head in ("embedding", "proxy"))
            label = labels_of(view, whose)
            return at(weight, view.step) * _compare(view.lowering, embedding, proxy, label, loss)

        return stateless(name, weighted, whole=True)

    return Task(
        (("embedding", size), ("proxy", (classes, size))),
        (term(lambda view: view.real_heads),),
        (term(lambda view: view.fake_heads),),
    )


def _compare(lowering: Lowering, embedding: Array, proxy: Array, label: Array, loss: Loss) -> Array:
    """The loss [B] of this device's examples, compared with those of all devices; 0 for the label -1."""
    own, proxy = _unit(embedding), _unit(proxy)
    every, labels = lowering.gather(own), lowering.gather(label)
    other = jnp.arange(len(every)) != lowering.own_rows(len(own))[:, None]
    same = label[:, None] == labels
    with_proxy = (own * proxy.at[label].get(mode="fill")).sum(axis=1)  # NaN for a label of K or more
    losses = loss(with_proxy, own @ every.T, other & same, other & ~same & (labels >= 0))
    return jnp.where(label < 0, 0.0, losses)


def _unit(x: Array) -> Array:
    """Rows of unit length; a row of zeros stays, and has a finite gradient."""
    return x * jax.lax.rsqrt(jnp.maximum(jnp.square(x).sum(axis=1, keepdims=True), 1e-12))
