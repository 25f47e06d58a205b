"""Layers of D that compare the examples of a group, so that D sees how varied they are.

In training a group is `group` examples that follow each other in the batch, so that groups do not depend on
how many devices share it; each device's share must be a multiple of it. Otherwise, as when a game judges an
example for an evaluation or an export, an example is alone: a group of copies of itself.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers.norms import Initializer
from jaxgan.models.layers.numbers import at_least_float32

Array = jax.Array


class MinibatchStd(nn.Module):
    """x [B, ..., C] -> [B, ..., C + planes]: how much the examples of a group differ, as new channels.

    Plane i is the i-th of `planes` parts of the channels: the standard deviation over the group at each place
    and channel, averaged over both (Karras et al., 2018). It is the root of variance + 1e-8, and so 1e-4 for
    an example alone.

    >>> x = jnp.array([[0.0, 2.0], [2.0, 0.0], [7.0, 5.0], [5.0, 7.0]])
    >>> MinibatchStd(2).apply({}, x, train=True).tolist()
    [[0.0, 2.0, 1.0], [2.0, 0.0, 1.0], [7.0, 5.0, 1.0], [5.0, 7.0, 1.0]]
    """

    group: int = 4
    planes: int = 1

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        if x.shape[-1] % self.planes:
            raise Refused(f"MinibatchStd splits {x.shape[-1]} channels into planes={self.planes}: change it")
        if train:
            groups = _grouped(at_least_float32(x), self.group)
            variance = jnp.square(groups - groups.mean(axis=1, keepdims=True)).mean(axis=1)  # [B/G, ..., C]
            spread = jnp.sqrt(variance + 1e-8).reshape(
                len(variance), -1, self.planes, x.shape[-1] // self.planes
            )
            planes = jnp.repeat(spread.mean(axis=(1, 3)), self.group, axis=0)
        else:
            planes = jnp.full((x.shape[0], self.planes), 1e-4)
        planes = planes.reshape(-1, *(1,) * (x.ndim - 2), self.planes).astype(x.dtype)
        return jnp.concatenate([x, jnp.broadcast_to(planes, (*x.shape[:-1], self.planes))], axis=-1)


class MinibatchDiscrimination(nn.Module):
    """h [B, ...] -> [B, n + kernels]: h as vectors, and each example's closeness to the others of its group.

    With M = h T [B, kernels, size], the closeness is o_ik = sum_j exp(-|M_ik - M_jk|_1) over the other
    examples j (Salimans et al., 2016, who count j = i too, a constant 1). For an example alone it is
    group - 1.

    >>> h = jnp.ones((4, 3))
    >>> layer = MinibatchDiscrimination(group=4, kernels=2, size=5)
    >>> layer.init_with_output(jax.random.key(0), h, train=True)[0][0].tolist()
    [1.0, 1.0, 1.0, 3.0, 3.0]
    """

    group: int = 16
    kernels: int = 100
    size: int = 5
    kernel_init: Initializer = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        h = at_least_float32(x.reshape(x.shape[0], -1))
        dense = nn.Dense(self.kernels * self.size, use_bias=False, kernel_init=self.kernel_init)
        m = dense(h).reshape(-1, self.kernels, self.size)
        if not train:
            return jnp.concatenate([h, jnp.full((len(h), self.kernels), self.group - 1.0, h.dtype)], axis=-1)
        groups = _grouped(m, self.group)
        distances = jnp.abs(groups[:, :, None] - groups[:, None]).sum(axis=-1)  # [B/G, G, G, kernels]
        closeness = jnp.exp(-distances).sum(axis=2) - 1
        return jnp.concatenate([h, closeness.reshape(-1, self.kernels)], axis=-1)


def _grouped(x: Array, group: int) -> Array:
    """[B, ...] -> [B / group, group, ...]."""
    if group < 2:
        raise Refused(f"examples are compared in groups of 2 or more, not {group}")
    if x.shape[0] % group:
        raise Refused(
            f"D compares groups of {group} examples, which do not divide the {x.shape[0]} inputs on each "
            "device: change the group, the batch size or the devices"
        )
    return x.reshape(-1, group, *x.shape[1:])
