"""Gradients of penalties on parameters, by finite differences and by hand, and as part of an optimiser."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan as jg
from jaxgan.parts.regularisers import historical_averaging, orthogonal_regularisation

PARAMS = {
    "conv": {"kernel": jax.random.normal(jax.random.key(0), (2, 2, 3, 4)), "bias": jnp.ones(4)},
    "dense": {"kernel": jax.random.normal(jax.random.key(1), (5, 3))},
    "table": {"embedding": jax.random.normal(jax.random.key(2), (6, 3))},
}


def added(tx, params, state=None):
    """What it adds to a gradient of 1, and its memory."""
    ones = jax.tree.map(jnp.ones_like, params)
    updates, state = jax.jit(tx.update)(ones, tx.init(params) if state is None else state, params)
    return jax.tree.map(lambda x: np.asarray(x - 1, np.float64), updates), state


def penalty(w):
    """|W^T W * (1 - I)|^2 by a loop over pairs of outputs: twice each pair."""
    w = w.reshape(-1, w.shape[-1])
    outputs = range(w.shape[1])
    return sum((w[:, i] @ w[:, j]) ** 2 for i in outputs for j in outputs if i != j)


def test_orthogonal_regularisation_by_finite_differences():
    """The whole gradient: half of it, as in much public code, would be 2 beta W (W^T W * (1 - I))."""
    got, _ = added(orthogonal_regularisation(0.1), PARAMS)
    for layer in ("conv", "dense"):
        w = np.asarray(PARAMS[layer]["kernel"], np.float64)
        for place in ((0,) * w.ndim, tuple(n - 1 for n in w.shape)):
            step = np.zeros_like(w)
            step[place] = 1e-5
            slope = 0.1 * (penalty(w + step) - penalty(w - step)) / 2e-5
            assert got[layer]["kernel"][place] == pytest.approx(slope, rel=1e-3, abs=1e-4)
    assert not got["conv"]["bias"].any()
    assert not got["table"]["embedding"].any()


def test_orthogonal_outputs_of_any_size_are_left_alone():
    w = jnp.linalg.qr(PARAMS["dense"]["kernel"])[0] * jnp.array([0.1, 1.0, 10.0])
    np.testing.assert_allclose(added(orthogonal_regularisation(1.0), {"w": w})[0]["w"], 0, atol=1e-4)
    assert np.abs(added(orthogonal_regularisation(1.0), {"w": w.T})[0]["w"]).max() > 1  # not the inputs


def test_historical_averaging_by_hand():
    tx, state, seen = historical_averaging(0.5), None, []
    for t in range(4):
        w = jnp.array([1.0, 2.0]) * t**2
        seen.append(np.asarray(w))
        got, state = added(tx, {"w": w}, state)
        np.testing.assert_allclose(got["w"], 2 * 0.5 * (seen[-1] - np.mean(seen, 0)), rtol=1e-5)
    assert state.steps == 4
    np.testing.assert_allclose(state.mean["w"], np.mean(seen, 0))


def test_weight_0_changes_nothing():
    for tx in (orthogonal_regularisation(0.0), historical_averaging(0.0)):
        for update in jax.tree.leaves(added(tx, PARAMS)[0]):
            np.testing.assert_array_equal(update, 0)


def test_in_a_chain_they_damp_a_turning_game():
    """Of the bilinear game, of which gradient steps spiral outwards."""
    reached = []
    for weight in (0.0, 2.0):
        tx = optax.chain(historical_averaging(weight), optax.sgd(0.1))

        def step(carry, _, tx=tx):
            (x, y), states = carry
            moves = [tx.update(g, s, p) for g, s, p in ((y, states[0], x), (-x, states[1], y))]
            (dx, one), (dy, other) = moves
            return ((x + dx, y + dy), (one, other)), 0

        start = (jnp.float32(1), jnp.float32(1))
        (end, _), _ = jax.lax.scan(step, (start, (tx.init(start[0]), tx.init(start[1]))), None, 200)
        reached.append(np.hypot(*end))
    assert reached[1] < np.hypot(*start) < reached[0]


def test_a_negative_weight_is_refused():
    for make in (orthogonal_regularisation, historical_averaging):
        with pytest.raises(jg.Refused, match=f"the weight of {make.__name__} must be 0 or more, not -1"):
            make(-1.0)
