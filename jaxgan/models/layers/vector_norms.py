"""BatchNorm whose scale and shift are functions of a vector per example."""

import flax.linen as nn
import jax

from jaxgan.models.layers.norms import Initializer, Norm, call_layer

Array = jax.Array


class VectorNorm(nn.Module):
    """BatchNorm scaled and shifted by a vector: (1 + W c) x_hat + V c for x [B, ..., C], c [B, n].

    W and V have no bias, and are under spectral norm if `norm` is "spectral" (Brock et al., 2019).

    >>> import jax.numpy as jnp
    >>> x, c = jnp.ones((4, 8, 8, 3)), jnp.ones((4, 5))
    >>> VectorNorm().init_with_output(jax.random.key(0), x, c)[0].shape
    (4, 8, 8, 3)
    """

    norm: Norm = "none"
    kernel_init: Initializer = nn.initializers.orthogonal()
    axis: str | None = None
    momentum: float = 0.9

    @nn.compact
    def __call__(self, x: Array, c: Array, train: bool = False) -> Array:
        def linear(name: str) -> Array:
            dense = nn.Dense(x.shape[-1], use_bias=False, kernel_init=self.kernel_init, name=name)
            return call_layer(dense, c, self.norm, train)

        return _modulated(x, linear("scale"), linear("shift"), self.axis, self.momentum, train)


class SelfModulatedNorm(nn.Module):
    """BatchNorm scaled and shifted by the latent: (1 + gamma(z)) x_hat + beta(z), x [B, ..., C], z [B, n].

    gamma and beta are V relu(U z + b) with `hidden` units each (Chen et al., 2019): labels are not needed.

    >>> import jax.numpy as jnp
    >>> x, z = jnp.ones((4, 8, 8, 3)), jnp.ones((4, 5))
    >>> SelfModulatedNorm().init_with_output(jax.random.key(0), x, z)[0].shape
    (4, 8, 8, 3)
    """

    hidden: int = 32
    axis: str | None = None
    momentum: float = 0.9

    @nn.compact
    def __call__(self, x: Array, z: Array, train: bool = False) -> Array:
        def mlp(name: str) -> Array:
            h = nn.relu(nn.Dense(self.hidden, name=f"{name}_hidden")(z))
            return nn.Dense(x.shape[-1], use_bias=False, name=name)(h)

        return _modulated(x, mlp("scale"), mlp("shift"), self.axis, self.momentum, train)


def _modulated(x: Array, scale: Array, shift: Array, axis: str | None, momentum: float, train: bool) -> Array:
    """Must be called inside a compact module, which gets the statistics."""
    norm = nn.BatchNorm(momentum=momentum, use_scale=False, use_bias=False, axis_name=axis)
    shape = (x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])
    return norm(x, use_running_average=not train) * (1 + scale.reshape(shape)) + shift.reshape(shape)
