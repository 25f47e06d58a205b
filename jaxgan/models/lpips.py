"""LPIPS, the distance of pictures in a network's activations, fitted to people's (Zhang et al., 2018)."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused

Array = jax.Array

TINY = 1e-10


class LPIPS(nn.Module):
    """Pictures x, y [n, H, W, C] in [-1, 1] -> distances [n].

    sum_l mean_hw w_l . (u_l(x) - u_l(y))^2 over the activations u_l of `net` named in `layers`, each divided
    by its length over channels; w_l are learnt, 0 or more. Where an activation is 0 in all channels its
    length has no slope; that of a plain square root is not a number.

    >>> from jaxgan.models import alexnet
    >>> judge = LPIPS(alexnet.AlexNet(), alexnet.JUDGED)
    >>> x = jnp.zeros((4, 32, 32, 3))
    >>> jax.eval_shape(judge.init_with_output, jax.random.key(0), x, x)[0].shape
    (4,)
    """

    net: nn.Module
    layers: tuple[str, ...]

    @nn.compact
    def __call__(self, x: Array, y: Array) -> Array:
        if x.shape != y.shape:
            raise Refused(f"pictures of shape {x.shape} cannot be compared with {y.shape}")
        activations = self.net(jnp.concatenate([x, y]))
        total = jnp.zeros(len(x))
        for i, layer in enumerate(self.layers):
            first, second = jnp.split(_unit(activations[layer]), 2)
            width = first.shape[-1]
            weights = self.param(f"weights{i}", nn.initializers.constant(1 / width), (width,))
            total += (jnp.square(first - second) * weights).sum(axis=-1).mean(axis=(1, 2))
        return total


def _unit(x: Array) -> Array:
    """Divides by the length over channels."""
    squares = jnp.square(x).sum(axis=-1, keepdims=True)
    length = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0)
    return x / (length + TINY)
