"""Parts of the wrong type are refused in one line, before anything is written or trained."""

import os
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from support import SCRIPTS, ended, experiment, ring_game, start

import jaxgan as jg
from jaxgan.data.checked import check_take
from jaxgan.errors import Refused
from jaxgan.run.sample import sampler


def fit(**parts):
    rule = jg.alternating(ring_game(**parts.pop("game", {})), optax.sgd(0.1), optax.sgd(0.1))
    return jg.fit(jg.Experiment(rule, jg.load("ring"), **parts), steps=1, batch_size=8, bar=False)


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        (("10", print), "a hook is jg.Hook(steps, function)"),
        ((-1, print), "a hook is jg.Hook(steps, function)"),
        ((True, print), "a hook is jg.Hook(steps, function)"),
        ((1, "print"), "a hook is jg.Hook(steps, function)"),
        ((1, lambda moment: {3: 0.5}), "by name, but 3 is not a string"),
        ((1, lambda moment: {"x": "far"}), "measured x as 'far', which is not a number"),
    ],
)
def test_invalid_hooks_are_refused(hook, message):
    with pytest.raises(Refused, match=re.escape(message)):
        fit(hooks=[jg.Hook(*hook)])


def networks(generated=jnp.float32, judged=jnp.float32):
    class G(nn.Module):
        @nn.compact
        def __call__(self, z):
            return nn.Dense(2)(z).astype(generated)

    class D(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(1)(x)[:, 0].astype(judged)

    return jg.gan(
        jg.from_linen(G()),
        jg.from_linen(D()),
        latent=jg.latents.normal(4),
        objective=jg.objectives.hinge(),
    )


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"generated": jnp.int32}, "generator's examples have dtype int32"),
        ({"judged": jnp.int32}, "discriminator's logits have dtype int32"),
        ({"judged": jnp.bool_}, "discriminator's logits have dtype bool"),
    ],
)
def test_networks_with_outputs_that_have_no_gradient_are_refused(types, message):
    rule = jg.alternating(networks(**types), optax.sgd(0.1), optax.sgd(0.1))
    with pytest.raises(Refused, match=message):
        jg.fit(jg.Experiment(rule, jg.load("ring")), steps=1, batch_size=8, bar=False)


@pytest.mark.parametrize("width", [0, -1])
def test_a_layer_without_width_is_refused(width):
    with pytest.raises(Refused, match=f"Generator cannot be {width} wide: widths must be 1 or more"):
        fit(game={"width": width})


@pytest.mark.parametrize("size", [0, -1, 2.5, "4"])
@pytest.mark.parametrize("prior", [jg.latents.normal, jg.latents.uniform, jg.latents.sphere])
def test_latents_without_numbers_are_refused(prior, size):
    with pytest.raises(Refused, match="the size of a latent must be an integer of 1 or more"):
        prior(size)


@pytest.mark.parametrize("read", [False, True])
def test_a_take_that_returns_other_leaves_than_declared_is_refused(read):
    ring = jg.load("ring")
    declared = {"x": jg.Leaf((2,), jg.data.kind.Points()), "label": jg.data.kind.label(8)}
    files = {"read": lambda number: {"x": np.zeros((len(number), 2), np.float32)}} if read else {}
    for take, message in [
        (lambda arrays, key, number: {"x": jnp.zeros((len(number), 3))}, "gives x of shape"),
        (lambda arrays, key, number: {"x": jnp.zeros((7, 2))}, "gives x of shape"),
        (lambda arrays, key, number: {"x": jnp.zeros((len(number), 2))}, "and no label"),
    ]:
        with pytest.raises(Refused, match=message):
            check_take(ring._replace(leaves=declared, take=take, size=9, **files))


def test_more_samples_than_fit_into_memory_are_refused_after_the_first_block():
    game = experiment().game
    side = game.init(jax.random.key(0), {"x": jnp.zeros((1, 2)), "index": jnp.arange(1)})[0]
    with pytest.raises(Refused, match=r"10000000000000 samples take .* GB, more than the memory"):
        sampler(game)(side, 10**13)


def test_devices_that_jax_does_not_have_are_refused(tmp_path):
    env = {**os.environ, "JAX_PLATFORMS": "cuda"}
    run = tmp_path / "run"
    ended(start(SCRIPTS / "tiny.py", "--out", run, "--steps", 1))
    for command in ([SCRIPTS / "tiny.py", "--out", tmp_path / "new"], ["-m", "jaxgan.cli", "sample", run]):
        process = subprocess.run(
            [sys.executable, *command], env=env, capture_output=True, text=True, check=False
        )
        assert process.returncode == 2, process.stderr
        assert process.stderr.startswith("error: JAX has no devices for JAX_PLATFORMS=cuda"), process.stderr
    assert not (tmp_path / "new").exists()
