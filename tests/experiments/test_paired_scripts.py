"""Scripts of pairs: which loss reaches which network, losses by a second formula, and neutral settings."""

import types
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from experiments.test_methods import import_script
from experiments.test_network_scripts import reached
from support import built

import jaxgan as jg
from jaxgan.games.game import Context
from jaxgan.models.vgg16 import VGG16
from jaxgan.parts.rng import each, fold

B = 4
TINY = {"width": 4, "batch_size": B, "steps": 4}


@cache
def experiment_of(name, **options):
    script = import_script(name)
    return built(script, script.Config(**{**TINY, **options}))


def batch_of(source, start=0):
    number = jnp.arange(start, start + B)
    return {**source.take(source.arrays, jax.random.key(3), number), "index": number}


@cache
def played(name, **options):
    """G's metrics of the first step, with all that they depend on."""
    experiment = experiment_of(name, **options)
    game, batch = experiment.game, batch_of(experiment.source)

    @jax.jit
    def play(batch):
        g, d, extra = game.init(jax.random.key(0), batch)
        context = Context(g.stats, d.stats, extra, jnp.int32(0), batch, jax.random.key(5), jnp.int32(0))
        return g, d, game.g_loss(g.params, d.params, context)[1].metrics

    g, d, metrics = play(batch)
    return g, d, batch, {metric: float(value) for metric, value in metrics.items()}


def softplus(x):
    return np.logaddexp(0, np.asarray(x, np.float64))


def test_latent_regression_reaches_g_alone_and_the_rest_of_bicyclegan_e_too():
    assert reached("bicyclegan") == {
        "g/rebuilt/adv": {"e", "g"},
        "g/drawn/adv": {"g"},
        "g/l1": {"e", "g"},
        "g/kl": {"e"},
        "g/latent": {"g"},
    }


def test_the_trap_of_public_code_lets_latent_regression_reach_e(monkeypatch):
    script = import_script("bicyclegan")
    text = Path(script.__file__).read_text()
    assert text.count(", fixed=True)") == 1
    wrong = types.ModuleType("bicyclegan")
    monkeypatch.setitem(__import__("sys").modules, "bicyclegan", wrong)
    exec(compile(text.replace(", fixed=True)", ")"), script.__file__, "exec"), wrong.__dict__)
    assert reached("bicyclegan")["g/latent"] == {"e", "g"}


def test_losses_of_bicyclegan_by_numpy():
    from jaxgan.models import encoder, patch, unet

    g, d, batch, metrics = played("bicyclegan")
    x, source = batch["x"], batch["source"]
    keys = each(jax.random.key(5), batch["index"])
    e_net, g_net = encoder.Encoder(8, (4, 8, 16), "none"), unet.Generator((16, 16, 3), 4, 3, dropout=0.0)

    @jax.jit
    def outputs():
        z = jax.vmap(jg.latents.normal(8).draw)(fold(keys, "z"))
        noise = jax.vmap(lambda key: jax.random.normal(key, (8,)))(fold(keys, "code"))
        mean, log_variance = e_net.apply({"params": g.params["e"]}, x)
        code = mean + jnp.sqrt(jnp.exp(log_variance)) * noise
        rebuilt, drawn = (g_net.apply({"params": g.params["g"]}, latent, source) for latent in (code, z))
        logits = {
            name: patch.Discriminator(4, 1).apply({"params": d.params[name]}, fake, source)
            for name, fake in (("rebuilt", rebuilt), ("drawn", drawn))
        }
        read = e_net.apply({"params": g.params["e"]}, drawn)[0]
        return z, mean, log_variance, rebuilt, read, logits

    z, mean, log_variance, rebuilt, read, logits = jax.tree.map(np.asarray, outputs())
    kl = np.mean(np.sum(0.5 * (mean**2 + np.exp(log_variance)) - 0.5 - 0.5 * log_variance, axis=1))
    expected = {
        "g/l1": 10 * np.mean(np.abs(np.asarray(x) - rebuilt)),
        "g/kl": 0.01 * kl,
        "g/latent": 0.5 * np.mean(np.abs(read - z)),
        "g/rebuilt/adv": np.mean((logits["rebuilt"] - 1) ** 2),
        "g/drawn/adv": np.mean((logits["drawn"] - 1) ** 2),
    }
    for metric, value in expected.items():
        np.testing.assert_allclose(metrics[metric], value, rtol=1e-4, err_msg=metric)


