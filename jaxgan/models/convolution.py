"""4x4 convolutions of stride 2 and their transposes, in the form that is fast on the device.

Accelerators use XLA's convolutions. On CPU these are slow, and the kernel gradient of a transposed one is
pathological, so both are matrix products there, by a short FIR algorithm along both axes (Winograd, 1980):
two outputs of two taps cost three products, not four, and a tile of 2x2 outputs 9, not 16.

CPU time in ms of the value, the gradient of the images and that of the kernel; batch 64, float32, 2 cores of
an AMD EPYC (Zen 4) shared with other work, malloc set to keep its pages, jax 0.10.2, 2026-11-21:

                            XLA          here
strided     64->128, 32 px  49  50  63   40  41  55
strided    256->512,  8 px  53  49  53   29  28  35
transposed 128->64,  16 px  49  50   -   40  42  46
transposed 512->256,  4 px  44  64   -   34  38  33

There are no custom derivatives, only slices, sums and products, so every order and mode of differentiation,
vmap, shard_map and jax.export work. JAX derives `transposed_conv` as the adjoint of `strided_conv`.
"""

import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

Array = jax.Array
DIMENSIONS = ("NHWC", "HWIO", "NHWC")
MAX_WINDOW_CHANNELS = 4  # up to which one product of all 16 taps is cheaper than tiles


def strided_conv(x: Array, kernel: Array) -> Array:
    """Convolution of stride 2, "SAME": [B, H, W, C], kernel [4, 4, C, n] -> [B, H/2, W/2, n], rounded up.

    >>> strided_conv(jnp.ones((2, 6, 5, 3)), jnp.ones((4, 4, 3, 8))).shape
    (2, 3, 3, 8)
    """
    x, kernel = promote_dtype(x, kernel)
    return jax.lax.platform_dependent(x, kernel, cpu=_strided_conv_cpu, default=_strided_conv_xla)


def transposed_conv(x: Array, kernel: Array) -> Array:
    """Transposed convolution of stride 2, "SAME": [B, H, W, C], kernel [4, 4, C, n] -> [B, 2H, 2W, n].

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
    if _use_windows(x):
        return _matmul(_windows(x), taps.reshape(16 * c, n))
    return _tiled_conv(x, _tile_matrices(taps))


def _transposed_conv_cpu(x: Array, kernel: Array) -> Array:
    (b, h, w, n), c = x.shape, kernel.shape[3]
    taps = kernel[::-1, ::-1].reshape(2, 2, 2, 2, n, c).transpose(0, 2, 4, 1, 3, 5).reshape(2, 2, n, 4 * c)

    def conv(image: Array) -> Array:
        if _use_windows(image):
            return _matmul(_windows(image), taps.swapaxes(2, 3).reshape(16 * c, n))
        return _tiled_conv(image, [[matrix.T for matrix in row] for row in _tile_matrices(taps)])

    # linear_transpose uses the type only, which for shard_map includes the mesh axes that it varies over
    image = jnp.broadcast_to(x[0, 0, 0, 0] + kernel[0, 0, 0, 0], (b, 2 * h, 2 * w, c))
    return jax.linear_transpose(conv, image)(x)[0]


def _use_windows(x: Array) -> bool:
    """Whether tiles would be slower, or lose too much precision (bfloat16)."""
    return x.shape[-1] <= MAX_WINDOW_CHANNELS or x.dtype.itemsize < 4


def _blocks(x: Array, h: int, w: int) -> Array:
    """[B, H, W, C] -> [B, h, w, 4C]: 2x2 blocks of pixels as channels, after one row and column of zeros."""
    b, height, width, c = x.shape
    x = jnp.pad(x, ((0, 0), (1, 2 * h - 1 - height), (1, 2 * w - 1 - width), (0, 0)))
    return x.reshape(b, h, 2, w, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(b, h, w, 4 * c)


def _windows(x: Array) -> Array:
    """Returns the 4x4 inputs of each output: [B, H, W, C] -> [B, H/2, W/2, 16C]."""
    h, w = -(-x.shape[1] // 2), -(-x.shape[2] // 2)
    blocks = _blocks(x, h + 1, w + 1)
    return jnp.concatenate([blocks[:, i : i + h, j : j + w] for i in (0, 1) for j in (0, 1)], axis=-1)


def _tile_matrices(taps: Array) -> list[list[Array]]:
    """Returns the 3x3 matrices that tiles are multiplied with: along each axis tap 0, the sum, tap 1."""
    return [[row[0], row[0] + row[1], row[1]] for row in (taps[0], taps[0] + taps[1], taps[1])]


def _tiled_conv(x: Array, matrices: list[list[Array]]) -> Array:
    """[B, H, W, C] -> [B, H/2, W/2, n] by tiles of 2x2 outputs, which need 3x3 blocks.

    Along an axis, blocks p, q, r and taps f, g make the two outputs of a tile,
    fp + gq = f(p - q) + (f + g)q and fq + gr = (f + g)q - g(q - r).
    """
    h, w = -(-x.shape[1] // 2), -(-x.shape[2] // 2)
    rows, columns = -(-h // 2), -(-w // 2)

    def inputs(x: Array, axis: int) -> tuple[Array, Array, Array]:
        p, q, r = (jax.lax.slice_in_dim(x, i, x.shape[axis] - 2 + i, 2, axis) for i in range(3))
        return p - q, q, q - r

    def outputs(f: Array, both: Array, g: Array) -> tuple[Array, Array]:
        return f + both, both - g

    blocks = _blocks(x, 2 * rows + 1, 2 * columns + 1)
    tiles = [inputs(row, axis=2) for row in inputs(blocks, axis=1)]
    by_column = [outputs(*map(_matmul, *pair)) for pair in zip(tiles, matrices, strict=True)]
    left, right = (outputs(*column) for column in zip(*by_column, strict=True))
    y = jnp.stack([jnp.stack(pair, axis=3) for pair in zip(left, right, strict=True)], axis=2)
    return y.reshape(x.shape[0], 2 * rows, 2 * columns, -1)[:, :h, :w]


def _matmul(x: Array, matrix: Array) -> Array:
    """x @ matrix for x [B, h, w, c], as a product of matrices, whose gradients are twice as fast in XLA."""
    return (x.reshape(-1, x.shape[-1]) @ matrix).reshape(*x.shape[:-1], matrix.shape[-1])


def grouped_conv(x: Array, kernel: Array) -> Array:
    """A convolution in groups of channels, "SAME": [B, H, W, C], [h, w, C/groups, n] -> [B, H, W, n].

    On CPU it is one convolution per group, because XLA's gradient of a grouped one is pathological: forward
    and backward, 512 channels in 32 groups, 16 px, batch 16, float32, 2 cores, jax 0.10.2, 5666 ms against
    35 ms; 128 in 8 groups at 32 px, 2053 against 33. Compilation takes longer: 3 s for 32 groups.

    >>> grouped_conv(jnp.ones((2, 5, 5, 8)), jnp.ones((3, 3, 4, 6))).shape
    (2, 5, 5, 6)
    """
    groups = x.shape[-1] // kernel.shape[2]

    def native(x: Array, kernel: Array, groups: int = groups) -> Array:
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=DIMENSIONS, feature_group_count=groups
        )

    def per_group(x: Array, kernel: Array) -> Array:
        pairs = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1), strict=True)
        return jnp.concatenate([native(x, kernel, 1) for x, kernel in pairs], axis=-1)

    return jax.lax.platform_dependent(x, kernel, cpu=per_group, default=native)
