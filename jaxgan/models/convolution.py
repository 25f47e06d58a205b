"""Convolutions that halve or double an image, 4x4 with stride 2, in the form that suits the device.

An accelerator gets XLA's own. On CPU that is slow, and the weight gradient of a transposed one pathological,
so there both are products of matrices, by a short FIR algorithm along both sides (Winograd, 1980): two
outputs of two taps cost three products, not four, and a tile of 2x2 outputs 9, not 16.

CPU time in ms of the value, the gradients of images and of the kernel; batch 64, float32, 2 cores of an AMD
EPYC (Zen 4) shared with other work, malloc told to keep its pages, jax 0.10.2, 2026-11-21:

                          XLA          here
halving   64->128, 32 px  49  50  63   40  41  55
halving  256->512,  8 px  53  49  53   29  28  35
doubling 128->64,  16 px  49  50   -   40  42  46
doubling 512->256,  4 px  44  64   -   34  38  33

Nothing here has a derivative of its own: it is slices, sums and products, so every order and mode of
differentiation, vmap, shard_map and jax.export go through; `doubling` is the adjoint of `halving` as JAX
finds it.
"""

import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

Array = jax.Array
DIMENSIONS = ("NHWC", "HWIO", "NHWC")
FEW = 4  # channels, up to which one product of all 16 taps is cheaper than sums of blocks


def strided_conv(x: Array, kernel: Array) -> Array:
    """A convolution of stride 2, "SAME": [B, H, W, C], kernel [4, 4, C, n] -> [B, H/2, W/2, n], rounded up.

    >>> strided_conv(jnp.ones((2, 6, 5, 3)), jnp.ones((4, 4, 3, 8))).shape
    (2, 3, 3, 8)
    """
    x, kernel = promote_dtype(x, kernel)
    return jax.lax.platform_dependent(x, kernel, cpu=_strided_conv_cpu, default=_strided_conv_xla)


def transposed_conv(x: Array, kernel: Array) -> Array:
    """A transposed convolution of stride 2, "SAME": [B, H, W, C], kernel [4, 4, C, n] -> [B, 2H, 2W, n].

    >>> transposed_conv(jnp.ones((2, 3, 4, 8)), jnp.ones((4, 4, 8, 3))).shape
    (2, 6, 8, 3)
    """
    x, kernel = promote_dtype(x, kernel)
    return jax.lax.platform_dependent(x, kernel, cpu=_transposed_conv_cpu, default=_transposed_conv_xla)


def _strided_conv_xla(x: Array, kernel: Array) -> Array:
    return jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=DIMENSIONS)


def _transposed_conv_xla(x: Array, kernel: Array) -> Array:
    return jax.lax.conv_transpose(x, kernel, (2, 2), "SAME", dimension_numbers=DIMENSIONS)


def _strided_conv_cpu(x: Array, kernel: Array) -> Array:
    c, n = kernel.shape[2:]
    taps = kernel.reshape(2, 2, 2, 2, c, n).transpose(0, 2, 1, 3, 4, 5).reshape(2, 2, 4 * c, n)
    if _as_windows(x):
        return _product(_windows(x), taps.reshape(16 * c, n))
    return _tiled(x, _sums(taps))


def _transposed_conv_cpu(x: Array, kernel: Array) -> Array:
    (b, h, w, n), c = x.shape, kernel.shape[3]
    taps = kernel[::-1, ::-1].reshape(2, 2, 2, 2, n, c).transpose(0, 2, 4, 1, 3, 5).reshape(2, 2, n, 4 * c)

    def halving(image: Array) -> Array:
        if _as_windows(image):
            return _product(_windows(image), taps.swapaxes(2, 3).reshape(16 * c, n))
        return _tiled(image, [[matrix.T for matrix in row] for row in _sums(taps)])

    # only its type is looked at; that tells shard_map too over which devices it varies
    image = jnp.broadcast_to(x[0, 0, 0, 0] + kernel[0, 0, 0, 0], (b, 2 * h, 2 * w, c))
    return jax.linear_transpose(halving, image)(x)[0]


def _as_windows(x: Array) -> bool:
    """Whether sums of blocks do not pay, or would lose what precision bfloat16 has."""
    return x.shape[-1] <= FEW or x.dtype.itemsize < 4


def _blocks(x: Array, h: int, w: int) -> Array:
    """[B, H, W, C] -> [B, h, w, 4C]: 2x2 blocks of pixels as channels, after one row and column of zeros."""
    b, height, width, c = x.shape
    x = jnp.pad(x, ((0, 0), (1, 2 * h - 1 - height), (1, 2 * w - 1 - width), (0, 0)))
    return x.reshape(b, h, 2, w, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(b, h, w, 4 * c)


def _windows(x: Array) -> Array:
    """What each output sees: [B, H, W, C] -> [B, H/2, W/2, 16C], two by two blocks."""
    h, w = -(-x.shape[1] // 2), -(-x.shape[2] // 2)
    blocks = _blocks(x, h + 1, w + 1)
    return jnp.concatenate([blocks[:, i : i + h, j : j + w] for i in (0, 1) for j in (0, 1)], axis=-1)


def _sums(taps: Array) -> list[list[Array]]:
    """What tiles are multiplied with, 3x3 matrices: along each side tap 0, both, tap 1."""
    return [[row[0], row[0] + row[1], row[1]] for row in (taps[0], taps[0] + taps[1], taps[1])]


def _tiled(x: Array, matrices: list[list[Array]]) -> Array:
    """[B, H, W, C] -> [B, H/2, W/2, n] by tiles of 2x2 outputs, which see 3x3 blocks.

    Along a side, blocks p, q, r and taps f, g make the two outputs of a tile,
    fp + gq = f(p - q) + (f + g)q and fq + gr = (f + g)q - g(q - r).
    """
    h, w = -(-x.shape[1] // 2), -(-x.shape[2] // 2)
    rows, columns = -(-h // 2), -(-w // 2)

    def seen(x: Array, axis: int) -> tuple[Array, Array, Array]:
        p, q, r = (jax.lax.slice_in_dim(x, i, x.shape[axis] - 2 + i, 2, axis) for i in range(3))
        return p - q, q, q - r

    def made(f: Array, both: Array, g: Array) -> tuple[Array, Array]:
        return f + both, both - g

    blocks = _blocks(x, 2 * rows + 1, 2 * columns + 1)
    tiles = [seen(row, axis=2) for row in seen(blocks, axis=1)]
    columned = [made(*map(_product, *pair)) for pair in zip(tiles, matrices, strict=True)]
    left, right = (made(*column) for column in zip(*columned, strict=True))
    y = jnp.stack([jnp.stack(pair, axis=3) for pair in zip(left, right, strict=True)], axis=2)
    return y.reshape(x.shape[0], 2 * rows, 2 * columns, -1)[:, :h, :w]


def _product(x: Array, matrix: Array) -> Array:
    """x @ matrix for x [B, h, w, c]: as a product of matrices, whose gradients XLA makes twice as fast."""
    return (x.reshape(-1, x.shape[-1]) @ matrix).reshape(*x.shape[:-1], matrix.shape[-1])
