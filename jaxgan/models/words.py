"""Networks that read words: an encoder of texts, and a G and D of images that each learn one of their own.

A text is int32 [L]: numbers of a vocabulary, with 0 after its last word. However many zeros follow, no output
changes.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.models.layers import (
    Conv,
    ConvTranspose,
    Norm,
    WordAttention,
    at_least_float32,
    call_layer,
    check_attention,
    doublings,
    normalise,
    square_side,
    valid_sides,
)

Array = jax.Array
SIZES = valid_sides(64)


class Encoder(nn.Module):
    """Texts [B, L] -> (features of each word [B, L, width], a vector of the whole text [B, width]).

    An embedding of each word, `depth` residual convolutions over three neighbouring words, and for the text a
    dense layer of the words' mean: the convolutional half of the encoder of Reed et al., 2016, over words.
    Features of padding are 0.

    >>> text = jnp.array([[3, 5, 2, 0], [4, 0, 0, 0]])
    >>> (words, sentence), _ = Encoder(6, width=8).init_with_output(jax.random.key(0), text)
    >>> words.shape, sentence.shape
    ((2, 4, 8), (2, 8))
    """

    vocabulary: int
    width: int = 64
    depth: int = 2

    @nn.compact
    def __call__(self, text: Array) -> tuple[Array, Array]:
        present = (text > 0)[..., None]
        x = nn.Embed(self.vocabulary, self.width)(text) * present
        for _ in range(self.depth):
            sides = jnp.pad(x, ((0, 0), (1, 1), (0, 0)))
            near = jnp.concatenate([sides[:, :-2], x, sides[:, 2:]], axis=-1)
            x = (x + nn.relu(nn.Dense(self.width)(near))) * present
        mean = x.sum(axis=1) / jnp.maximum(present.sum(axis=1), 1)
        return x, nn.Dense(self.width)(mean)


class Generator(nn.Module):
    """z [B, n], texts [B, L] -> images [B, s, s, channels] in (-1, 1), for s = b 2^k with b in 4..7.

    The latent beside the vector of the text, dense to b x b, then k transposed convolutions that halve the
    channels down to `width` before the last, as in DCGAN. `attention`: the side at which each pixel also gets
    a context of words (AttnGAN; Xu et al., 2018), 0 for none. `words`: the width of the text's encoder.

    >>> g = Generator((16, 16, 3), vocabulary=6, width=4, words=8, attention=8)
    >>> z, text = jnp.ones((2, 5)), jnp.array([[3, 5, 2, 0], [4, 0, 0, 0]])
    >>> jax.eval_shape(g.init_with_output, jax.random.key(0), z, text)[0].shape
    (2, 16, 16, 3)
    """

    shape: tuple[int, ...]
    vocabulary: int
    width: int = 32
    words: int = 64
    attention: int = 0
    norm: Norm = "batch"
    axis: str | None = None

    def __post_init__(self) -> None:
        k = _doublings(self.shape)
        check_attention(self.attention, [self.shape[0] >> i for i in range(1, k + 1)])
        super().__post_init__()

    @nn.compact
    def __call__(self, z: Array, text: Array, *, train: bool = False) -> Array:
        k = _doublings(self.shape)
        base, widths = self.shape[0] >> k, [self.width << i for i in reversed(range(k))]
        words, sentence = Encoder(self.vocabulary, self.words, name="encoder")(text)
        both = jnp.concatenate([z, sentence], axis=-1)
        x = call_layer(nn.Dense(base * base * widths[0]), both, self.norm, train)
        x = x.reshape(len(z), base, base, widths[0])
        for width in (*widths[1:], self.shape[-1]):
            x = nn.relu(normalise(x, self.norm, self.axis, train))
            if x.shape[1] == self.attention:
                x = jnp.concatenate([x, WordAttention(name="attention")(x, words, text > 0)], axis=-1)
            x = call_layer(ConvTranspose(width), x, self.norm, train)
        return nn.tanh(x)


class Discriminator(nn.Module):
    """Images [B, s, s, channels] with texts [B, L] -> logits [B], for the sizes of the generator.

    Strided convolutions down to 4 to 7 px, the vector of the text at every place, a 1x1 convolution and a
    dense layer (GAN-CLS; Reed et al., 2016).

    >>> x, text = jnp.ones((2, 16, 16, 3)), jnp.array([[3, 5, 2, 0], [4, 0, 0, 0]])
    >>> d = Discriminator(vocabulary=6, width=4, words=8)
    >>> jax.eval_shape(d.init_with_output, jax.random.key(0), x, text)[0].shape
    (2,)
    """

    vocabulary: int
    width: int = 32
    words: int = 64
    norm: Norm = "none"
    axis: str | None = None

    @nn.compact
    def __call__(self, x: Array, text: Array, *, train: bool = False) -> Array:
        for i in range(_doublings(x.shape[1:], packed=True)):
            x = call_layer(Conv(self.width << i), x, self.norm, train)
            if i:
                x = normalise(x, self.norm, self.axis, train)
            x = nn.leaky_relu(x, 0.2)
        sentence = Encoder(self.vocabulary, self.words, name="encoder")(text)[1]
        everywhere = jnp.broadcast_to(sentence[:, None, None], (*x.shape[:3], self.words))
        x = jnp.concatenate([x, everywhere], axis=-1)
        x = nn.leaky_relu(call_layer(nn.Dense(x.shape[-1] // 2), x, self.norm, train), 0.2)
        h = at_least_float32(x.reshape(len(x), -1))
        return call_layer(nn.Dense(1), h, self.norm, train)[:, 0]


def _doublings(shape: tuple[int, ...], packed: bool = False) -> int:
    return doublings(square_side(shape, "this network of words", packed), "this network of words", SIZES)
