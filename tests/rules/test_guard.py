"""The guard by numbers at the edge: sums that overflow, memories that do, and lanes of which one fails."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.games.toy import bilinear
from jaxgan.rules.alternating import alternating
from jaxgan.rules.guard import guarded

EMPTY = {"x": jnp.zeros((1, 1, 1))}


def remembering(number):
    """Plain steps of an optimiser that remembers two numbers, `number` at the place of the step."""

    def update(updates, memory, params=None):
        return updates, memory.at[0].set(number).at[1].set(number)

    return optax.chain(
        optax.sgd(0.1), optax.GradientTransformation(lambda params: jnp.zeros(2, jnp.float32), update)
    )


@pytest.mark.parametrize(("number", "fails"), [(3e38, False), (np.inf, True), (np.nan, True)])
def test_finite_numbers_with_an_infinite_sum_pass(number, fails):
    rule = guarded(alternating(bilinear(), optax.sgd(0.1), remembering(number)))
    start = rule.init(jax.random.key(0), EMPTY)
    state, _ = jax.jit(rule.update)(start, EMPTY)
    assert int(state.rule.failed) == (0 if fails else -1)
    assert (float(state.d.params) == float(start.d.params)) == fails
    assert float(state.d.opt_state[1][0]) == np.float32(0.0 if fails else number)


@pytest.mark.parametrize("numbers", [(np.inf, 0.0), (0.0, np.nan), (np.inf, -np.inf), (3e38, 3e38)])
def test_all_arrays_that_are_summed_in_one_pass_are_checked(numbers):
    """Two of one shape, as Adam's are: one, the other, what might cancel, and what only their sum exceeds."""

    def update(updates, memory, params=None):
        return updates, tuple(x.at[4000].set(number) for x, number in zip(memory, numbers, strict=True))

    big = optax.GradientTransformation(lambda params: (jnp.zeros(5000),) * 2, update)
    rule = guarded(alternating(bilinear(), optax.sgd(0.1), optax.chain(optax.sgd(0.1), big)))
    state, _ = jax.jit(rule.update)(rule.init(jax.random.key(0), EMPTY), EMPTY)
    assert int(state.rule.failed) == (-1 if np.isfinite(numbers).all() else 0)


def test_only_the_failing_lane_is_halted():
    rule = alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1))

    def update(state, batches):
        new, metrics = rule.update(state, batches)
        bad = (state.step == 1) & (state.extra == 1)
        return new.replace(g=new.g.replace(params=jnp.where(bad, jnp.nan, new.g.params))), metrics

    guarded_rule = guarded(rule._replace(update=update))
    state = guarded_rule.init(jax.random.key(0), EMPTY)
    states = jax.tree.map(lambda x: jnp.stack([x, x]), state.replace(extra=())).replace(extra=jnp.arange(2))
    lanes, path = jax.jit(jax.vmap(guarded_rule.update, (0, None))), []
    for _ in range(3):
        states, _ = lanes(states, EMPTY)
        path.append(np.asarray(states.g.params))
    assert states.rule.failed.tolist() == [-1, 1]
    assert states.step.tolist() == [3, 3]
    assert path[2][1] == path[1][1] == path[0][1]
    assert len({float(step[0]) for step in path}) == 3
