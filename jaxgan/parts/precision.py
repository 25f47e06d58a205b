"""Networks that compute in bfloat16."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.parts.network import Network
from jaxgan.parts.types import Params, PyTree, Stats


def bfloat16(network: Network) -> Network:
    """Returns the network computing in bfloat16; everything outside it stays in float32.

    Parameters and inputs are cast to bfloat16, outputs and gradients back to float32. So parameters,
    optimiser, losses, penalties, logits and images are float32. Statistics keep their type: BatchNorm's
    averages and spectral vectors are float32, and Flax computes them so. Labels and other integers are not
    cast. A layer with a `dtype` keeps it. Flax's SpectralNorm promotes what it wraps to float32 unless given
    `dtype=jnp.bfloat16`, as `jaxgan.models` does.

    >>> import jax.numpy as jnp
    >>> linear = Network(
    ...     lambda key, x: (jnp.ones(x.shape[1:]), {}),
    ...     lambda w, stats, x, key=None, train=False: (x @ w, stats),
    ... )
    >>> x = jnp.array([[256.0, 1.0]])  # bfloat16 has 8 bits: the sum, 257, is rounded to 256
    >>> bfloat16(linear).apply(jnp.ones(2), {}, x)[0]
    Array([256.], dtype=float32)
    """

    def apply(params: Params, stats: Stats, *inputs: Any, **keywords: Any) -> tuple[Any, Stats]:
        params, inputs = _cast((params, inputs), jnp.float32, jnp.bfloat16)
        output, changed = network.apply(params, stats, *inputs, **keywords)
        changed = jax.tree.map(lambda new, old: new.astype(old.dtype), changed, stats)
        return _cast(output, jnp.bfloat16, jnp.float32), changed

    return network._replace(apply=apply)


def _cast(tree: PyTree, old: Any, new: Any) -> PyTree:
    return jax.tree.map(lambda x: x.astype(new) if x.dtype == old else x, tree)
