import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models import sngan
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)


def filled(module, *inputs):
    """Variables of the module's shapes, filled at random: variances positive, the rest normal."""
    rng = np.random.default_rng(0)

    def fill(path, leaf):
        x = 0.3 * rng.normal(size=leaf.shape)
        return jnp.asarray(abs(x) if path[-1].key == "var" else x, leaf.dtype)

    return jax.tree.map_with_path(fill, jax.eval_shape(module.init, KEY, *inputs))


def count(module, *inputs):
    variables = jax.eval_shape(module.init, KEY, *inputs)
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize("size", sngan.SIZES)
def test_every_size(size):
    def both(z):
        x, _ = sngan.Generator((size, size, 2), width=2).init_with_output(KEY, z)
        return x, sngan.Discriminator(width=2).init_with_output(KEY, x)[0]

    x, logits = jax.eval_shape(both, jnp.ones((3, 5)))
    assert (x.shape, logits.shape) == ((3, size, size, 2), (3,))


def test_sizes():
    assert {28, 32, 48, 64, 128} < set(sngan.SIZES)


def generator_count(*widths, base, z=128, channels=3):
    """A generator's parameters: dense, per block two norms, 3x3, 3x3, 1x1; norm and 3x3 at the end."""
    total, last = (z + 1) * base**2 * widths[0], widths[0]
    for w in widths[1:]:
        total += 2 * last + (9 * last + 1) * w + 2 * w + (9 * w + 1) * w + (last + 1) * w
        last = w
    return total + 2 * last + (9 * last + 1) * channels


def discriminator_count(*blocks, channels=3):
    """A discriminator's parameters: blocks (inside, outside, learned shortcut), then a dense layer."""
    total, last = 0, channels
    for inside, outside, short in blocks:
        total += (9 * last + 1) * inside + (9 * inside + 1) * outside + short * (last + 1) * outside
        last = outside
    return total + last + 1


def test_parameters_of_the_papers_networks():
    """Table 3 (CIFAR-10), table 5 (STL-10, 48 px) and table 6 (ImageNet, 128 px) of Miyato et al., 2018."""
    z = jnp.ones((2, 128))
    for side, widths, base in [(32, [256] * 4, 4), (48, [512, 256, 128, 64], 6)]:
        g = sngan.Generator((side, side, 3), width=256 if side == 32 else 64)
        assert count(g, z) == generator_count(*widths, base=base)
    big = sngan.Generator((128, 128, 3), width=64)
    assert count(big, z) == generator_count(1024, 1024, 512, 256, 128, 64, base=4)

    def d(side, width):
        return count(sngan.Discriminator(width), jnp.ones((2, side, side, 3)))

    assert d(32, 128) == discriminator_count((128, 128, 1), (128, 128, 1), (128, 128, 0), (128, 128, 0))
    stl = [(64, 64, 1), (64, 128, 1), (128, 256, 1), (256, 512, 1), (512, 1024, 1)]
    assert d(48, 64) == discriminator_count(*stl)
    assert d(128, 64) == discriminator_count(*stl, (1024, 1024, 0))


def test_initialisation():
    def bound(kernel, gain):
        *window, inside, outside = kernel.shape
        return gain * np.sqrt(6 / (np.prod(window) * (inside + outside)))

    g, d = sngan.Generator((8, 8, 3), width=16), sngan.Discriminator(16, 30, norm="none")
    quick = jax.random.key(0, impl="rbg")  # compiles in a tenth of the time

    @jax.jit
    def init(z):
        return g.init(quick, z), d.init(quick, jnp.ones((2, 8, 8, 3)), jnp.arange(2))

    initial = init(jnp.ones((2, 50)))
    for path, leaf in [
        pair for variables in initial for pair in jax.tree.leaves_with_path(variables["params"])
    ]:
        names = [key.key for key in path]
        if names[-1] in ("kernel", "embedding"):
            branch = "block" in names[0] and "short" not in names
            top = bound(leaf, np.sqrt(2) if branch else 1)
            assert abs(leaf).max() <= top, names
            assert leaf.size < 100 or abs(leaf).max() > 0.95 * top, names
        else:
            assert (leaf == (names[-1] == "scale")).all()


