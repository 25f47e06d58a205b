"""Networks with fixed weights that neither player trains: feature extractors, teachers, classifiers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parts.distance import Distance
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


def feature_distance(
    name: str,
    frozen: Frozen,
    layers: Callable[[Any], PyTree] = lambda output: output,
    size: Callable[[Array], Array] = jnp.square,
) -> Distance:
    """mean_l mean_k size(h_lk(x) - h_lk(y)), the distance of examples in the features of a fixed network.

    `layers` chooses from the network's output the features h_l [n, ...], one array or a tree of them, which
    count alike. Squares as in Johnson et al., 2016; `jnp.abs` for absolute differences. The name is that of
    the numbers, so let it say which network's features they are:

    >>> from flax import linen as nn
    >>> from jaxgan.parts.network import from_linen
    >>> dense = from_linen(nn.Dense(8))
    >>> random = Frozen(dense, *dense.init(jax.random.key(0), jnp.zeros((1, 4))))
    >>> distance = feature_distance("random_features", random)
    >>> distance.apply(distance.weights, jnp.ones((3, 4)), jnp.ones((3, 4))).tolist()
    [0.0, 0.0, 0.0]
    """

    def apply(weights: PyTree, x: Array, y: Array) -> Array:
        of_x, of_y = (layers(frozen.network.apply(*weights, examples)[0]) for examples in (x, y))

        def apart(a: Array, b: Array) -> Array:
            return size(a - b).reshape(a.shape[0], -1).mean(axis=1)

        apart_by_layer = jax.tree.leaves(jax.tree.map(apart, of_x, of_y))
        return sum(apart_by_layer, jnp.zeros(x.shape[0])) / len(apart_by_layer)

    return Distance(name, apply, (frozen.params, frozen.stats))
