"""A discriminator of random projections of its input."""

from typing import Any

import flax.linen as nn
import jax

from jaxgan.errors import Refused
from jaxgan.parts.output import Output

Array = jax.Array


class Discriminator(nn.Module):
    """`inner` of a random projection of x that is drawn once and never trained (Neyshabur et al., 2017).

    Points [B, n] -> [B, width] by a normal matrix; images [B, H, W, C] by a normal convolution of `size` and
    `stride` with `width` channels. Columns have unit length on average. The weights are statistics, not
    parameters, so that no optimiser, penalty or average moves them; each of several critics draws its own.

    >>> from jaxgan.models import mlp
    >>> d = Discriminator(mlp.Discriminator((16,)), size=4)
    >>> variables = jax.eval_shape(d.init, jax.random.key(0), jax.numpy.ones((2, 8, 8, 3)))
    >>> variables["projection"]["kernel"].shape
    (4, 4, 3, 1)
    """

    inner: nn.Module
    width: int = 1
    size: int = 8
    stride: int = 2

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array | Output:
        if x.ndim not in (2, 4):
            raise Refused(f"a random projection needs points or images, not examples of shape {x.shape[1:]}")
        window = () if x.ndim == 2 else (self.size, self.size)
        shape = (*window, x.shape[-1], self.width)
        inputs = x.shape[-1] * self.size ** len(window)

        def draw() -> Array:
            return jax.random.normal(self.make_rng("params"), shape) / inputs**0.5

        kernel: Any = self.variable("projection", "kernel", draw).value
        if x.ndim == 2:
            return self.inner(x @ kernel, train=train)
        dimensions = ("NHWC", "HWIO", "NHWC")
        strides = (self.stride, self.stride)
        y = jax.lax.conv_general_dilated(x, kernel, strides, "SAME", dimension_numbers=dimensions)
        return self.inner(y, train=train)
