"""Neither the number of devices nor the way they share a batch changes a run."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from support import dcgan as networks
from support import final, gan, latents, load, mlp, objectives, play, script

import jaxgan as jg
from jaxgan.data.source import batch
from jaxgan.parts import augmentations, conditioning, terms
from jaxgan.parts.average import ema
from jaxgan.parts.network import from_linen
from jaxgan.parts.types import Lowering
from jaxgan.rules.alternating import alternating
from jaxgan.rules.guard import guarded
from jaxgan.scale.devices import DATA, data_mesh, data_parallel, replicated

SOURCE = load("digits")
LAYOUT = (2, 2, 16)  # two steps of D, two micro-batches each
FILES = script("files")


def everything(axis, convolutions=False):
    """A rule with BatchNorm, spectral norm, dropout, penalties, labels, noise: what devices could change."""
    low = Lowering(axis, unroll=False)  # a smaller program, to be compiled many times
    shape = (8, 8, 1)
    if convolutions:
        generator = networks.Generator(shape=shape, width=4, axis=axis)
    else:
        generator = mlp.Generator(shape=shape, widths=(8,), norm="batch", axis=axis)
    game = gan(
        from_linen(generator),
        from_linen(mlp.Discriminator(widths=(8,), norm="spectral", dropout=0.3, classes=10)),
        latent=latents.normal(8),
        objective=objectives.hinge(),
        d_terms=[
            terms.lazily(terms.r1(1.0), 3),
            terms.wgan_gp(1.0),
        ],
        conditioning=conditioning.projection(10),
        label_noise=0.05,
        augment=augmentations.diffaugment(),
        instance_noise=0.1,
        lowering=low,
    )
    sgd = optax.sgd(0.01)
    return guarded(alternating(game, sgd, sgd, d_steps=2, average=ema(0.9)))


@cache
def train(way, count, convolutions=False, steps=20):
    """Returns the state and the metrics after some steps on some devices."""
    mesh = data_mesh(jax.devices()[:count])
    rule = everything(None if way == "jit" else DATA, convolutions)
    update = data_parallel(rule.update, mesh, way)
    batches = partial(batch, SOURCE, LAYOUT)

    @partial(jax.jit, out_shardings=replicated(mesh))
    def init(key, arrays):
        return rule.init(key, batches(arrays, key, jnp.int32(0)))

    @partial(jax.jit, donate_argnums=0, out_shardings=replicated(mesh))
    def step(state, arrays):
        return update(state, batches(arrays, state.key, state.step))

    arrays = jax.device_put(SOURCE.arrays, replicated(mesh))
    state = init(jax.device_put(jax.random.key(0), replicated(mesh)), arrays)
    for _ in range(steps):
        state, metrics = step(state, arrays)
    return jax.device_get((state.replace(key=(), rule=()), metrics))


def agree(way, count, convolutions=False):
    single = jax.tree_util.tree_flatten_with_path(train("jit", 1, convolutions))[0]
    shared = jax.tree.leaves(train(way, count, convolutions))
    for (path, a), b in zip(single, shared, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-5, err_msg=jax.tree_util.keystr(path))


@pytest.mark.parametrize(("way", "count"), [("jit", 2), ("shard_map", 8)])
def test_twenty_steps_agree(way, count):
    agree(way, count)


@pytest.mark.slow
@pytest.mark.parametrize("convolutions", [False, True])
@pytest.mark.parametrize("way", ["jit", "shard_map", "pmap"])
@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_twenty_steps_agree_for_every_way_and_count(way, count, convolutions):
    agree(way, count, convolutions)


@pytest.mark.parametrize("way", ["shard_map", "pmap"])
def test_a_gradient_is_no_larger_on_eight_devices(way):
    """Under shard_map the gradient of replicated parameters is already summed over devices."""
    game = gan(
        from_linen(mlp.Generator(shape=(2,), widths=(4,), final=mlp.identity)),
        from_linen(mlp.Discriminator(widths=(4,))),
        latent=latents.normal(2),
        objective=objectives.wasserstein(),
        lowering=Lowering(DATA),
    )
    rule = alternating(game, optax.sgd(1.0), optax.sgd(1.0))
    batches = batch(load("ring"), (1, 1, 16), load("ring").arrays, jax.random.key(0), 0)
    state = rule.init(jax.random.key(0), batches)

    def update_norm(count):
        new = jax.jit(data_parallel(rule.update, data_mesh(jax.devices()[:count]), way))(state, batches)[0]
        return optax.tree.norm(optax.tree.sub(new.d.params, state.d.params))

    np.testing.assert_allclose(update_norm(8), update_norm(1), rtol=1e-5)


def test_a_run_resumes_on_other_devices(tmp_path):
    """From eight to one to four to two, sharing batches in other ways; each device reads its pictures."""
    from support import picture_folder

    data = picture_folder(tmp_path / "data", 50)
    whole_run, parts = tmp_path / "whole", tmp_path / "parts"
    common = ("--save-every", 100)
    assert play(FILES, "--data", data, "--out", whole_run, "--steps", 4, *common) == 0
    assert play(FILES, "--data", data, "--out", parts, "--steps", 1, "--devices", 8, *common) == 0
    assert play(FILES, "--resume", parts, "--steps", 2, "--devices", 1, "--memory", 10) == 0
    assert play(FILES, "--resume", parts, "--steps", 3, "--devices", 4, "--parallel", "shard_map") == 0
    assert play(FILES, "--resume", parts, "--steps", 4, "--devices", 2, "--parallel", "pmap") == 0
    for a, b in zip(jax.tree.leaves(final(whole_run).d), jax.tree.leaves(final(parts).d), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)  # Adam; another order of examples would differ by more


@pytest.mark.parametrize(
    ("way", "lanes"),
    [
        ("shard_map", ()),
        ("pmap", ()),
        ("shard_map", ("--seeds", "0:2", "--lanes", "vmap", "--data-devices", 2)),
    ],
)
def test_a_recipe_without_named_means_is_refused(way, lanes, tmp_path, capsys):
    class Unnamed:
        Config = FILES.Config

    def build(config, source):
        from dataclasses import replace

        return FILES.build(replace(config, parallel="jit"), source)

    build.__module__ = FILES.build.__module__
    Unnamed.build = staticmethod(build)
    options = ("--data", "digits", "--out", tmp_path / "run", "--devices", 2, "--parallel", way)
    assert play(Unnamed, *options, *lanes) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"error: --parallel {way} needs a recipe whose means name the axis of devices")

    run, jit = tmp_path / "jit", ("--data", "digits", "--devices", 2, "--steps", 1)
    assert play(Unnamed, *jit, "--out", run, *lanes) == 0
    before = (run / "config.json").read_bytes()
    assert play(Unnamed, "--resume", run, "--steps", 2, "--parallel", way) == 2
    assert (run / "config.json").read_bytes() == before  # a refused resume changes nothing


def test_pmap_needs_a_game_with_a_lowering(tmp_path, capsys):
    """Rules average gradients by it: otherwise devices would diverge, and `pmap` return the first's state."""

    class Silent:
        Config = FILES.Config

        @staticmethod
        def build(config, source):
            built = FILES.build(config, source)
            game = built.game._replace(lowering=Lowering())
            return built._replace(rule=built.rule._replace(game=game))

    Silent.build.__module__ = FILES.build.__module__
    options = ("--data", "digits", "--out", tmp_path / "run", "--devices", 2, "--parallel", "pmap")
    assert play(Silent, *options) == 2
    assert "needs a recipe whose means name the axis" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("parts", "options", "message"),
    [
        (
            {"packing": 2},
            ("--batch-size", 12, "--devices", 4),
            "packing=2 must divide the 3 examples on each",
        ),
        ({"conditioning": conditioning.concatenation(5)}, (), "the data have 10 classes, but the networks'"),
    ],
)
def test_parts_that_do_not_fit_the_data_are_refused(parts, options, message, tmp_path, capsys):
    class Own:
        Config = FILES.Config

        @staticmethod
        def build(config, source):
            low, sgd = config.lowering, optax.sgd(0.1)
            game = gan(
                from_linen(mlp.Generator((8, 8, 1), (4,))),
                from_linen(mlp.Discriminator((4,))),
                latent=latents.normal(4),
                objective=objectives.hinge(),
                lowering=low,
                **parts,
            )
            return jg.Experiment(alternating(game, sgd, sgd), source)

    Own.build.__module__ = FILES.build.__module__
    common = ("--data", "digits", "--out", tmp_path / "run", "--parallel", "shard_map")
    assert play(Own, *common, *options) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {message}")