def nearest(x):
    return jax.image.resize(x, (x.shape[0], 2 * x.shape[1], 2 * x.shape[2], x.shape[3]), "nearest")


def paper_block(params, x, label):
    """G's block as in the paper's figure: both branches at the doubled side, Flax's layers, norms by hand."""

    def norm(x, tables):
        x = (x - x.mean((0, 1, 2))) / jnp.sqrt(x.var((0, 1, 2)) + 1e-5)
        scale, shift = (tables[name]["embedding"][label][:, None, None] for name in ("scale", "shift"))
        return scale * x + shift

    def conv(x, name, size):
        kernel = params[name]["kernel"]
        return nn.Conv(kernel.shape[-1], (size, size)).apply({"params": params[name]}, x)

    h = conv(nearest(nn.relu(norm(x, params["ConditionalNorm_0"]))), "UpConv_0", 3)
    h = conv(nn.relu(norm(h, params["ConditionalNorm_1"])), "Conv_0", 3)
    return h + conv(nearest(x), "short", 1)


def test_the_block_of_the_generator_equals_the_papers():
    x, label = jax.random.normal(KEY, (4, 5, 5, 3)), jnp.array([0, 2, 1, 2])
    block = sngan._Up(6, 3, None, "none", True)
    variables = filled(block, x, label)
    got, _ = jax.jit(lambda v: block.apply(v, x, label, mutable="batch_stats"))(variables)
    expected = jax.jit(lambda p: paper_block(p, x, label))(variables["params"])
    np.testing.assert_allclose(got, expected, atol=2e-5)


@pytest.mark.parametrize(("first", "halve", "width"), [(True, True, 6), (False, True, 3), (False, False, 3)])
def test_the_block_of_the_discriminator_equals_the_papers(first, halve, width):
    """Halving last in both branches (first in the first block's shortcut: the same), weights over sigma."""
    x = jax.random.normal(KEY, (2, 6, 6, 3))
    block = sngan._Down(width, halve, first, "spectral", True)
    variables = filled(block, x)
    params = variables["params"]
    matrices = {
        name: np.asarray(p["kernel"]).reshape(-1, p["kernel"].shape[-1]) for name, p in params.items()
    }
    for vectors in variables["spectral"].values():
        (name,) = {key.split("/")[0] for key in vectors}
        vectors[f"{name}/kernel/u"] = jnp.asarray(np.linalg.svd(matrices[name])[2][:1])  # has converged
    got, _ = jax.jit(lambda v: block.apply(v, x, mutable="spectral"))(variables)

    def conv(x, name):
        kernel, bias = params[name]["kernel"], params[name]["bias"]
        scaled = {"kernel": kernel / np.linalg.norm(matrices[name], 2), "bias": bias}
        return nn.Conv(kernel.shape[-1], kernel.shape[:2]).apply({"params": scaled}, x)

    def expected(x):
        h = conv(nn.relu(conv(x if first else nn.relu(x), "conv0")), "conv1")
        if not halve:
            return h + x
        return nn.avg_pool(h, (2, 2), (2, 2)) + nn.avg_pool(conv(x, "short"), (2, 2), (2, 2))

    np.testing.assert_allclose(got, jax.jit(expected)(x), atol=1e-5)
    assert ("short" in params) == halve


SHAPE, Z, LABEL = (8, 8, 2), jax.random.normal(KEY, (4, 6)), jnp.array([0, 1, 2, 0])
OPTIONS = {"width": 4, "classes": 3}


