"""InceptionV3 as used by FID: the graph of 2015-12-05, for inference only (Szegedy et al., 2016).

It differs from the paper's network: average pooling excludes the zero padding, the last block uses max
pooling, and there are 1008 classes. FID is defined by it (Heusel et al., 2017). Modules have the names that
they have in PyTorch's copies of the weights.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

Array = jax.Array
Size = tuple[int, int]

SIDE = 299
CLASSES = 1008


class InceptionV3(nn.Module):
    """Images [n, 299, 299, 3] in 0..255, of any type -> features [n, 2048] and logits [n, 1008].

    The logits have no bias, as in the original Inception score (Salimans et al., 2016). Products have full
    float32 precision on every device. Images of 75 px or more work too, with other features.

    >>> images = jnp.zeros((2, 299, 299, 3))
    >>> features, logits = jax.eval_shape(InceptionV3().init_with_output, jax.random.key(0), images)[0]
    >>> features.shape, logits.shape
    ((2, 2048), (2, 1008))
    """

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        x = (x.astype(jnp.float32) - 128) / 128
        x = Conv(32, (3, 3), 2, "VALID", name="Conv2d_1a_3x3")(x)
        x = Conv(32, (3, 3), 1, "VALID", name="Conv2d_2a_3x3")(x)
        x = Conv(64, (3, 3), name="Conv2d_2b_3x3")(x)
        x = nn.max_pool(x, (3, 3), (2, 2))
        x = Conv(80, name="Conv2d_3b_1x1")(x)
        x = Conv(192, (3, 3), 1, "VALID", name="Conv2d_4a_3x3")(x)
        x = nn.max_pool(x, (3, 3), (2, 2))

        x = Mixed(_a(), AVERAGE, 32, name="Mixed_5b")(x)
        x = Mixed(_a(), AVERAGE, 64, name="Mixed_5c")(x)
        x = Mixed(_a(), AVERAGE, 64, name="Mixed_5d")(x)
        x = Mixed(_b(), name="Mixed_6a")(x)
        x = Mixed(_c(128), AVERAGE, 192, name="Mixed_6b")(x)
        x = Mixed(_c(160), AVERAGE, 192, name="Mixed_6c")(x)
        x = Mixed(_c(160), AVERAGE, 192, name="Mixed_6d")(x)
        x = Mixed(_c(192), AVERAGE, 192, name="Mixed_6e")(x)
        x = Mixed(_d(), name="Mixed_7a")(x)
        x = Mixed(_e(), AVERAGE, 192, name="Mixed_7b")(x)
        x = Mixed(_e(), nn.max_pool, 192, name="Mixed_7c")(x)

        features = x.mean(axis=(1, 2))
        last = nn.Dense(CLASSES, use_bias=False, precision=jax.lax.Precision.HIGHEST, name="fc")
        return features, last(features)


class Conv(nn.Module):
    """Convolution, BatchNorm with its stored moments, ReLU: [n, H, W, C] -> [n, h, w, width].

    >>> conv = Conv(8, (3, 3), 2, "VALID")
    >>> jax.eval_shape(conv.init_with_output, jax.random.key(0), jnp.ones((1, 9, 9, 3)))[0].shape
    (1, 4, 4, 8)
    """

    width: int
    kernel: Size = (1, 1)
    stride: int = 1
    padding: str = "SAME"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        conv = nn.Conv(
            self.width,
            self.kernel,
            self.stride,
            self.padding,
            use_bias=False,
            precision=jax.lax.Precision.HIGHEST,
            kernel_init=nn.initializers.he_normal(),
            name="conv",
        )
        return nn.relu(nn.BatchNorm(use_running_average=True, epsilon=1e-3, name="bn")(conv(x)))


class Layer(NamedTuple):
    """One `Conv` of a branch, without padding if the stride is 2."""

    width: int
    kernel: Size = (1, 1)
    stride: int = 1


Branches = Mapping[str, tuple[Layer | tuple[Layer, Layer], ...]]
"""Sequences of layers by name; a pair of layers is concatenated."""
AVERAGE = partial(nn.avg_pool, count_include_pad=False)


class Mixed(nn.Module):
    """Concatenates the channels of branches and of a 3x3 pooling.

    The pooling is followed by a 1x1 convolution of `pooled` channels; if it is 0, the block halves the side.

    >>> key, x = jax.random.key(0), jnp.ones((1, 9, 9, 4))
    >>> block = Mixed({"a": (Layer(2), (Layer(3, (1, 3)), Layer(3, (3, 1))))}, AVERAGE, 5)
    >>> jax.eval_shape(block.init_with_output, key, x)[0].shape  # 3 + 3 + 5
    (1, 9, 9, 11)
    >>> half = Mixed({"a": (Layer(2, (3, 3), 2),)})
    >>> jax.eval_shape(half.init_with_output, key, x)[0].shape  # 2 + 4
    (1, 4, 4, 6)
    """

    branches: Branches
    pool: Callable[..., Array] = nn.max_pool
    pooled: int = 0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def conv(x: Array, layer: Layer, name: str) -> Array:
            return Conv(*layer, "SAME" if layer.stride == 1 else "VALID", name=name)(x)

        outputs = []
        for name, chain in self.branches.items():
            h = x
            for i, step in enumerate(chain, start=1):
                layer_name = f"{name}_{i}" if len(chain) > 1 else name
                if isinstance(step, Layer):
                    h = conv(h, step, layer_name)
                else:
                    pair = [conv(h, layer, layer_name + ab) for layer, ab in zip(step, "ab", strict=True)]
                    h = jnp.concatenate(pair, axis=-1)
            outputs.append(h)
        if self.pooled:
            pooled = self.pool(x, (3, 3), padding="SAME")
            outputs.append(Conv(self.pooled, name="branch_pool")(pooled))
        else:
            outputs.append(self.pool(x, (3, 3), (2, 2)))
        return jnp.concatenate(outputs, axis=-1)


def _a() -> Branches:
    return {
        "branch1x1": (Layer(64),),
        "branch5x5": (Layer(48), Layer(64, (5, 5))),
        "branch3x3dbl": (Layer(64), Layer(96, (3, 3)), Layer(96, (3, 3))),
    }


def _b() -> Branches:
    return {
        "branch3x3": (Layer(384, (3, 3), 2),),
        "branch3x3dbl": (Layer(64), Layer(96, (3, 3)), Layer(96, (3, 3), 2)),
    }


def _c(n: int) -> Branches:
    wide, tall = (1, 7), (7, 1)
    return {
        "branch1x1": (Layer(192),),
        "branch7x7": (Layer(n), Layer(n, wide), Layer(192, tall)),
        "branch7x7dbl": (Layer(n), Layer(n, tall), Layer(n, wide), Layer(n, tall), Layer(192, wide)),
    }


def _d() -> Branches:
    return {
        "branch3x3": (Layer(192), Layer(320, (3, 3), 2)),
        "branch7x7x3": (Layer(192), Layer(192, (1, 7)), Layer(192, (7, 1)), Layer(192, (3, 3), 2)),
    }


def _e() -> Branches:
    fork = (Layer(384, (1, 3)), Layer(384, (3, 1)))
    return {
        "branch1x1": (Layer(320),),
        "branch3x3": (Layer(384), fork),
        "branch3x3dbl": (Layer(448), Layer(384, (3, 3)), fork),
    }
