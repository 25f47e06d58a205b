"""One D before several streams of fakes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.games.adversary import Turn
from jaxgan.parts.rng import each

B = 4
REAL, DRAWN, REBUILT = jax.random.normal(jax.random.key(0), (3, B, 3))
KEYS = each(jax.random.key(1), jnp.arange(B))
MEETINGS = {"drawn": jg.Meeting(REAL, DRAWN), "rebuilt": jg.Meeting(REAL, REBUILT)}


def critic(size=3, **more):
    """A linear D whose statistics count its calls."""
    network = jg.Network(
        lambda key, x: (jax.random.normal(key, (size,)), {"calls": jnp.int32(0)}),
        lambda w, stats, x, key=None, train=False: (x @ w[:3], {"calls": stats["calls"] + train}),
    )
    return jg.adversary(network, jg.objectives.hinge(), **more)


def test_a_shared_d_adds_the_losses_of_all_streams():
    far = jg.terms.stateless("far", lambda v: jnp.square(v.real_plain - v.fake_plain).sum(axis=1))
    both = jg.shared({"drawn": critic(weight=2.0), "rebuilt": critic(weight=0.0, g_terms=[far])})
    side, memory = both.init(jax.random.key(2), MEETINGS, KEYS)
    w = side.params
    assert w.shape == (3,)
    turn = Turn(KEYS, jnp.int32(0), jnp.int32(0))

    views, stats, memory = both.meet("d", *side, memory, MEETINGS, turn)
    loss, metrics, memory = both.d_loss(views, memory)
    relu, (r, a, b) = jax.nn.relu, (x @ w for x in (REAL, DRAWN, REBUILT))
    by_hand = (2 * relu(1 - r) + relu(1 + a) + relu(1 + b)).mean()
    np.testing.assert_allclose(loss, by_hand, rtol=1e-5)
    np.testing.assert_allclose(metrics["d/rebuilt/adv"], (relu(1 - r) + relu(1 + b)).mean(), rtol=1e-5)
    assert stats["calls"] == 4  # of both meetings, one after another

    views, _, memory = both.meet("g", *side, memory, MEETINGS, turn)
    loss, metrics, _ = both.g_loss(views, memory)
    expected = -2 * a.mean() + jnp.square(REAL - REBUILT).sum(axis=1).mean()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    assert [name for name in metrics if "far" in name] == ["g/rebuilt/far"]
    np.testing.assert_allclose(both.judge(side, REAL, {}), r, rtol=1e-6)


def test_networks_that_differ_are_refused():
    both = jg.shared({"drawn": critic(), "rebuilt": critic(size=5)})
    with pytest.raises(jg.Refused, match="drawn and rebuilt share one D, but their networks differ"):
        both.init(jax.random.key(2), MEETINGS, KEYS)
    with pytest.raises(jg.Refused, match="needs one or more"):
        jg.shared({})