def test_the_generator_knows_its_class():
    g = sngan.Generator(SHAPE, **OPTIONS, attention=8)
    variables = filled(g, Z, LABEL)

    @jax.jit
    def play(label):
        return g.apply(variables, Z, label), *g.apply(variables, Z, label, train=True, mutable="batch_stats")

    images, train_images, changed = play(LABEL)
    assert images.shape == train_images.shape == (4, *SHAPE)
    assert abs(train_images).max() <= 1
    assert not np.allclose(images, train_images)
    assert jax.tree.structure(changed["batch_stats"]) == jax.tree.structure(variables["batch_stats"])
    other = play(jnp.array([0, 1, 0, 0]))[0]
    assert [np.array_equal(*pair) for pair in zip(images, other, strict=True)] == [True, True, False, True]


def test_the_discriminator_uses_labels_and_stores_vectors_when_training():
    d = from_linen(sngan.Discriminator(**OPTIONS, attention=4))
    x = jax.random.normal(KEY, (4, *SHAPE))
    variables = filled(sngan.Discriminator(**OPTIONS, attention=4), x, LABEL)
    params, stats = variables["params"], {"spectral": variables["spectral"]}

    @jax.jit
    def play(label):
        return *d.apply(params, stats, x, label), *d.apply(params, stats, x, label, train=True)

    logits, same, train_logits, changed = play(LABEL)
    assert jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), same, stats))
    np.testing.assert_allclose(logits, train_logits, atol=1e-5)  # one power iteration either way
    # a vector per weight: four blocks of two, two learned shortcuts, four of attention, logit, embedding
    vectors = [path for path, _ in jax.tree.leaves_with_path(changed) if path[-1].key.endswith("/u")]
    assert len(vectors) == 8 + 2 + 4 + 2
    other = play(jnp.array([0, 1, 0, 0]))[0]
    assert [a == b for a, b in zip(logits, other, strict=True)] == [True, True, False, True]


def test_the_head_sums_pixels_and_projects():
    d, x = sngan.Discriminator(**OPTIONS, norm="none"), jax.random.normal(KEY, (4, *SHAPE))
    variables = filled(d, x, LABEL)
    logits, captured = jax.jit(lambda v: d.apply(v, x, LABEL, capture_intermediates=True))(variables)
    last = captured["intermediates"]["block3"]["__call__"][0]
    h, head = np.maximum(last, 0).sum((1, 2)), variables["params"]["Logit_0"]
    dense, table = head["Dense_0"], head["Embed_0"]["embedding"]
    by_hand = h @ dense["kernel"][:, 0] + dense["bias"] + (h * table[LABEL]).sum(1)
    np.testing.assert_allclose(logits, by_hand, rtol=1e-4)


