"""Layers that keep activations at unit variance."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.models.layers import UnitBlock, UnitConv, UnitDense, unit_kernel, unit_leaky_relu, unit_weights
from jaxgan.parts.optim import projected

KEY = jax.random.key(0)


def test_unit_kernels_are_centred_and_of_norm_1():
    w = np.asarray(unit_kernel(5 + 3 * jax.random.normal(KEY, (3, 3, 4, 6))))
    np.testing.assert_allclose(w.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(np.square(w).sum((0, 1, 2)), 1, rtol=1e-5)


def test_a_constant_has_no_effect_and_neither_has_the_size_of_weights():
    """Weights that are only normalised, not centred, pass the mean on."""
    x = jax.random.normal(KEY, (2, 8))
    variables = UnitDense(3).init(KEY, x)
    y = UnitDense(3).apply(variables, x)
    np.testing.assert_allclose(UnitDense(3).apply(variables, x + 7), y, atol=1e-5)
    larger = jax.tree.map(lambda w: 4 * w, variables)
    np.testing.assert_allclose(UnitDense(3).apply(larger, x), y, atol=1e-5)
    kernel = np.asarray(variables["params"]["kernel"])
    kernel = (kernel - kernel.mean(0)) / np.linalg.norm(kernel - kernel.mean(0), axis=0)
    np.testing.assert_allclose(y, x @ kernel, atol=1e-5)


def test_a_bias_is_the_weight_of_a_constant():
    x = jax.random.normal(KEY, (5, 8))
    variables = UnitDense(3, bias=True).init(KEY, x)
    both = UnitDense(3).apply(variables, jnp.concatenate([x, jnp.ones((5, 1))], axis=1))
    np.testing.assert_allclose(UnitDense(3, bias=True).apply(variables, x), both, atol=1e-5)


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_the_activation_keeps_the_variance_of_a_normal(slope):
    place = np.linspace(-8, 8, 4001)
    weight = np.exp(-(place**2) / 2) / np.exp(-(place**2) / 2).sum()
    y = np.asarray(unit_leaky_relu(jnp.asarray(place), slope))
    assert (weight * y**2).sum() - (weight * y).sum() ** 2 == pytest.approx(1, abs=1e-3)


def test_a_block_is_the_identity_at_the_start_and_knows_its_variance():
    x = jax.random.normal(KEY, (8, 8, 8, 64))
    block = UnitBlock(group=16)

    @jax.jit
    def play(amount, variance):
        params = block.init(KEY, x, jnp.ones(64))["params"]
        return block.apply(
            {"params": {**params, "amount": jnp.full(64, amount)}}, x * jnp.sqrt(variance), variance
        )

    y, v = play(0.0, jnp.ones(64))
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(v, 1)
    for variance in (1.0, 4.0):  # the branch's variance does not depend on its input's
        y, v = play(10.0, variance * jnp.ones(64))  # tanh 10 is 1: the most that a block can add
        np.testing.assert_allclose(v, variance + 1, rtol=1e-5)
        assert float(y.var()) == pytest.approx(variance + 1, rel=0.1)


def test_parameters():
    shapes = jax.eval_shape(UnitBlock(2, 16).init, KEY, jnp.ones((1, 4, 4, 32)), jnp.ones(32))["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == 33 * 64 + 9 * 16 * 64 + 64 * 32 + 32
    assert UnitConv(8, 5, 4).init(KEY, jnp.ones((1, 4, 4, 8)))["params"]["kernel"].shape == (5, 5, 4, 8)


def test_stored_weights_can_be_kept_normalised():
    """The network stays the same, and a step changes the direction of weights by as much as at the start."""
    x = jax.random.normal(KEY, (2, 8))
    params = jax.tree.map(lambda w: 9 * w, UnitDense(3).init(KEY, x)["params"])
    tx = optax.chain(optax.sgd(0.0), projected(unit_weights))
    updates, _ = tx.update(jax.tree.map(jnp.ones_like, params), tx.init(params), params)
    after = optax.apply_updates(params, updates)
    assert float(jnp.square(after["kernel"]).mean()) == pytest.approx(1, rel=1e-4)
    before, now = (UnitDense(3).apply({"params": p}, x) for p in (params, after))
    np.testing.assert_allclose(now, before, atol=1e-4)
