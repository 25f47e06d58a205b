import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from jaxgan.models.convolution import strided_conv, transposed_conv

KEY = jax.random.key(0)


def conv(x, kernel):
    return nn.Conv(kernel.shape[3], (4, 4), (2, 2), use_bias=False).apply({"params": {"kernel": kernel}}, x)


def conv_transpose(x, kernel):
    layer = nn.ConvTranspose(kernel.shape[3], (4, 4), (2, 2), use_bias=False)
    return layer.apply({"params": {"kernel": kernel}}, x)


PAIRS = [(strided_conv, conv), (transposed_conv, conv_transpose)]
SHAPE = 2, 5, 6, 5, 7  # batch, height, width, channels in and out: enough for tiles
CASES = [
    (strided_conv, conv, SHAPE),
    (strided_conv, conv, (2, 6, 5, 3, 8)),  # by windows
    (transposed_conv, conv_transpose, SHAPE),
    (transposed_conv, conv_transpose, (2, 3, 4, 8, 3)),  # by windows
]


def close(got, expected, within=2e-6):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        assert jnp.linalg.norm(a - b) <= within * jnp.linalg.norm(b)


def inputs(shape):
    b, h, w, c, n = shape
    return jax.random.normal(KEY, (b, h, w, c)), 0.1 * jax.random.normal(jax.random.key(1), (4, 4, c, n))


def orders(f):
    """(x, kernel) -> value, gradient, and the gradient of a penalty on the gradient."""

    def loss(x, kernel):
        return jnp.sin(f(x, kernel)).sum()

    def penalty(x, kernel):
        return sum(jnp.square(g).sum() for g in jax.grad(loss, (0, 1))(x, kernel))

    return jax.jit(lambda x, k: (f(x, k), jax.grad(loss, (0, 1))(x, k), jax.grad(penalty, (0, 1))(x, k)))


@pytest.mark.parametrize(("ours", "theirs", "shape"), CASES)
def test_value_gradient_and_gradient_of_gradient_equal_flax(ours, theirs, shape):
    x, kernel = inputs(shape)
    close(orders(ours)(x, kernel), orders(theirs)(x, kernel))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_the_smallest_images(ours, theirs):
    x, kernel = inputs((2, 1, 2, 6, 5))
    close(jax.jit(ours)(x, kernel), jax.jit(theirs)(x, kernel))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_forward_mode_and_forward_over_reverse(ours, theirs):
    x, kernel = inputs(SHAPE)

    def products(f):
        def gradient(*args):
            return jax.grad(lambda x, k: jnp.sin(f(x, k)).sum(), (0, 1))(*args)

        return jax.jit(lambda *args: (jax.jvp(f, args, args), jax.jvp(gradient, args, args)))

    close(products(ours)(x, kernel), products(theirs)(x, kernel))


@pytest.mark.parametrize("ours", [strided_conv, transposed_conv])
def test_vmapped_kernels_equal_a_loop_over_kernels(ours):
    x, kernel = inputs(SHAPE)
    kernels = jnp.stack([kernel, -2 * kernel, kernel**2])
    gradient = jax.jit(jax.grad(lambda x, k: jnp.sin(ours(x, k)).sum(), (0, 1)))
    vmapped = jax.jit(jax.vmap(gradient, (None, 0)))(x, kernels)
    looped = [gradient(x, kernel) for kernel in kernels]
    close(vmapped, jax.tree.map(lambda *leaves: jnp.stack(leaves), *looped))


@pytest.mark.parametrize("ours", [strided_conv, transposed_conv])
def test_two_devices_give_the_same_as_one(ours):
    x, kernel = inputs(SHAPE)
    mesh = jax.make_mesh((2,), ("d",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])

    def gradient(x, kernel):  # shard_map sums that of the kernel over devices
        return jax.grad(lambda x, k: jnp.sin(ours(x, k)).sum(), (0, 1))(x, kernel)

    split = jax.shard_map(gradient, mesh=mesh, in_specs=(P("d"), P()), out_specs=(P("d"), P()))
    close(jax.jit(split)(x, kernel), jax.jit(gradient)(x, kernel))


@pytest.mark.parametrize("ours", [strided_conv, transposed_conv])
def test_each_platform_lowers_to_its_own_form_only(ours):
    traced = jax.jit(orders(ours)).trace(*inputs(SHAPE))
    for platform, has, lacks in [
        ("cpu", "dot_general", "convolution"),
        ("cuda", "convolution", "dot_general"),
        ("tpu", "convolution", "dot_general"),
    ]:
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        assert f"stablehlo.{has}" in text
        assert f"stablehlo.{lacks}" not in text


@pytest.mark.parametrize("ours", [strided_conv, transposed_conv])
def test_export_for_all_platforms_and_any_batch(ours):
    x, kernel = inputs(SHAPE)
    (b,) = jax.export.symbolic_shape("b")
    shapes = jax.ShapeDtypeStruct((b, *x.shape[1:]), x.dtype), kernel
    exported = jax.export.export(jax.jit(ours), platforms=("cpu", "cuda", "tpu"))(*shapes)
    loaded = jax.export.deserialize(bytearray(exported.serialize()))
    close(loaded.call(x, kernel), ours(x, kernel))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_bfloat16_stays_bfloat16_with_its_rounding_error_only(ours, theirs):
    x, kernel = inputs(SHAPE)
    y = jax.jit(ours)(x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16))
    assert y.dtype == jnp.bfloat16
    close(y.astype(jnp.float32), jax.jit(theirs)(x, kernel), 0.005)  # tiles would be 0.0066 off
    promoted = jax.eval_shape(ours, x.astype(jnp.bfloat16), kernel)
    assert promoted.dtype == jnp.float32  # as by Flax


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_double_precision_is_used(ours, theirs):
    with jax.enable_x64():
        x, kernel = (jnp.asarray(np.asarray(a), jnp.float64) for a in inputs(SHAPE))
        close(jax.jit(ours)(x, kernel), jax.jit(theirs)(x, kernel), 1e-14)
