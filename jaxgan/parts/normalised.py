"""Discriminators whose slope is bounded by dividing their logit."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.network import Network
from jaxgan.parts.output import Output, as_output
from jaxgan.parts.terms.slopes import norm
from jaxgan.parts.types import Array, Params, Stats


def gradient_normalised(network: Network) -> Network:
    """Returns D with the logit f / (|grad_x f| + |f|): gradient normalisation (Wu et al., 2021).

    It is in [-1, 1], and its slope at most 1 where f is piecewise linear. The gradient is that in the first
    input, a whole pack with packing. Other heads are unchanged. Each example needs a logit of its own: one
    logit per patch and BatchNorm are refused. Where f and its gradient are 0 the logit is 0.

    >>> linear = Network(
    ...     lambda key, x: (jnp.ones(x.shape[1:]), {}),
    ...     lambda w, stats, x, key=None, train=False: (x @ w, stats),
    ... )
    >>> x = jnp.array([[3.0, 0.0, 0.0, 0.0]])
    >>> gradient_normalised(linear).apply(jnp.ones(4), {}, x)[0]  # 3 / (2 + 3)
    Array([0.6], dtype=float32)
    """

    def init(key: jax.Array, *inputs: Any) -> tuple[Params, Stats]:
        params, stats = network.init(key, *inputs)
        if any(
            getattr(path[-1], "key", "") == "mean" for path, _ in jax.tree_util.tree_leaves_with_path(stats)
        ):
            raise Refused(
                "gradient_normalised needs a discriminator without BatchNorm: take norm none or spectral"
            )
        return params, stats

    def apply(params: Params, stats: Stats, x: Array, *inputs: Any, **keywords: Any) -> tuple[Any, Stats]:
        def call(x: Array) -> tuple[Array, tuple[Any, Stats]]:
            output, new = network.apply(params, stats, x, *inputs, **keywords)
            output = as_output(output)
            if getattr(output.logit, "ndim", 0) != 1:
                raise Refused("gradient_normalised needs one logit per input, not one per patch or scale")
            return output.logit, (output.heads, new)

        logit, pullback, (heads, new) = jax.vjp(call, x, has_aux=True)
        (slope,) = pullback(jnp.ones_like(logit))
        scale = norm(slope.astype(logit.dtype)) + jnp.abs(logit)
        logit = logit / jnp.where(scale > 0, scale, 1.0)
        return (logit if isinstance(heads, tuple) and not heads else Output(logit, heads)), new

    return network._replace(init=init, apply=apply)
