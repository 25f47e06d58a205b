"""Parts that are no parts of their kind: refused in one line, before anything is written or trained."""

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
    ("hook", "said"),
    [
        (("10", print), "a hook is jg.Hook(steps, function)"),
        ((-1, print), "a hook is jg.Hook(steps, function)"),
        ((True, print), "a hook is jg.Hook(steps, function)"),
        ((1, "print"), "a hook is jg.Hook(steps, function)"),
        ((1, lambda moment: {3: 0.5}), "by their names, and 3 is no text"),
        ((1, lambda moment: {"x": "far"}), "measured x as 'far', which is no number"),
    ],
)
def test_hooks(hook, said):
    with pytest.raises(Refused, match=re.escape(said)):
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
    ("types", "said"),
    [
        ({"generated": jnp.int32}, "generator's examples are of type int32"),
        ({"judged": jnp.int32}, "discriminator's logits are of type int32"),
        ({"judged": jnp.bool_}, "discriminator's logits are of type bool"),
    ],
)
def test_networks_that_answer_in_what_has_no_gradient(types, said):
    rule = jg.alternating(networks(**types), optax.sgd(0.1), optax.sgd(0.1))
    with pytest.raises(Refused, match=said):
        jg.fit(jg.Experiment(rule, jg.load("ring")), steps=1, batch_size=8, bar=False)


@pytest.mark.parametrize("width", [0, -1])
def test_a_layer_without_width(width):
    with pytest.raises(Refused, match=f"Generator cannot be {width} wide: widths must be 1 or more"):
        fit(game={"width": width})


@pytest.mark.parametrize("size", [0, -1, 2.5, "4"])
@pytest.mark.parametrize("prior", [jg.latents.normal, jg.latents.uniform, jg.latents.sphere])
def test_latents_without_numbers(prior, size):
    with pytest.raises(Refused, match="the size of a latent must be an integer of 1 or more"):
        prior(size)


@pytest.mark.parametrize("read", [False, True])
def test_what_take_gives_is_what_the_leaves_say(read):
    ring = jg.load("ring")
    right = {"x": jg.Leaf((2,), jg.data.kind.Points()), "label": jg.data.kind.label(8)}
    files = {"read": lambda number: {"x": np.zeros((len(number), 2), np.float32)}} if read else {}
    for taken, said in [
        (lambda arrays, key, number: {"x": jnp.zeros((len(number), 3))}, "gives x of shape"),
        (lambda arrays, key, number: {"x": jnp.zeros((7, 2))}, "gives x of shape"),
        (lambda arrays, key, number: {"x": jnp.zeros((len(number), 2))}, "and no label"),
    ]:
        with pytest.raises(Refused, match=said):
            check_take(ring._replace(leaves=right, take=taken, size=9, **files))


def test_more_samples_than_memory_are_refused_after_the_first_few():
    game = experiment().game
    side = game.init(jax.random.key(0), {"x": jnp.zeros((1, 2)), "index": jnp.arange(1)})[0]
    with pytest.raises(Refused, match=r"10000000000000 samples take .* GB, more than the memory"):
        sampler(game)(side, 10**13)


def test_devices_that_are_not_there(tmp_path):
    env = {**os.environ, "JAX_PLATFORMS": "cuda"}
    run = tmp_path / "run"
    ended(start(SCRIPTS / "tiny.py", "--out", run, "--steps", 1))
    for command in ([SCRIPTS / "tiny.py", "--out", tmp_path / "new"], ["-m", "jaxgan.cli", "sample", run]):
        tried = subprocess.run(
            [sys.executable, *command], env=env, capture_output=True, text=True, check=False
        )
        assert tried.returncode == 2, tried.stderr
        assert tried.stderr.startswith("error: JAX has no devices for JAX_PLATFORMS=cuda"), tried.stderr
    assert not (tmp_path / "new").exists()