@pytest.mark.parametrize("name", ["srgan", "esrgan"])
def test_losses_of_super_resolution_by_numpy(name):
    from jaxgan.models import rrdb, srresnet

    options = {"blocks": 1, "size": 16, "residual": False} | ({"warm_up": 0} if name == "esrgan" else {})
    g, d, batch, metrics = played(name, **options)
    net = (
        srresnet.Generator((16, 16, 3), 4, 4, 1)
        if name == "srgan"
        else rrdb.Generator((16, 16, 3), 4, 4, 1, 2)
    )
    judge = srresnet.Discriminator(4, 2, 64, features=True)

    @jax.jit
    def outputs():
        def train(module, side, x):
            variables = {"params": side.params, **side.stats}
            return module.apply(variables, x, train=True, mutable=list(side.stats))[0]

        fake = train(net, g, batch["source"])
        return fake, train(judge, d, batch["x"]), train(judge, d, fake)

    fake, on_real, on_fake = jax.tree.map(np.asarray, outputs())
    pairs = zip(on_real.heads["features"], on_fake.heads["features"], strict=True)
    features = np.mean([np.abs(a - b).mean() for a, b in pairs])
    r, f = on_real.logit, on_fake.logit
    difference = np.asarray(batch["x"]) - fake
    expected = {
        "srgan": {
            "g/content": np.mean(difference**2),
            "g/paired_matching": 0.1 * features,
            "g/adv": 1e-3 * softplus(-f).mean(),
        },
        "esrgan": {
            "g/l1": 1e-2 * np.abs(difference).mean(),
            "g/paired_matching": 1e-2 * features,
            "g/adv": 5e-3 * (softplus(r - f.mean()).mean() + softplus(r.mean() - f).mean()),
        },
    }[name]
    assert expected.keys() == metrics.keys()
    for metric, value in expected.items():
        np.testing.assert_allclose(metrics[metric], value, rtol=1e-4, err_msg=metric)


def test_losses_of_the_hole_by_numpy():
    from jaxgan.models import context_encoder, patch

    g, d, batch, metrics = played("context_encoder")
    net = context_encoder.Generator((16, 16, 1), 8, 4, 2)

    @jax.jit
    def outputs():
        variables = {"params": g.params["g"], **g.stats["g"]}
        filling = net.apply(variables, batch["source"], train=True, mutable=["batch_stats"])[0]
        return filling, patch.Discriminator(4, 1).apply({"params": d.params}, filling)

    filling, logits = outputs()
    truth = np.asarray(batch["x"])[:, 4:12, 4:12]
    assert not np.asarray(batch["source"])[:, 4:12, 4:12].any()
    np.testing.assert_allclose(metrics["g/error"], 0.999 * np.mean((truth - filling) ** 2), rtol=1e-4)
    np.testing.assert_allclose(metrics["g/adv"], 1e-3 * softplus(-logits).mean(), rtol=1e-4)


@pytest.mark.parametrize("name", ["context_encoder", "ccgan"])
def test_filled_pictures_are_the_source_around_the_hole(name):
    experiment = experiment_of(name)
    batch = batch_of(experiment.source)
    given = {leaf: batch[leaf] for leaf in experiment.game.given}

    @jax.jit
    def sample(batch):
        g, _, _ = experiment.game.init(jax.random.key(0), batch)
        return experiment.game.sample(g, jax.random.key(1), batch["index"], given)

    inside = np.broadcast_to(np.asarray(batch["mask"]) > 0, batch["x"].shape)
    samples, truth = np.asarray(sample(batch)), np.asarray(batch["x"])
    np.testing.assert_array_equal(samples[~inside], truth[~inside])
    assert (samples[inside] != truth[inside]).all()


def test_the_error_in_the_hole_is_of_held_out_examples_also_if_there_are_few():
    translating = import_script("translating")
    source = translating.with_source(translating.Config(source="centre_hole"), jg.load("digits"))
    grey = types.SimpleNamespace(
        step=1, state=types.SimpleNamespace(generator=None), sample=lambda g, n: np.zeros((n, 8, 8, 1))
    )
    truth = jg.data.labelled(source.held_out(), 297)["x"][:, 2:6, 2:6]
    np.testing.assert_allclose(translating.in_hole(source)(grey)["hole_l1"], abs(truth).mean(), rtol=1e-5)


