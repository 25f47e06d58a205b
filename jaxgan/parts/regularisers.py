"""Regularisers of parameters, as transformations of gradients: a term sees examples and not parameters.

They come before the optimiser, so that Adam sees the gradient of the whole loss.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.parts.types import Array, PyTree, check_range


def orthogonal_regularisation(weight: float = 1e-4) -> optax.GradientTransformation:
    """Adds the gradient of weight |W^T W * (1 - I)|^2, for every W but embeddings (Brock et al., 2019).

    That is 4 weight W (W^T W * (1 - I)), W [inputs, outputs] with the places of a kernel among the inputs: it
    makes the weights of different outputs orthogonal, whatever their size. Vectors and leaves called
    "embedding" are left alone. The paper regularises G only.

    >>> tx = optax.chain(orthogonal_regularisation(), optax.adam(1e-4))
    """
    check_range("the weight of orthogonal_regularisation", weight)

    def add(path: tuple, update: Array, param: Array) -> Array:
        if param.ndim < 2 or getattr(path[-1], "key", None) == "embedding":
            return update
        w = param.reshape(-1, param.shape[-1])
        gram = w.T @ w
        slope = w @ (gram - jnp.diag(jnp.diag(gram)))
        return update + (4 * weight * slope.reshape(param.shape)).astype(update.dtype)

    def update(updates: PyTree, state: PyTree, params: PyTree = None) -> tuple[PyTree, PyTree]:
        return jax.tree_util.tree_map_with_path(add, updates, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)


class PastParams(NamedTuple):
    """How many parameters have been seen, and their mean."""

    steps: Array
    mean: PyTree


def historical_averaging(weight: float = 1.0) -> optax.GradientTransformation:
    """Adds the gradient of weight |params - mean|^2, mean that of all steps' params (Salimans et al., 2016).

    The mean includes these params and has no gradient, so at the first step nothing is added. A rule that
    calls the optimiser more than once per step averages over the calls.

    >>> tx = optax.chain(historical_averaging(0.1), optax.adam(1e-3))
    """
    check_range("the weight of historical_averaging", weight)

    def init(params: PyTree) -> PastParams:
        return PastParams(
            jnp.int32(0),
            jax.tree.map(lambda x: jnp.zeros(x.shape, jnp.promote_types(x.dtype, jnp.float32)), params),
        )

    def update(updates: PyTree, state: PastParams, params: PyTree = None) -> tuple[PyTree, PastParams]:
        count = state.steps + 1
        mean = jax.tree.map(lambda old, x: old + (x - old) / count, state.mean, params)

        def add(update: Array, param: Array, mean: Array) -> Array:
            return update + (2 * weight * (param - mean)).astype(update.dtype)

        return jax.tree.map(add, updates, params, mean), PastParams(count, mean)

    return optax.GradientTransformation(init, update)
