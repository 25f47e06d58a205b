"""Networks that compute in bfloat16, in a world of float32."""

import math
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx
from jax.extend.core import jaxprs_in_params
from support import play, rows, rule_of

import jaxgan as jg
from jaxgan.games.gan import gan
from jaxgan.models import dcgan, mlp, r3gan, sngan
from jaxgan.parts import conditioning, latents, objectives, terms
from jaxgan.parts.network import Network, from_linen, from_nnx
from jaxgan.parts.precision import bfloat16

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
KEY = jax.random.key(0)
SHAPE = (8, 8, 3)
PAIRS = {
    "mlp": (mlp.Generator(SHAPE, (64, 64), norm="batch"), mlp.Discriminator((64, 64), norm="spectral")),
    "dcgan": (dcgan.Generator(SHAPE, 32), dcgan.Discriminator(32, norm="spectral")),
    "sngan": (
        sngan.Generator(SHAPE, 32, classes=3, attention=8),
        sngan.Discriminator(32, classes=3, attention=4),
    ),
    "r3gan": (r3gan.Generator(SHAPE, (32, 32), classes=3), r3gan.Discriminator((32, 32), classes=3)),
}


def game_of(pair, policy=lambda network: network, **parts):
    labels = getattr(pair[0], "classes", 0)
    return gan(
        *(policy(from_linen(module)) for module in pair),
        latent=latents.normal(16),
        objective=objectives.hinge(),
        conditioning=conditioning.labels(labels) if labels else conditioning.unconditional(),
        **parts,
    )


def batches(examples=8, shape=SHAPE):
    return {
        "x": jnp.tanh(jax.random.normal(KEY, (1, 1, examples, *shape))),
        "index": jnp.arange(examples)[None, None],
        "label": jnp.arange(examples)[None, None] % 3,
    }


def equations(jaxpr) -> Iterator:
    for equation in jaxpr.eqns:
        yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from equations(inner)


def multiplications(function, *args) -> Counter:
    """Multiplications in products and convolutions, by the type of what is multiplied."""
    counted: Counter = Counter()
    for equation in equations(jax.make_jaxpr(function)(*args).jaxpr):
        shapes = [v.aval.shape for v in equation.invars]
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            each = math.prod(shapes[0][i] for i in contracted)
        elif equation.primitive.name == "conv_general_dilated":
            kernel = shapes[1]
            each = math.prod(kernel) // kernel[equation.params["dimension_numbers"].rhs_spec[0]]
        else:
            continue
        widest = jnp.promote_types(*(v.aval.dtype for v in equation.invars))
        counted[widest.name] += math.prod(equation.outvars[0].aval.shape) * each
    return counted


@pytest.mark.parametrize("name", PAIRS)
def test_matrix_products_are_in_bfloat16(name):
    """Of a whole update, with R1; what is left is power iterations and logits."""

    def work(policy):
        rule = rule_of(game_of(PAIRS[name], policy, d_terms=[terms.r1()]))
        state = jax.eval_shape(rule.init, KEY, batches(64))
        return multiplications(rule.update, state, batches(64))

    assert set(work(lambda network: network)) == {"float32"}
    low = work(bfloat16)
    assert low["float32"] < 0.03 * low["bfloat16"]


@pytest.mark.parametrize("name", PAIRS)
def test_the_state_stays_float32(name):
    low, full = (rule_of(game_of(PAIRS[name], p, d_terms=[terms.r1()])) for p in (bfloat16, lambda n: n))
    state = jax.eval_shape(low.init, KEY, batches())
    after, metrics = jax.eval_shape(low.update, state, batches())

    def types(tree):
        return jax.tree.map(lambda x: (x.shape, x.dtype), tree)

    assert types(state) == types(after) == types(jax.eval_shape(full.init, KEY, batches()))
    assert {m.dtype for m in metrics.values()} == {jnp.dtype("float32")}


def test_images_logits_and_gradients_are_float32_and_close():
    pair, (x,) = PAIRS["dcgan"], batches(64)["x"][0]

    @jax.jit
    def run(x):
        results = []
        for policy in (lambda network: network, bfloat16):
            g, d = (policy(from_linen(module)) for module in pair)
            g_side, d_side = g.init(KEY, x[:, 0, :, 0]), d.init(KEY, x)
            images, g_stats = g.apply(*g_side, x[:, 0, :, 0], train=True)
            logits, d_stats = d.apply(*d_side, x, train=True)
            slope = jax.grad(lambda x: d.apply(*d_side, x)[0].sum())(x)  # noqa: B023 - called at once
            results.append((images, logits, slope, g_stats, d_stats))
        return results

    full, low = run(x)
    for expected, got in zip(*map(jax.tree.leaves, (full, low)), strict=True):
        assert got.dtype == jnp.float32
        assert jnp.linalg.norm(expected - got) <= 0.03 * jnp.linalg.norm(expected)
    assert all((expected != got).any() for expected, got in zip(full[:3], low[:3], strict=True))


def test_integers_and_keys_are_not_cast():
    seen = {}

    def apply(params, stats, x, label, key=None, train=False):
        seen.update(x=x.dtype, label=label, key=key, w=params["w"].dtype, n=params["n"].dtype)
        return {"out": x * params["w"], "label": label}, {"mean": x.mean()}

    plain = Network(
        lambda key, x, label: ({"w": jnp.ones(3), "n": jnp.int32(0)}, {"mean": jnp.zeros(())}), apply
    )
    net, label, keys = bfloat16(plain), jnp.array([257, 300]), jax.random.split(KEY, 2)
    params, stats = net.init(KEY, jnp.ones((2, 3)), label)
    out, changed = net.apply(params, stats, jnp.full((2, 3), 1 + 2**-9), label, key=keys, train=True)
    assert (seen["x"], seen["w"], seen["n"]) == (jnp.bfloat16, jnp.bfloat16, jnp.int32)
    assert seen["label"] is label
    assert seen["key"] is keys
    assert (out["out"].dtype, out["label"].dtype, changed["mean"].dtype) == (
        jnp.float32,
        jnp.int32,
        jnp.float32,
    )
    assert (out["out"] == 1).all()  # the input was rounded


