"""The networks of UNIT and MUNIT (Liu et al., 2017; Huang et al., 2018): codes of what an image shows, and of
its style."""

import flax.linen as nn
import jax

from jaxgan.errors import Refused
from jaxgan.models.layers import Norm, UpConv, adaptive_instance_norm, call_layer, normalise, reflected_conv

Array = jax.Array
HALVINGS = 2

_kernel_init = nn.initializers.he_normal()


class ContentEncoder(nn.Module):
    """Images [B, H, W, any] -> content codes [B, H/4, W/4, 4 width], for sides divisible by 4.

    A 7x7 convolution to `width` channels, two 4x4 ones of stride 2 that double them, and residual blocks;
    norm and ReLU after each. Instance norm removes each channel's mean and deviation, so that they must come
    from the style (Huang et al., 2018).

    >>> e = ContentEncoder(width=4, blocks=1)
    >>> jax.eval_shape(e.init_with_output, jax.random.key(0), jax.numpy.ones((2, 16, 16, 3)))[0].shape
    (2, 4, 4, 16)
    """

    width: int = 64
    blocks: int = 4
    norm: Norm = "instance"
    axis: str | None = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        x = reflected_conv(_checked(x), self.width, 7, self.norm, train, _kernel_init)
        x = nn.relu(normalise(x, self.norm, self.axis, train))
        for i in range(1, HALVINGS + 1):
            x = nn.relu(normalise(_halved(x, self.width << i, self.norm, train), self.norm, self.axis, train))
        return Residual(self.blocks, self.norm, self.axis)(x, train=train)


class Residual(nn.Module):
    """Residual blocks of two 3x3 convolutions, on codes [B, h, w, C] of any size.

    As a network of its own they are the layers that UNIT's two domains share: the last ones of the encoders
    and the first ones of the decoders.

    >>> blocks, code = Residual(2), jax.numpy.ones((2, 4, 4, 16))
    >>> jax.eval_shape(blocks.init_with_output, jax.random.key(0), code)[0].shape
    (2, 4, 4, 16)
    """

    blocks: int = 1
    norm: Norm = "instance"
    axis: str | None = None

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        def layer(x: Array) -> Array:
            x = reflected_conv(x, x.shape[-1], 3, self.norm, train, _kernel_init)
            return normalise(x, self.norm, self.axis, train)

        for _ in range(self.blocks):
            x = x + layer(nn.relu(layer(x)))
        return x


class StyleEncoder(nn.Module):
    """Images [B, H, W, any] -> style codes [B, size].

    The convolutions of `ContentEncoder`, without norm, which would remove the style; ReLU; the mean over
    pixels; one dense layer (Huang et al., 2018).

    >>> e = StyleEncoder(8, width=4)
    >>> jax.eval_shape(e.init_with_output, jax.random.key(0), jax.numpy.ones((2, 16, 16, 3)))[0].shape
    (2, 8)
    """

    size: int = 8
    width: int = 64

    @nn.compact
    def __call__(self, x: Array, *, train: bool = False) -> Array:
        x = nn.relu(reflected_conv(_checked(x), self.width, 7, "none", train, _kernel_init))
        for i in range(1, HALVINGS + 1):
            x = nn.relu(_halved(x, self.width << i, "none", train))
        return nn.Dense(self.size)(x.mean(axis=(1, 2)))


class Decoder(nn.Module):
    """Content codes [B, h, w, C], and style codes [B, n] if given -> images [B, 4h, 4w, channels] in (-1, 1).

    Residual blocks, normalised by AdaIN with a style: its deviations, as 1 + d, and means are the output of
    an MLP of two hidden layers (Huang et al., 2018); else by `norm`. Then two upsamplings that halve the
    channels, with layer norm, since instance norm would remove the style again, and ReLU; a 7x7 convolution;
    tanh.

    >>> g, style = Decoder(channels=3, blocks=1), jax.numpy.ones((2, 8))
    >>> content = jax.numpy.ones((2, 4, 4, 16))
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), content, style)[0].shape
    (2, 16, 16, 3)
    """

    channels: int = 3
    blocks: int = 4
    norm: Norm = "instance"
    hidden: int = 64
    axis: str | None = None

    @nn.compact
    def __call__(self, content: Array, style: Array | None = None, *, train: bool = False) -> Array:
        x, width = content, content.shape[-1]
        if style is None:
            x = Residual(self.blocks, self.norm, self.axis)(x, train=train)
        else:
            h = style
            for _ in range(2):
                h = nn.relu(nn.Dense(self.hidden)(h))
            moments = nn.Dense(self.blocks * 4 * width)(h).reshape(-1, self.blocks, 2, 2, width)
            for i in range(self.blocks):
                branch = x
                for j in range(2):
                    branch = reflected_conv(branch, width, 3, "none", train, _kernel_init)
                    deviation, mean = moments[:, i, j, 0], moments[:, i, j, 1]
                    branch = adaptive_instance_norm(branch, 1 + deviation, mean)
                    branch = branch if j else nn.relu(branch)
                x = x + branch
        for i in range(1, HALVINGS + 1):
            x = UpConv(max(width >> i, 1), kernel_init=_kernel_init)(x)
            x = nn.relu(nn.LayerNorm(reduction_axes=(1, 2, 3), feature_axes=-1)(x))
        return nn.tanh(reflected_conv(x, self.channels, 7, "none", train, nn.initializers.lecun_normal()))


def _halved(x: Array, width: int, norm: Norm, train: bool) -> Array:
    return call_layer(nn.Conv(width, (4, 4), (2, 2), kernel_init=_kernel_init), x, norm, train)


def _checked(x: Array) -> Array:
    if any(side % (1 << HALVINGS) or side < 8 for side in x.shape[1:3]):
        raise Refused(f"codes need images with sides divisible by 4 and of 8 px or more, not {x.shape[1:]}")
    return x
