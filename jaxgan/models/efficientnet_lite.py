"""EfficientNet-Lite0, for inference only: EfficientNet (Tan & Le, 2019) with ReLU6 and without attention to
channels. Modules have the names that they have in PyTorch's copies of the weights."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

Array = jax.Array

SIDE = 224
CLASSES = 1000


class Stage(NamedTuple):
    """Blocks of one width; the first has the stride."""

    blocks: int
    width: int
    size: int  # of the depthwise kernel
    stride: int
    expansion: int = 6


STAGES = (
    Stage(1, 16, 3, 1, expansion=1),
    Stage(2, 24, 3, 2),
    Stage(2, 40, 5, 2),
    Stage(3, 80, 3, 2),
    Stage(3, 112, 5, 1),
    Stage(4, 192, 5, 2),
    Stage(1, 320, 3, 1),
)


class EfficientNetLite(nn.Module):
    """Images [n, H, W, 3] in 0..255, of any type -> features [n, 1280] and logits [n, 1000].

    It was trained on images of 224 px. Products have full float32 precision on every device.

    >>> images = jnp.zeros((2, 224, 224, 3))
    >>> features, logits = jax.eval_shape(EfficientNetLite().init_with_output, jax.random.key(0), images)[0]
    >>> features.shape, logits.shape
    ((2, 1280), (2, 1000))
    """

    stages: tuple[Stage, ...] = STAGES
    stem: int = 32
    features: int = 1280
    classes: int = CLASSES

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        x = (x.astype(jnp.float32) - 127) / 128
        x = _relu6(_norm("_bn0")(_conv(self.stem, 3, 2, "_conv_stem")(x)))
        number = 0
        for stage in self.stages:
            for i in range(stage.blocks):
                x = Block(stage, stage.stride if i == 0 else 1, name=f"_blocks.{number}")(x)
                number += 1
        x = _relu6(_norm("_bn1")(_conv(self.features, 1, 1, "_conv_head")(x)))
        features = x.mean(axis=(1, 2))
        return features, nn.Dense(self.classes, precision=jax.lax.Precision.HIGHEST, name="_fc")(features)


class Block(nn.Module):
    """Inverted residual: widens by a 1x1 convolution, convolves each channel, narrows (Sandler et al., 2018).

    The input is added where the shape is kept; the narrow output is not rectified.

    >>> block = Block(Stage(1, 8, 5, 2), 2)
    >>> jax.eval_shape(block.init_with_output, jax.random.key(0), jnp.ones((1, 9, 9, 4)))[0].shape
    (1, 5, 5, 8)
    """

    stage: Stage
    stride: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        wide = x.shape[-1] * self.stage.expansion
        h = x
        if self.stage.expansion > 1:
            h = _relu6(_norm("_bn0")(_conv(wide, 1, 1, "_expand_conv")(h)))
        h = _conv(wide, self.stage.size, self.stride, "_depthwise_conv", groups=wide)(h)
        h = _relu6(_norm("_bn1")(h))
        h = _norm("_bn2")(_conv(self.stage.width, 1, 1, "_project_conv")(h))
        return h + x if h.shape == x.shape else h


def _conv(width: int, size: int, stride: int, name: str, groups: int = 1) -> nn.Conv:
    return nn.Conv(
        width,
        (size, size),
        stride,
        feature_group_count=groups,
        use_bias=False,
        precision=jax.lax.Precision.HIGHEST,
        kernel_init=nn.initializers.he_normal(),
        name=name,
    )


def _norm(name: str) -> nn.BatchNorm:
    return nn.BatchNorm(use_running_average=True, epsilon=1e-3, name=name)


def _relu6(x: Array) -> Array:
    return jnp.clip(x, 0, 6)