def test_another_judge_is_vgg16_before_its_last_activation(monkeypatch):
    """A narrow one with random weights stands in for it."""
    narrow = jg.from_linen(VGG16((2, 2, 2, 2, 3)))
    frozen = jg.Frozen(narrow, *narrow.init(jax.random.key(9), jnp.zeros((1, 16, 16, 3))))
    monkeypatch.setattr(jg, "vgg16", lambda: frozen)
    for name, weight, more in (("srgan", 0.1, {}), ("esrgan", 1e-2, {"warm_up": 0})):
        experiment = experiment_of(name, blocks=0, size=16, factor=2, width=2, judge="vgg16", **more)
        game, batch = experiment.game, batch_of(experiment.source)

        @jax.jit
        def both(batch, game=game):
            g, d, extra = game.init(jax.random.key(0), batch)
            context = Context(g.stats, d.stats, extra, jnp.int32(0), batch, jax.random.key(5), jnp.int32(0))
            enlarged = jax.image.resize(batch["source"], batch["x"].shape, "cubic")  # with which G begins
            seen = [narrow.apply(frozen.params, {}, x)[0]["conv5_3"] for x in (batch["x"], enlarged)]
            return game.g_loss(g.params, d.params, context)[1].metrics, jnp.abs(seen[0] - seen[1]).mean()

        metrics, error = both(batch)
        assert "g/paired_matching" not in metrics
        np.testing.assert_allclose(metrics["g/vgg16_conv5_3"], weight * error, rtol=1e-4)


def test_a_warm_up_is_training_by_l1_alone_bit_for_bit():
    """The gradient of each step, which is all that G gets of D."""

    @cache
    def slope(**options):
        experiment = experiment_of("esrgan", blocks=0, size=8, factor=2, width=2, residual=False, **options)
        game, batch = experiment.game, batch_of(experiment.source)

        @jax.jit
        def at(step):
            g, d, extra = game.init(jax.random.key(0), batch)
            context = Context(g.stats, d.stats, extra, step, batch, jax.random.key(5), step)
            return jax.grad(lambda p: game.g_loss(p, d.params, context)[0])(g.params)

        return lambda step: jax.tree.leaves(at(jnp.int32(step)))

    def same(step):
        pairs = zip(slope(warm_up=2)(step), slope(adversarial=0.0, features=0.0)(step), strict=True)
        return all((a == b).all() for a, b in pairs)

    assert [same(step) for step in range(4)] == [True, True, False, False]


def test_without_weights_srgan_is_its_network_trained_by_content_alone():
    import optax

    from jaxgan.models import srresnet

    options = {"blocks": 0, "size": 8, "factor": 2, "width": 2, "residual": False}
    experiment = experiment_of("srgan", adversarial=0.0, features=0.0, **options)
    net, adam = srresnet.Generator((8, 8, 3), 2, 2, 0), optax.adam(1e-3, 0.5, 0.999)

    @jax.jit
    def step(params, stats, memory, batch):
        def loss(params):
            variables = {"params": params, "batch_stats": stats}
            x, new = net.apply(variables, batch["source"], train=True, mutable=["batch_stats"])
            return jnp.square(batch["x"] - x).mean(), new["batch_stats"]

        (value, stats), slope = jax.value_and_grad(loss, has_aux=True)(params)
        moves, memory = adam.update(slope, memory)
        return optax.apply_updates(params, moves), stats, memory, value

    batches = [batch_of(experiment.source, B * i) for i in range(3)]
    rows = [jax.tree.map(lambda x: x[None, None], batch) for batch in batches]
    state, update = jax.jit(experiment.rule.init)(jax.random.key(0), rows[0]), jax.jit(experiment.rule.update)
    params, stats, memory = state.g.params, state.g.stats["batch_stats"], adam.init(state.g.params)
    for batch, row in zip(batches, rows, strict=True):
        state, metrics = update(state, row)
        params, stats, memory, value = step(params, stats, memory, batch)
        np.testing.assert_allclose(metrics["g/content"], value, rtol=1e-5)
    for a, b in zip(jax.tree.leaves(state.g.params), jax.tree.leaves(params), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
