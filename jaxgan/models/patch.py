"""PatchGAN (Isola et al., 2017): a logit for each patch of an image, at one scale or several."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers import (
    Conv,
    Heads,
    Norm,
    at_least_float32,
    call_layer,
    initial_kernel,
    normalise,
    split_2x2,
    with_heads,
)
from jaxgan.parts.output import Output, as_output

Array = jax.Array
MAX_FACTOR = 8  # of the channels, relative to `width`


class Discriminator(nn.Module):
    """Images [B, H, W, channels], and source images [B, H, W, any] if given -> logits [B, h, w].

    `depth` 4x4 convolutions of stride 2 that double the channels from `width` up to 8 times, one of stride 1,
    and a last one to a logit; norm on all but the first and last, LeakyReLU of slope 0.2. Odd sides are
    rounded up: h = ceil(H / 2^depth). The receptive field is a square of side 9 2^depth - 2: 16, 34, 70 for
    depth 1, 2, 3; the paper has depth 3. Kernels start as `initial_kernel` has them.

    With `heads`, (name, size) each, or `features` it returns an Output with them: dense layers on the last
    activations of the whole image, as in StarGAN, and the activations of all hidden layers as "features".

    >>> d, x, source = Discriminator(width=4, depth=2), jnp.ones((2, 28, 28, 1)), jnp.ones((2, 28, 28, 3))
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, source)[0].shape
    (2, 7, 7)
    """

    width: int = 64
    depth: int = 3
    norm: Norm = "instance"
    axis: str | None = None
    features: bool = False
    heads: Heads = ()

    @nn.compact
    def __call__(self, x: Array, source: Array | None = None, *, train: bool = False) -> Array | Output:
        x, hidden = concatenate_source(x, source), []
        kernel_init = initial_kernel(self.norm)
        for i in range(self.depth + 1):
            width = min(self.width << i, MAX_FACTOR * self.width)
            bias = i == 0 or self.norm not in ("batch", "instance")  # which have a bias
            if i < self.depth:
                x = call_layer(Conv(width, bias, kernel_init), x, self.norm, train)
            else:
                last = nn.Conv(width, (4, 4), use_bias=bias, kernel_init=kernel_init)
                x = call_layer(last, x, self.norm, train)
            if i:
                x = normalise(x, self.norm, self.axis, train)
            x = nn.leaky_relu(x, 0.2)
            hidden.append(x)
        last = nn.Conv(1, (4, 4), kernel_init=kernel_init)
        logits = call_layer(last, at_least_float32(x), self.norm, train)[..., 0]
        features = hidden if self.features else None
        return with_heads(
            logits, x.reshape(x.shape[0], -1), self.heads, features, self.norm, train, kernel_init
        )


class MultiScale(nn.Module):
    """A patch discriminator at each of `scales`, halved by 2x2 average pooling from one to the next (Wang et
    al., 2018) -> logits ([B, h, w], [B, h/2, w/2], ...), the finest first.

    They share no parameters. With `features` it returns an Output with a tuple of features for each scale.

    >>> d = MultiScale(scales=2, width=4, depth=1)
    >>> logits, _ = jax.eval_shape(d.init_with_output, jax.random.key(0), jnp.ones((2, 32, 32, 3)))
    >>> [logit.shape for logit in logits]
    [(2, 16, 16), (2, 8, 8)]
    """

    scales: int = 3
    width: int = 64
    depth: int = 3
    norm: Norm = "instance"
    axis: str | None = None
    features: bool = False

    @nn.compact
    def __call__(
        self, x: Array, source: Array | None = None, *, train: bool = False
    ) -> tuple[Array, ...] | Output:
        x = concatenate_source(x, source)
        if self.scales < 1 or min(x.shape[1:3]) >> (self.scales - 1) < 1:
            most = min(x.shape[1:3]).bit_length()
            raise Refused(f"images {x.shape[1:3]} allow 1 to {most} scales, not {self.scales}: set scales=")
        outputs = []
        for i in range(self.scales):
            if i:
                x = split_2x2(x).mean(axis=(2, 4))
            scale = Discriminator(self.width, self.depth, self.norm, self.axis, self.features)
            outputs.append(as_output(scale(x, train=train)))
        logits = tuple(output.logit for output in outputs)
        if not self.features:
            return logits
        return Output(logits, {"features": tuple(output.heads["features"] for output in outputs)})


def concatenate_source(x: Array, source: Array | None) -> Array:
    """Concatenates the channels of two images: [B, H, W, C] and [B, H, W, S] -> [B, H, W, C + S].

    >>> concatenate_source(jnp.ones((2, 8, 8, 1)), jnp.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 4)
    """
    if source is None:
        return x
    if source.shape[:3] != x.shape[:3]:
        raise Refused(
            f"an image {x.shape[1:]} and its source {source.shape[1:]} must have the same height and width"
        )
    return jnp.concatenate([x, source.astype(x.dtype)], axis=-1)
