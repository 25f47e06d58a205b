"""An encoder of images to normal distributions of latents, for variational autoencoders."""

import flax.linen as nn
import jax

from jaxgan.models.layers import Conv, Norm, at_least_float32, call_layer, normalise

Array = jax.Array


class Encoder(nn.Module):
    """Images [B, H, W, channels] -> (mean, log_variance), both [B, size], of q(z | x).

    4x4 convolutions of stride 2, one for each of the `widths`, norm on all but the first, LeakyReLU of slope
    0.2; one dense layer for both outputs (Kingma & Welling, 2014; Larsen et al., 2016).

    >>> e = Encoder(16, widths=(4, 8))
    >>> outputs, _ = jax.eval_shape(e.init_with_output, jax.random.key(0), jax.numpy.ones((2, 28, 28, 1)))
    >>> [array.shape for array in outputs]
    [(2, 16), (2, 16)]
    """

    size: int
    widths: tuple[int, ...] = (64, 128)
    norm: Norm = "batch"
    axis: str | None = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> tuple[Array, Array]:
        for i, width in enumerate(self.widths):
            x = call_layer(Conv(width), x, self.norm, train)
            if i:
                x = normalise(x, self.norm, self.axis, train)
            x = nn.leaky_relu(x, 0.2)
        h = at_least_float32(x.reshape(x.shape[0], -1))
        both = call_layer(nn.Dense(2 * self.size), h, self.norm, train)
        return both[:, : self.size], both[:, self.size :]
