"""Flax modules as pairs of pure functions."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx

from jaxgan.errors import Refused
from jaxgan.games.gan import gan
from jaxgan.parts import latents, objectives
from jaxgan.parts.average import ema
from jaxgan.parts.network import from_linen, from_nnx
from jaxgan.rules.alternating import alternating

X = jax.random.normal(jax.random.key(0), (8, 4))
KEYS = jax.random.split(jax.random.key(1), 8)


class Linen(linen.Module):
    @linen.compact
    def __call__(self, x, train=False):
        x = linen.BatchNorm(use_running_average=not train)(linen.Dense(6)(x))
        return linen.Dropout(0.5, deterministic=not train)(x)


class Nnx(nnx.Module):
    def __init__(self, features, rngs):
        self.first = nnx.Linear(4, 6, rngs=rngs)
        self.norm = nnx.BatchNorm(6, rngs=rngs)
        self.dropout = nnx.Dropout(0.5, rngs=rngs)
        self.last = nnx.SpectralNorm(nnx.Linear(6, features, rngs=rngs), rngs=rngs)
        self.squeeze = features == 1

    def __call__(self, x):
        x = self.last(self.dropout(self.norm(self.first(x))))
        return x[:, 0] if self.squeeze else x


def test_a_module_with_batch_norm_but_no_train_argument_is_refused():
    """Sequential tells its layers nothing: BatchNorm would stay at its first averages."""
    net = from_linen(linen.Sequential([linen.Dense(6), Linen()]))
    with pytest.raises(Refused, match="Sequential has batch_stats, which would never be updated"):
        net.init(jax.random.key(2), X)
    from_linen(linen.Sequential([linen.Dense(6), linen.relu])).init(jax.random.key(2), X)


def test_from_linen_matches_linen():
    net = from_linen(Linen())
    params, stats = net.init(jax.random.key(2), X)
    out, new = net.apply(params, stats, X, key=KEYS, train=True)
    theirs, changed = Linen().apply(
        {"params": params, **stats}, X, train=True, rngs={"dropout": KEYS[0]}, mutable=["batch_stats"]
    )
    np.testing.assert_array_equal(out, theirs)
    jax.tree.map(np.testing.assert_array_equal, new, changed)
    still, same = net.apply(params, stats, X)
    assert not np.allclose(still, out)
    jax.tree.map(np.testing.assert_array_equal, same, stats)


def test_nnx_is_pure_and_seeded_by_its_key():
    net = from_nnx(lambda rngs: Nnx(3, rngs))
    params, stats = jax.jit(net.init)(jax.random.key(2), X)
    apply = jax.jit(lambda key: net.apply(params, stats, X, key=key, train=True))
    one, new = apply(KEYS)
    np.testing.assert_array_equal(one, apply(KEYS)[0])
    assert not np.allclose(one, apply(KEYS[::-1])[0])
    assert not np.allclose(new["batch_stats"]["norm"]["mean"], stats["batch_stats"]["norm"]["mean"])
    assert jax.tree.leaves(new["spectral"])
    np.testing.assert_array_equal(net.apply(params, stats, X)[0], net.apply(params, stats, X)[0])


class Two(nnx.Module):
    def __init__(self, rngs):
        self.one = nnx.Dropout(0.5, rngs=rngs)
        self.other = nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x):
        return self.one(x), self.other(x)


def test_nnx_dropout_layers_have_different_masks():
    net = from_nnx(Two)
    a, b = net.apply(*net.init(KEYS[0], X), jnp.ones((8, 64)), key=KEYS, train=True)[0]
    assert abs(float(((a > 0) == (b > 0)).mean()) - 0.5) < 0.1


def test_a_stack_of_nnx_layers_has_a_key_for_each():
    class Stack(nnx.Module):
        def __init__(self, rngs):
            @nnx.split_rngs(splits=3)
            @nnx.vmap
            def made(rngs):
                return nnx.Dropout(0.5, rngs=rngs)

            self.drops = made(rngs)

        def __call__(self, x):
            return nnx.vmap(lambda drop, x: drop(x), in_axes=(0, None))(self.drops, x)

    net = from_nnx(Stack)
    masks = net.apply(*net.init(KEYS[0], X), jnp.ones((8, 64)), key=KEYS, train=True)[0] > 0
    assert abs(float((masks[0] == masks[1]).mean()) - 0.5) < 0.1


def test_linen_modules_may_take_deterministic_instead():
    class Told(linen.Module):
        @linen.compact
        def __call__(self, x, deterministic=True):
            return linen.Dropout(0.5, deterministic=deterministic)(x)

    net = from_linen(Told())
    given = *net.init(KEYS[0], X), X
    np.testing.assert_array_equal(net.apply(*given)[0], X)
    assert (net.apply(*given, key=KEYS, train=True)[0] == 0).any()


def test_nnx_networks_work_in_a_game():
    """BatchNorm, dropout and spectral norm inside `grad` inside `jit`, averaged too."""
    net = from_nnx(lambda rngs: Nnx(4, rngs)), from_nnx(lambda rngs: Nnx(1, rngs))
    game = gan(*net, latent=latents.normal(4), objective=objectives.non_saturating())
    rule = alternating(game, optax.adam(1e-2), optax.adam(1e-2), average=ema(0.5))
    batch = {"x": X[None, None], "index": jnp.arange(8)[None, None]}
    state = jax.jit(rule.init)(jax.random.key(0), batch)
    update = jax.jit(rule.update, donate_argnums=0)
    first = jax.device_get(state.g.params)
    for _ in range(3):
        state, metrics = update(state, batch)
    assert all(np.isfinite(float(m)) for m in metrics.values())
    assert not np.allclose(first["first"]["kernel"], state.g.params["first"]["kernel"])
    assert game.sample(state.generator, jax.random.key(1), jnp.arange(5), {}).shape == (5, 4)