class LinenNorm(linen.Module):
    @linen.compact
    def __call__(self, x, train=False):
        return linen.BatchNorm(use_running_average=not train, momentum=0.5)(x)


@pytest.mark.parametrize("kind", ["linen", "nnx"])
def test_batch_norm_takes_its_moments_in_float32(kind):
    """4096 numbers of 8 bits each: summed in bfloat16 they would stop growing at 256 times the largest."""
    net = bfloat16(
        from_linen(LinenNorm())
        if kind == "linen"
        else from_nnx(lambda rngs: nnx.BatchNorm(3, momentum=0.5, rngs=rngs))
    )
    x = 3 + jax.random.normal(KEY, (4096, 3))
    params, stats = net.init(KEY, x)
    out, changed = jax.jit(lambda x: net.apply(params, stats, x, train=True))(x)
    rounded = np.asarray(x.astype(jnp.bfloat16), np.float64)
    mean, var = (leaf for leaf in jax.tree.leaves(changed["batch_stats"]) if leaf.shape == (3,))
    np.testing.assert_allclose(mean, rounded.mean(0) / 2, rtol=1e-5)
    np.testing.assert_allclose(var, (1 + rounded.var(0)) / 2, rtol=1e-5)
    assert out.dtype == mean.dtype == var.dtype == jnp.float32


def test_spectral_vectors_are_those_of_the_rounded_weights_in_float32():
    net = bfloat16(from_linen(mlp.Discriminator((16,), norm="spectral")))
    x = jax.random.normal(KEY, (4, 12))
    params, stats = net.init(KEY, x)
    for _ in range(100):
        _, stats = net.apply(params, stats, x, train=True)
    kernel = np.asarray(params["Dense_0"]["kernel"].astype(jnp.bfloat16), np.float64)
    held = stats["spectral"]["SpectralNorm_0"]
    np.testing.assert_allclose(held["Dense_0/kernel/sigma"], np.linalg.norm(kernel, 2), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(held["Dense_0/kernel/u"]), 1, rtol=1e-6)


def test_nnx_trains_in_bfloat16():
    class Net(nnx.Module):
        def __init__(self, sizes, rngs):
            self.first = nnx.Linear(sizes[0], 8, rngs=rngs)
            self.norm = nnx.BatchNorm(8, rngs=rngs)
            self.dropout = nnx.Dropout(0.5, rngs=rngs)
            spectral = nnx.Linear(8, sizes[1], rngs=rngs)
            self.last = nnx.SpectralNorm(spectral, dtype=jnp.bfloat16, rngs=rngs)

        def __call__(self, x):
            x = self.last(self.dropout(self.norm(self.first(x))))
            return x[:, 0] if x.shape[1] == 1 else x

    nets = (bfloat16(from_nnx(lambda rngs, out=out: Net((4, out), rngs))) for out in (4, 1))
    rule = rule_of(gan(*nets, latent=latents.normal(4), objective=objectives.non_saturating()))
    data = {"x": jax.random.normal(KEY, (1, 1, 64, 4)), "index": jnp.arange(64)[None, None]}
    state = jax.jit(rule.init)(KEY, data)
    moved, metrics = jax.jit(rule.update)(state, data)
    assert jax.tree.map(lambda x: x.dtype, moved) == jax.tree.map(lambda x: x.dtype, state)
    assert not np.allclose(moved.g.params["first"]["kernel"], state.g.params["first"]["kernel"])
    assert all(np.isfinite(float(m)) for m in metrics.values())
    assert set(multiplications(rule.update, state, data)) == {"bfloat16", "float32"}


def last_measured(run):
    """The last line of metrics.jsonl with a measurement in it."""
    return [row for row in rows(run) if {"energy", "high_quality"} & row.keys()][-1]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ring", ("--steps", 4000, "--hold", 1000, "--horizon", 4000, "--measure-every", 4000)),
        ("digits", ("--steps", 1500, "--measure-every", 1500)),
    ],
)
def test_trains_as_well_as_float32(name, options, tmp_path, monkeypatch):
    """The experiments themselves, shortened, over three seeds: the means differ by less than their spread."""
    monkeypatch.syspath_prepend(EXPERIMENTS)
    plain, results = jg.from_linen, {}
    for policy in (lambda network: network, bfloat16):
        monkeypatch.setattr(jg, "from_linen", lambda module, policy=policy: policy(plain(module)))
        for seed in range(3):
            run = tmp_path / f"{policy.__name__}-{seed}"
            assert play(import_module(name), *options, "--seed", seed, "--out", run) == 0
            results.setdefault(policy.__name__, []).append(last_measured(run))
            print(policy.__name__, seed, results[policy.__name__][-1])
    full, low = results.values()
    if name == "ring":
        assert [row["modes"] for row in low] == [8, 8, 8]
    metric = {"ring": "high_quality", "digits": "energy"}[name]
    full, low = (np.array([row[metric] for row in rows_]) for rows_ in (full, low))
    spread = np.hypot(full.std(ddof=1), low.std(ddof=1))
    assert abs(low.mean() - full.mean()) < 2 * spread
