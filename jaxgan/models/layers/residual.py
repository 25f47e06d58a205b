"""Widths of the residual networks of SNGAN and BigGAN, by the side of their images."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers.sides import doublings, square_side, valid_sides

Array = jax.Array
RESIDUAL_SIDES = valid_sides(128)
MAX_FLAT_SIDE = 32  # of images whose networks have constant width
MAX_FACTOR = 16  # of the channels, relative to `width`


def generator_widths(side: int, width: int) -> tuple[int, list[int]]:
    """Returns the generator's base side, and its channels there and after every doubling."""
    k = side.bit_length() - 3
    return side >> k, [
        width if side <= MAX_FLAT_SIDE else min(width << i, MAX_FACTOR * width) for i in range(k, -1, -1)
    ]


def discriminator_blocks(side: int, width: int) -> list[tuple[int, int]]:
    """Returns the (side, channels) of the output of each block of the discriminator."""
    if side <= MAX_FLAT_SIDE:
        return [(side // 2, width)] + [(side // 4, width)] * 3
    blocks: list[tuple[int, int]] = []
    while side > 4 and side % 2 == 0:
        side //= 2
        blocks.append((side, min(width << len(blocks), MAX_FACTOR * width)))
    return [*blocks, (side, min(width << len(blocks), MAX_FACTOR * width))]


def check_attention(attention: int, sides: list[int]) -> None:
    """Raises Refused for attention at a side at which no block ends."""
    if attention and attention not in sides:
        allowed = ", ".join(map(str, sorted(set(sides))))
        raise Refused(f"no block ends at {attention} px, so there can be no attention: only at {allowed}")


def check_generator(shape: tuple[int, ...], width: int, attention: int, name: str) -> None:
    """Raises Refused for images that these generators cannot make, or attention where they have none."""
    doublings(square_side(shape, name), name, RESIDUAL_SIDES)
    base, widths = generator_widths(shape[0], width)
    check_attention(attention, [base << i for i in range(1, len(widths))])


def discriminator_stages(
    shape: tuple[int, ...], width: int, attention: int, name: str
) -> list[tuple[int, int]]:
    """Returns the (side, channels) after each stage of the discriminator, checked as in `check_generator`."""
    doublings(square_side(shape, name, packed=True), name, RESIDUAL_SIDES)
    stages = discriminator_blocks(shape[0], width)
    check_attention(attention, [side for side, _ in stages])
    return stages


def embed(classes: int, size: int, label: Array | None, dtype: jnp.dtype) -> list[Array]:
    """Returns the embedding [B, size] of the labels, as a list that is empty without labels.

    Must be called inside a compact module, which gets the table.
    """
    if label is None:
        return []
    table = nn.Embed(classes, size, embedding_init=nn.initializers.orthogonal(), name="embedding")
    return [table(label).astype(dtype)]
