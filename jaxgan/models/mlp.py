"""Multilayer perceptrons, for 2-D data and small images."""

from collections.abc import Callable
from math import prod

import flax.linen as nn
import jax

from jaxgan.models.layers import Dropout, Heads, Initializer, Logit, Norm, call_layer, normalise, with_heads
from jaxgan.parts.output import Output

Array = jax.Array
Activation = Callable[[Array], Array]


def scaled_sigmoid(x: Array) -> Array:
    """Returns 2 sigmoid(x) - 1, for the images of sigmoid networks in [-1, 1].

    >>> float(scaled_sigmoid(jax.numpy.zeros(())))
    0.0
    """
    return 2 * nn.sigmoid(x) - 1


def identity(x: Array) -> Array:
    """Returns x: the last layer of a generator of unbounded data."""
    return x


class Generator(nn.Module):
    """z [B, n] -> [B, *shape]: for each width dense, norm, activation; then dense and `final`.

    With `pieces` k > 1 the activation is maxout: the largest of k dense outputs (Goodfellow et al., 2013).

    >>> g = Generator(shape=(8, 8, 1), widths=(16, 16), norm="batch")
    >>> g.init_with_output(jax.random.key(0), jax.numpy.ones((4, 32)))[0].shape
    (4, 8, 8, 1)
    """

    shape: tuple[int, ...]
    widths: tuple[int, ...] = (128, 128)
    activation: Activation = nn.relu
    final: Activation = nn.tanh  # `identity` for unbounded data, `scaled_sigmoid` for a sigmoid network
    pieces: int = 1
    norm: Norm = "none"
    momentum: float = 0.9  # of BatchNorm
    kernel_init: Initializer = nn.initializers.lecun_normal()
    axis: str | None = None

    @nn.compact
    def __call__(self, z: Array, *, train: bool = False) -> Array:
        for width in self.widths:
            z = _hidden(self, z, width, train)
        z = call_layer(nn.Dense(prod(self.shape), kernel_init=self.kernel_init), z, self.norm, train)
        return self.final(z).reshape(z.shape[0], *self.shape)


class Discriminator(nn.Module):
    """x [B, ...], flattened -> logits [B]: for each width dense, norm, activation, dropout; then the logit.

    With `pieces` k > 1 the activation is maxout; with `classes` labels are projected onto the features. With
    `heads`, (name, size) each, or `features` it returns an Output with them: dense layers on the features of
    the logit, and the activations of all hidden layers, before dropout, as "features". `across` is a layer
    between examples before the logit, such as `layers.MinibatchStd(4)`.

    >>> d = Discriminator(widths=(16,), activation=nn.leaky_relu, norm="spectral")
    >>> d.init_with_output(jax.random.key(0), jax.numpy.ones((4, 8, 8, 1)))[0].shape
    (4,)
    >>> d = Discriminator(widths=(16,), heads=(("class", 10),), features=True)
    >>> output, _ = d.init_with_output(jax.random.key(0), jax.numpy.ones((4, 2)))
    >>> output.logit.shape, output.heads["class"].shape, output.heads["features"][0].shape
    ((4,), (4, 10), (4, 16))
    """

    widths: tuple[int, ...] = (128, 128)
    activation: Activation = nn.relu
    pieces: int = 1
    norm: Norm = "none"
    momentum: float = 0.9
    dropout: float = 0.0
    classes: int = 0
    kernel_init: Initializer = nn.initializers.lecun_normal()
    axis: str | None = None
    heads: Heads = ()
    features: bool = False
    across: nn.Module | None = None

    @nn.compact
    def __call__(
        self, x: Array, label: Array | None = None, *, key: Array | None = None, train: bool = False
    ) -> Array | Output:
        x, hidden = x.reshape(x.shape[0], -1), []
        for width in self.widths:
            hidden.append(_hidden(self, x, width, train))
            x = Dropout(self.dropout)(hidden[-1], key, train)
        if self.across is not None:
            x = self.across(x, train)
        logit = Logit(self.classes, self.norm, self.kernel_init)(x, label, train)
        features = hidden if self.features else None
        return with_heads(logit, x, self.heads, features, self.norm, train, self.kernel_init)


def _hidden(module: Generator | Discriminator, x: Array, width: int, train: bool) -> Array:
    dense = nn.Dense(width * module.pieces, kernel_init=module.kernel_init)
    x = call_layer(dense, x, module.norm, train)
    x = normalise(x, module.norm, module.axis, train, module.momentum)
    if module.pieces > 1:  # the pieces of a unit are `width` apart, so that the maximum is over rows
        return x.reshape(x.shape[0], module.pieces, width).max(axis=1)
    return module.activation(x)
