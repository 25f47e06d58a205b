"""Distances of examples in the features of a fixed network: of the features, or of their Gram matrices."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.parts.distance import Distance
from jaxgan.parts.frozen import Frozen
from jaxgan.parts.types import Array, PyTree

Layers = Callable[[Any], PyTree]
"""Chooses features [n, ...] from a network's output: one array, or a tree of them."""


def feature_distance(
    name: str,
    frozen: Frozen,
    layers: Layers = lambda output: output,
    size: Callable[[Array], Array] = jnp.square,
) -> Distance:
    """mean_l mean_k size(h_lk(x) - h_lk(y)) over the layers h_l of a fixed network, which count alike.

    Squares as in Johnson et al., 2016; `jnp.abs` for absolute differences. The name is that of the numbers,
    so let it say whose features they are:

    >>> from flax import linen as nn
    >>> from jaxgan.parts.network import from_linen
    >>> dense = from_linen(nn.Dense(8))
    >>> random = Frozen(dense, *dense.init(jax.random.key(0), jnp.zeros((1, 4))))
    >>> distance = feature_distance("random_features", random)
    >>> distance.apply(distance.weights, jnp.ones((3, 4)), jnp.ones((3, 4))).tolist()
    [0.0, 0.0, 0.0]
    """

    def apart(a: Array, b: Array) -> Array:
        return size(a - b).reshape(a.shape[0], -1).mean(axis=1)

    return _by_layer(name, frozen, layers, apart)


def style_distance(name: str, frozen: Frozen, layers: Layers = lambda output: output) -> Distance:
    """mean_l |A_l(x) - A_l(y)|^2 / (4 C_l^2) of the Gram matrices A_l [n, C_l, C_l] of a network's layers.

    A distance of styles, since it does not see where features are; pictures x and y may differ in size.
    Gatys, Ecker & Bethge, 2016, who take relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 of a VGG.

    >>> from jaxgan.parts.network import Network
    >>> identity = Network(lambda key, x: ((), ()), lambda params, stats, x: (x, stats))
    >>> distance = style_distance("style_of_colours", Frozen(identity, ()))
    >>> x = jnp.arange(12.0).reshape(1, 2, 2, 3)
    >>> distance.apply(distance.weights, x, x[:, ::-1]).tolist()
    [0.0]
    """

    def apart(a: Array, b: Array) -> Array:
        return jnp.square(gram(a) - gram(b)).mean(axis=(1, 2)) / 4

    return _by_layer(name, frozen, layers, apart)


def gram(features: Array) -> Array:
    """Features [n, h, w, C] -> their Gram matrices [n, C, C], the mean over positions of f f^T.

    >>> gram(jnp.array([[[[1.0, 2.0]], [[3.0, 0.0]]]])).tolist()
    [[[5.0, 1.0], [1.0, 2.0]]]
    """
    flat = features.reshape(features.shape[0], -1, features.shape[-1])
    return jnp.einsum("npc,npd->ncd", flat, flat, precision=jax.lax.Precision.HIGHEST) / flat.shape[1]


def _by_layer(name: str, frozen: Frozen, layers: Layers, apart: Callable[[Array, Array], Array]) -> Distance:
    def apply(weights: PyTree, x: Array, y: Array) -> Array:
        of_x, of_y = (layers(frozen.network.apply(*weights, examples)[0]) for examples in (x, y))
        by_layer = jax.tree.leaves(jax.tree.map(apart, of_x, of_y))
        return sum(by_layer, jnp.zeros(x.shape[0])) / len(by_layer)

    return Distance(name, apply, (frozen.params, frozen.stats))
