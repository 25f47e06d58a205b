"""Small convolutional networks as in tutorials, for images of about 28 px."""

import flax.linen as nn
import jax

from jaxgan.errors import Refused
from jaxgan.models.layers import ConvTranspose, Dropout, Heads, Logit, Norm, call_layer, normalise, with_heads
from jaxgan.parts.output import Output

Array = jax.Array


class Generator(nn.Module):
    """z [B, n] -> images [B, s, s, channels] in (-1, 1), for s divisible by 4.

    Dense to s/4 x s/4 x 128, a transposed convolution to 64 channels at s/2, another to the image at s; norm
    and ReLU between them, tanh at the end.

    >>> g = Generator(shape=(28, 28, 1))
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), jax.numpy.ones((2, 16)))[0].shape
    (2, 28, 28, 1)
    """

    shape: tuple[int, ...] = (28, 28, 1)
    norm: Norm = "batch"
    axis: str | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or self.shape[0] != self.shape[1]:
            raise Refused(f"this generator makes square images (side, side, channels), not {self.shape}")
        if self.shape[0] < 4 or self.shape[0] % 4:
            low = self.shape[0] // 4 * 4
            nearest = " or ".join(str(side) for side in (low, low + 4) if side)
            raise Refused(
                f"the side of the images must be divisible by 4, not {self.shape[0]}: take {nearest}"
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, *, train: bool = False) -> Array:
        base, channels = self.shape[0] // 4, self.shape[2]
        x = call_layer(nn.Dense(base * base * 128), z, self.norm, train).reshape(z.shape[0], base, base, 128)
        x = nn.relu(normalise(x, self.norm, self.axis, train))
        x = call_layer(ConvTranspose(64), x, self.norm, train)
        x = nn.relu(normalise(x, self.norm, self.axis, train))
        return nn.tanh(call_layer(ConvTranspose(channels), x, self.norm, train))


class Discriminator(nn.Module):
    """Images [B, h, w, channels] -> logits [B]: 3x3 convolutions of stride 2, one dense layer, the logit.

    Norm after all layers but the first, then LeakyReLU and dropout. With `heads`, (name, size) each, or
    `features` it returns an Output, like `mlp.Discriminator`.

    >>> d = Discriminator(widths=(8, 16), dense=32)
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), jax.numpy.ones((2, 28, 28, 1)))[0].shape
    (2,)
    """

    widths: tuple[int, ...] = (32, 64)
    dense: int = 128
    slope: float = 0.2  # of LeakyReLU; 0 is ReLU
    norm: Norm = "none"
    dropout: float = 0.0
    classes: int = 0
    axis: str | None = None
    heads: Heads = ()
    features: bool = False

    @nn.compact
    def __call__(
        self, x: Array, label: Array | None = None, *, key: Array | None = None, train: bool = False
    ) -> Array | Output:
        hidden = []
        layers = [nn.Conv(width, (3, 3), (2, 2)) for width in self.widths] + [nn.Dense(self.dense)]
        for i, layer in enumerate(layers):
            if i == len(self.widths):
                x = x.reshape(x.shape[0], -1)
            x = call_layer(layer, x, self.norm, train)
            if i:
                x = normalise(x, self.norm, self.axis, train)
            hidden.append(nn.leaky_relu(x, self.slope))
            x = Dropout(self.dropout)(hidden[-1], key, train)
        x = x.reshape(x.shape[0], -1)
        logit = Logit(self.classes, self.norm)(x, label, train)
        return with_heads(logit, x, self.heads, hidden if self.features else None, self.norm, train)
