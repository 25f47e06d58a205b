"""Normalisation of weights and of activations."""

from collections.abc import Callable
from math import prod
from typing import Any, Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers.weights import Reweighted, WeightNorm

Array = jax.Array

Initializer = Callable[..., Any]

NormName = Literal["batch", "instance", "spectral", "none"]
Norm = NormName | WeightNorm

NORMS: tuple[NormName, ...] = get_args(NormName)


def initial_kernel(norm: Norm) -> Initializer:
    """Returns DCGAN's N(0, 0.02), or He et al.'s (2015) where no norm makes up for the size of that.

    It is small where layers are narrow: at a width of 16 the logits of a discriminator without a norm would
    be next to 0, whatever it sees, and so would their gradients.
    """
    return nn.initializers.he_normal() if norm == "none" else nn.initializers.normal(0.02)


def call_layer(layer: nn.Module, x: Array, norm: Norm, train: bool) -> Array:
    """Returns layer(x), with the weights divided by their largest singular value if `norm` is "spectral".

    One power iteration per call, stored in the collection "spectral" when training (Miyato et al., 2018). It
    runs in float32; the divided weights have x's dtype, or they would promote a bfloat16 layer to float32.
    Flax divides the initial weights too, so `kernel_init` sets their direction, not their size. Any other
    normalisation of weights is a `WeightNorm`, such as `stable_rank(0.5)`.
    """
    if isinstance(norm, WeightNorm):
        return Reweighted(layer, norm)(x, train)
    if norm not in NORMS:
        raise Refused(f"there is no norm {norm!r}: take one of {', '.join(NORMS)}, or a WeightNorm")
    if norm == "spectral":
        dtype = x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else None
        return nn.SpectralNorm(layer, collection_name="spectral", dtype=dtype)(x, update_stats=train)
    return layer(x)


def normalise(
    x: Array,
    norm: Norm,
    axis: str | None,
    train: bool,
    momentum: float = 0.9,
    scale_init: Initializer = nn.initializers.ones,
) -> Array:
    """Normalises x over all axes but the channels if `norm` is "batch" (Ioffe & Szegedy, 2015), over the
    pixels of each image and channel if it is "instance" (Ulyanov et al., 2016); else returns x.

    If the batch is split over a mapped axis, `axis` is its name, so that moments are of the full batch.
    """
    if norm == "instance":
        if prod(x.shape[1:-1]) < 2:
            raise Refused(
                f"instance norm of a single pixel is 0, and this layer's outputs are {x.shape[1:]}: take "
                "another norm, larger images or fewer layers"
            )
        return nn.InstanceNorm(epsilon=1e-5, scale_init=scale_init)(x)
    if norm != "batch":
        return x
    batch_norm = nn.BatchNorm(momentum=momentum, scale_init=scale_init, axis_name=axis)
    return batch_norm(x, use_running_average=not train)


class ConditionalNorm(nn.Module):
    """BatchNorm with a scale and shift for each class (Dumoulin et al., 2017; De Vries et al., 2017).

    x [B, ..., C], label [B]: x_hat scale[label] + shift[label], tables [classes, C] that start as 1 and 0.

    >>> x, label = jnp.ones((4, 8, 8, 3)), jnp.array([0, 1, 2, 0])
    >>> ConditionalNorm(classes=3).init_with_output(jax.random.key(0), x, label)[0].shape
    (4, 8, 8, 3)
    """

    classes: int
    axis: str | None = None
    momentum: float = 0.9

    @nn.compact
    def __call__(self, x: Array, label: Array, train: bool = False) -> Array:
        norm = nn.BatchNorm(momentum=self.momentum, use_scale=False, use_bias=False, axis_name=self.axis)
        x = norm(x, use_running_average=not train)

        def lookup(name: str, init: Initializer) -> Array:
            table = nn.Embed(self.classes, x.shape[-1], embedding_init=init, name=name)
            return table(label).reshape(x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])

        return x * lookup("scale", nn.initializers.ones) + lookup("shift", nn.initializers.zeros)
