"""Networks with fixed weights that neither player trains: feature extractors, teachers, classifiers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parts.network import Network
from jaxgan.parts.terms import Term
from jaxgan.parts.types import Array, Params, PyTree, Stats, View


class Frozen(NamedTuple):
    """A network with fixed parameters and statistics."""

    network: Network
    params: Params
    stats: Stats = {}  # noqa: RUF012 - never written to


def by_frozen(name: str, frozen: Frozen, loss: Callable[[View, Callable[..., Any]], Array]) -> Term:
    """A term from (view, network) -> [B], where the network is called as network(*inputs).

    The weights are the term's state, which never changes: they are arguments of the compiled update, not
    constants in the program. A perceptual distance to the real example (Johnson et al., 2016):

    >>> from flax import linen as nn
    >>> from jaxgan.parts.network import from_linen
    >>> dense = from_linen(nn.Dense(8))
    >>> extractor = Frozen(dense, *dense.init(jax.random.key(0), jnp.zeros((1, 4))))
    >>> def distance(view, features):
    ...     return jnp.square(features(view.fake_plain) - features(view.real_plain)).mean(axis=-1)
    >>> by_frozen("perceptual", extractor, distance).name
    'perceptual'
    """

    def init() -> PyTree:
        return jax.tree.map(jnp.asarray, (frozen.params, frozen.stats))

    def apply(view: View, weights: PyTree) -> tuple[Array, PyTree]:
        fixed = jax.lax.stop_gradient(weights)
        return loss(view, lambda *inputs: frozen.network.apply(*fixed, *inputs)[0]), weights

    return Term(name, init, apply)