@pytest.mark.parametrize("player", ["g", "d"])
def test_remat_gives_the_same_values_and_parameter_names(player):
    def run(remat):
        if player == "g":
            module, inputs = sngan.Generator(SHAPE, **OPTIONS, attention=8, remat=remat), (Z, LABEL)
        else:
            x = jax.random.normal(KEY, (4, *SHAPE))
            module, inputs = sngan.Discriminator(**OPTIONS, remat=remat), (x, LABEL)
        variables = filled(module, *inputs)
        stats = {name: variables[name] for name in variables if name != "params"}

        def loss(params, stats):
            out, changed = from_linen(module).apply(params, stats, *inputs, train=True)
            return jnp.square(out).sum(), changed

        return jax.jit(jax.value_and_grad(loss, has_aux=True))(variables["params"], stats)

    expected, got = run(False), run(True)
    assert jax.tree.structure(expected) == jax.tree.structure(got)
    for a, b in zip(*map(jax.tree.leaves, (expected, got)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("player", [pytest.param("g", marks=pytest.mark.slow), "d"])
def test_remat_takes_less_memory(player):
    """With optimisation barriers, which XLA of jax 0.10 drops on CPU, merging what is computed twice."""

    def memory(remat):
        if player == "g":
            module, x = sngan.Generator((64, 64, 3), width=8, remat=remat), jnp.ones((16, 8))
        else:
            module, x = sngan.Discriminator(width=16, remat=remat), jnp.ones((16, 64, 64, 3))
        net = from_linen(module)
        params, stats = jax.eval_shape(net.init, KEY, x)
        grad = jax.grad(lambda params, stats: jnp.square(net.apply(params, stats, x, train=True)[0]).sum())
        program = jax.jit(grad).lower(params, stats)
        compiled = program.compile(compiler_options={"xla_disable_hlo_passes": "cse_barrier_expander"})
        return compiled.memory_analysis().temp_size_in_bytes

    assert memory(True) < {"g": 0.65, "d": 0.8}[player] * memory(False)


def test_spectral_norm_in_the_generator():
    """SAGAN: a vector per weight, of dense, two blocks of three, four of attention, and the last."""
    g = sngan.Generator((16, 16, 1), 8, attention=8, norm="spectral")
    variables = jax.eval_shape(g.init, KEY, jnp.ones((2, 4)))
    plain = jax.eval_shape(g.clone(norm="none").init, KEY, jnp.ones((2, 4)))
    assert len(jax.tree.leaves(variables["spectral"])) == 2 * (1 + 2 * 3 + 4 + 1)  # u and sigma of each
    assert jax.tree.structure(plain["params"]) == jax.tree.structure(variables["params"])


def test_unconditional_and_packed():
    x = jnp.ones((2, 28, 28, 12))
    assert jax.eval_shape(sngan.Discriminator(2).init_with_output, KEY, x)[0].shape == (2,)
    variables = jax.eval_shape(sngan.Generator((28, 28, 1), 2).init, KEY, jnp.ones((2, 4)))
    assert "BatchNorm_0" in variables["params"]["block0"]
    plain = jax.eval_shape(sngan.Discriminator(2, norm="none").init, KEY, x)
    assert set(plain) == {"params"}


def test_batch_norm_over_a_mapped_axis_uses_the_full_batch():
    z, label = jax.random.normal(KEY, (8, 3)), jnp.arange(8) % 3
    full, split = (from_linen(sngan.Generator((8, 8, 1), 4, 3, axis=axis)) for axis in (None, "d"))
    params, stats = jax.jit(full.init)(KEY, z, label)
    expected, _ = jax.jit(lambda z: full.apply(params, stats, z, label, train=True))(z)
    got = jax.jit(jax.vmap(lambda z, y: split.apply(params, stats, z, y, train=True)[0], axis_name="d"))(
        z.reshape(2, 4, 3), label.reshape(2, 4)
    )
    np.testing.assert_allclose(got.reshape(8, 8, 8, 1), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((30, 30, 1), "take 28 or 32"),
        ((256, 256, 3), "take 128"),
        ((4, 4, 3), "take 8"),
        ((32, 64, 3), "square"),
        ((32, 32, 5), "1 to 4 channels, not 5"),
    ],
)
def test_refused_shapes(shape, message):
    with pytest.raises(Refused, match=message):
        sngan.Generator(shape)
    if "channels" not in message:
        with pytest.raises(Refused, match=message):
            jax.eval_shape(sngan.Discriminator(2).init, KEY, jnp.ones((1, *shape)))


def test_refused_attention_and_labels():
    with pytest.raises(Refused, match="only at 8, 16, 32"):
        sngan.Generator(attention=4)
    with pytest.raises(Refused, match=r"no block ends at 32 px.*only at 8, 16"):
        jax.eval_shape(sngan.Discriminator(2, attention=32).init, KEY, jnp.ones((1, 32, 32, 3)))
    z, label = jnp.ones((2, 4)), jnp.arange(2)
    with pytest.raises(Refused, match="given no labels"):
        jax.eval_shape(sngan.Generator(width=2, classes=3).init, KEY, z)
    with pytest.raises(Refused, match="classes=0 and was given labels"):
        jax.eval_shape(sngan.Generator(width=2).init, KEY, z, label)
