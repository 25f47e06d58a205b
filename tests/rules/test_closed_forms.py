"""Rules on linear games against their formulas as dense algebra, on bilinear ones at proven rates."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.errors import Refused
from jaxgan.games.toy import bilinear, dirac, of_losses, quadratic
from jaxgan.parts.objectives import wasserstein
from jaxgan.parts.optim import clip_weights
from jaxgan.parts.terms import Term
from jaxgan.rules.alternating import alternating
from jaxgan.rules.competitive import adaptive_competitive, competitive
from jaxgan.rules.consensus import consensus
from jaxgan.rules.extragradient import extragradient, past_extragradient
from jaxgan.rules.guard import guarded
from jaxgan.rules.look_through import look_through
from jaxgan.rules.lookahead import lookahead
from jaxgan.rules.optimistic import optimistic
from jaxgan.rules.simultaneous import simultaneous
from jaxgan.rules.symplectic import symplectic
from jaxgan.rules.unrolled import unrolled

H_G, H_D = 0.1, 0.2
SGD = optax.sgd(H_G), optax.sgd(H_D)
N, M = 3, 2
EMPTY = {"x": jnp.zeros((1, 1, 1))}


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def path(rule, steps):
    """The points [steps + 1, parameters] that a rule goes through, and the metrics of its last step."""
    state, update, points, metrics = rule.init(jax.random.key(0), EMPTY), jax.jit(rule.update), [], {}
    points.append(np.concatenate([np.ravel(state.g.params), np.ravel(state.d.params)]))
    for _ in range(steps):
        state, metrics = update(state, EMPTY)
        points.append(np.concatenate([np.ravel(state.g.params), np.ravel(state.d.params)]))
    return np.array(points), metrics


class Linear:
    """A game of random matrices, not zero-sum: its field is J w."""

    def __init__(self, seed=0):
        draw = np.random.RandomState(seed)
        self.p, self.q = (x + x.T for x in (draw.randn(N, N), draw.randn(M, M)))
        self.a, self.b = draw.randn(N, M), draw.randn(M, N)
        self.j = np.block([[self.p, self.a], [self.b, self.q]])
        self.game = quadratic(*map(jnp.array, (self.a, self.p, self.q, self.b)))


H = np.diag([H_G] * N + [H_D] * M)
START = np.ones(N + M)


def follow(step, count=4):
    """The points of w <- step(w), or of w_t <- step(w_t, w_{t-1}) with w_{-1} = w_0."""
    points = [START, START]
    for _ in range(count):
        points.append(step(*points[:-3:-1][: step.__code__.co_argcount]))
    return np.array(points[1:])


def agrees(rule, expected):
    values, metrics = path(rule, len(expected) - 1)
    np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9)
    return metrics


def test_simultaneous():
    x = Linear()
    agrees(simultaneous(x.game, *SGD), follow(lambda w: w - H @ x.j @ w))


def test_extragradient():
    x = Linear()
    agrees(extragradient(x.game, *SGD), follow(lambda w: w - H @ x.j @ (w - H @ x.j @ w)))


def test_past_extragradient():
    x, w, grads, points = Linear(), START, 0 * START, [START]
    for _ in range(4):
        grads = x.j @ (w - H @ grads)
        w = w - H @ grads
        points.append(w)
    agrees(past_extragradient(x.game, *SGD), np.array(points))


def test_optimistic():
    x = Linear()
    agrees(optimistic(x.game, *SGD), follow(lambda w, old: w - 2 * H @ x.j @ w + H @ x.j @ old))


def test_the_first_optimistic_step_is_plain():
    """As its docstring says: w + u_0, not the 2 u_0 of a previous update of 0."""
    first, plain = (path(rule(Linear().game, *SGD), 1)[0] for rule in (optimistic, simultaneous))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), first, plain)
    assert "The first step is w + u_0, as in optax" in optimistic.__doc__


def test_optimistic_adam_matches_optax():
    tx = optax.optimistic_adam_v2(0.1, nesterov=False)
    ours, _ = path(optimistic(Linear().game, optax.adam(0.1), optax.adam(0.1)), 5)
    theirs, _ = path(simultaneous(Linear().game, tx, tx), 5)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_extragradient_with_adam():
    """Gidel et al., 2019, algorithm 4, in numpy: either half moves the moments, from the same point."""
    x, w, m, v, t, points = Linear(), START, 0 * START, 0 * START, 0, [START]

    def step(w, grads):
        nonlocal m, v, t
        m, v, t = 0.5 * m + 0.5 * grads, 0.9 * v + 0.1 * grads**2, t + 1
        return w - 0.1 * (m / (1 - 0.5**t)) / (np.sqrt(v / (1 - 0.9**t)) + 1e-8)

    for _ in range(4):
        w = step(w, x.j @ step(w, x.j @ w))
        points.append(w)
    adam = optax.adam(0.1, 0.5, 0.9)
    agrees(extragradient(x.game, adam, adam), np.array(points))


def test_consensus():
    x = Linear()
    agrees(consensus(x.game, *SGD, weight=0.3), follow(lambda w: w - H @ (x.j @ w + 0.3 * x.j.T @ x.j @ w)))


def test_symplectic():
    x, w, signs, points = Linear(), START, [], [START]
    for _ in range(3):
        grads, rotation = x.j @ w, (x.j - x.j.T) / 2
        adjustment, pulled = rotation.T @ grads, x.j.T @ grads
        signs.append(np.sign((grads @ pulled) * (adjustment @ pulled) / len(w) + 0.1))
        w = w - H @ (grads + 0.3 * signs[-1] * adjustment)
        points.append(w)
    assert signs == [1, 1, -1]
    agrees(symplectic(x.game, *SGD, weight=0.3), np.array(points))


def test_near_an_equilibrium_the_symplectic_sign_is_positive():
    """The products under the sign are of fourth order in the distance, per parameter."""
    x, start = Linear(4), 0.208
    grads, pulled = x.j @ START, x.j.T @ x.j @ START
    aligned = start**4 * (grads @ pulled) * ((x.j.T - x.j) / 2 @ grads @ pulled)
    assert -0.5 < aligned < -0.1
    rule = symplectic(quadratic(*map(jnp.array, (x.a, x.p, x.q, x.b)), start=start), *SGD)
    assert path(rule, 1)[1]["sign"] == 1


def test_look_through():
    x, r = Linear(), 0.3

    def step(w):
        g, d = w[:N], w[N:]
        g_next, d_next = g - r * (x.p @ g + x.a @ d), d - r * (x.q @ d + x.b @ g)
        grad_g = x.p @ g + x.a @ d_next - r * x.b.T @ x.a.T @ g
        grad_d = x.q @ d + x.b @ g_next - r * x.a.T @ x.b.T @ d
        return w - H @ np.concatenate([grad_g, grad_d])

    agrees(look_through(x.game, *SGD, rate=r), follow(step))


@pytest.mark.parametrize("k", [1, 3])
def test_unrolled(k):
    x = Linear()

    def step(w):
        g, d = w[:N], w[N:]
        slope = np.zeros((M, N))  # of D's parameters by G's
        for _ in range(k):
            d, slope = d - H_D * (x.q @ d + x.b @ g), slope - H_D * (x.q @ slope + x.b)
        grad_g = x.p @ g + x.a @ d + slope.T @ x.a.T @ g
        return w - H @ np.concatenate([grad_g, (x.j @ w)[N:]])

    agrees(unrolled(x.game, *SGD, steps=k), follow(step))


def test_look_through_with_d_s_rate_sees_the_step_of_d():
    """With a term m ψθ of D, whose m grows at every look: D steps by (1 + m) θ, and by m = 0.

    L_g = -ψ'θ with ψ' = ψ - r (1 + m) θ has the slope -ψ + 2 r (1 + m) θ, which is g/grad too.
    """
    growing = Term("growing", lambda: jnp.zeros(()), lambda view, m: (m * view.fake_out, m + 1))
    game = dirac(wasserstein(), d_terms=[growing])
    rule = look_through(game, optax.sgd(0.1), optax.sgd(0.1), rate=0.1)
    batches = {"x": jnp.zeros((1, 1, 1, 1)), "index": jnp.zeros((1, 1, 1), jnp.uint32)}
    state = rule.init(jax.random.key(0), batches)
    after, metrics = rule.update(state, batches)
    slope = -1 + 2 * 0.1
    np.testing.assert_allclose(after.g.params - state.g.params, -0.1 * slope, rtol=1e-5)
    np.testing.assert_allclose(metrics["g/grad"], -slope, rtol=1e-5)


def joint_step(x, rates, grads):
    """The equilibrium of the bilinear game around a point, as one dense system for both players."""
    mixed = np.block([[np.zeros((N, N)), x.a], [x.b, np.zeros((M, M))]])
    return np.linalg.solve(np.eye(N + M) + np.diag(rates) @ mixed, -rates * grads)


def test_competitive():
    """Also where no player's loss is the negative of the other's."""
    x = Linear()
    rule = competitive(x.game, H_G, H_D, products=N)
    metrics = agrees(rule, follow(lambda w: w + joint_step(x, np.diag(H), x.j @ w)))
    assert metrics["residual"] < 1e-9


def test_competitive_reports_the_residual():
    x = Linear()
    _, metrics = path(competitive(x.game, 1.0, 1.0, products=1), 1)
    assert metrics["residual"] > 0.01


def test_competitive_rates_may_be_schedules():
    x, halving = Linear(), lambda step: H_G / (1 + step)
    points = [START]
    for t in range(3):
        points.append(points[-1] + joint_step(x, np.repeat([H_G / (1 + t), H_D], [N, M]), x.j @ points[-1]))
    agrees(competitive(x.game, halving, H_D, products=N), np.array(points))


def test_adaptive_competitive():
    x, w, v, points = Linear(), START, 0 * START, [START]
    for t in range(1, 5):
        grads = x.j @ w
        v = 0.9 * v + 0.1 * grads**2
        w = w + joint_step(x, np.diag(H) / (np.sqrt(v / (1 - 0.9**t)) + 1e-3), grads)
        points.append(w)
    agrees(adaptive_competitive(x.game, H_G, H_D, decay=0.9, eps=1e-3, products=N), np.array(points))


def test_lookahead():
    x, w, slow, points = Linear(), START, START, [START]
    for t in range(1, 8):
        w = w - H @ x.j @ w
        if t % 3 == 0:
            w = slow = slow + 0.4 * (w - slow)
        points.append(w)
    agrees(lookahead(simultaneous(x.game, *SGD), every=3, pull=0.4), np.array(points))


def test_lookahead_does_not_count_skipped_updates():
    """G descends by 1 a step. The fifth update is skipped, so the sixth is the one that draws back."""
    line = of_losses(lambda g, d: g + d, lambda g, d: jnp.where(g == -4.0, jnp.nan, 0.0) * d, 0.0, 0.0)
    rule = guarded(lookahead(simultaneous(line, optax.sgd(1.0), optax.sgd(1.0)), every=5), skip=True)
    state, path = rule.init(jax.random.key(0), EMPTY), []
    for n in range(7):
        if n == 5:  # what was in its way is gone
            state = state.replace(g=state.g.replace(params=state.g.params - 0.5))
        state, _ = rule.update(state, EMPTY)
        path.append(float(state.g.params))
    np.testing.assert_allclose(path, [-1, -2, -3, -4, -4, -2.75, -3.75])


def test_lookahead_around_a_guarded_rule_is_refused():
    rule = lookahead(guarded(simultaneous(bilinear(), *SGD)))
    with pytest.raises(Refused, match="lookahead would move a halted run"):
        rule.init(jax.random.key(0), EMPTY)


@pytest.mark.parametrize("rule", [extragradient, past_extragradient, optimistic])
def test_some_rules_refuse_optimisers_that_accumulate_gradients(rule):
    """By MultiSteps the look ahead would be a step every other time, and the step the look."""
    waiting = optax.MultiSteps(optax.sgd(0.1), 2).gradient_transformation()
    for tx in ((waiting, SGD[1]), (SGD[0], optax.chain(SGD[1], optax.apply_every(2)))):
        with pytest.raises(Refused, match="--micro-batches, which accumulates them within an update"):
            rule(bilinear(), *tx).init(jax.random.key(0), EMPTY)


def test_optimistic_refuses_projections():
    box = optax.chain(optax.sgd(1.0), clip_weights(0.01))
    scheduled = optax.inject_hyperparams(lambda lr: optax.chain(optax.sgd(lr), clip_weights(0.01)))(0.1)
    for tx in ((box, SGD[1]), (SGD[0], scheduled)):
        with pytest.raises(Refused, match="use past_extragradient instead"):
            optimistic(bilinear(), *tx).init(jax.random.key(0), EMPTY)
    rule = past_extragradient(bilinear(start=0.005), box, box)
    state = rule.init(jax.random.key(0), EMPTY)
    for _ in range(9):
        state, _ = rule.update(state, EMPTY)
        assert max(abs(float(p.params)) for p in (state.g, state.d)) <= 0.01


def test_zero_products_or_updates_are_refused():
    with pytest.raises(Refused, match="at least 1 product"):
        competitive(bilinear(), 0.1, 0.1, products=0)
    with pytest.raises(Refused, match="every=1 or more updates, not 0"):
        lookahead(simultaneous(bilinear(), *SGD), every=0)


# on min max g d with steps of h: the field turns by 90 degrees, so a step is a complex number

h = 0.2
STEPS = optax.sgd(h), optax.sgd(h)


def factor(rule, steps=200, each=1):
    """By how much `each` updates multiply the distance to the equilibrium, in the long run."""
    points, _ = path(rule, steps)
    radius = np.hypot(*points.T)
    return (radius[-1] / radius[steps // 2]) ** (each / (steps - steps // 2))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (lambda game: simultaneous(game, *STEPS), np.sqrt(1 + h**2)),
        (lambda game: extragradient(game, *STEPS), np.sqrt(1 - h**2 + h**4)),
        (lambda game: past_extragradient(game, *STEPS), max(abs(np.roots([1, -(1 + 2j * h), 1j * h])))),
        (lambda game: optimistic(game, *STEPS), max(abs(np.roots([1, -(1 + 2j * h), 1j * h])))),
        (lambda game: consensus(game, *STEPS, weight=0.5), np.hypot(1 - h * 0.5, h)),
        (lambda game: symplectic(game, *STEPS, weight=0.5), np.hypot(1 - h * 0.5, h)),
        (lambda game: look_through(game, *STEPS, rate=0.5), np.hypot(1 - 2 * h * 0.5, h)),
        (lambda game: competitive(game, h, h, products=1), 1 / np.sqrt(1 + h**2)),
    ],
    ids=[
        "simultaneous",
        "extragradient",
        "past_extragradient",
        "optimistic",
        "consensus",
        "symplectic",
        "look_through",
        "competitive",
    ],
)
def test_the_proven_rate_on_a_bilinear_game(rule, expected):
    np.testing.assert_allclose(factor(rule(bilinear())), expected, rtol=1e-9)


def test_lookahead_makes_a_diverging_rule_converge():
    rule = lookahead(simultaneous(bilinear(), *STEPS), every=5, pull=0.5)
    expected = abs(1 + 0.5 * ((1 + 1j * h) ** 5 - 1))
    assert expected < 1
    np.testing.assert_allclose(factor(rule, each=5), expected, rtol=1e-9)


def test_alternating_keeps_its_invariant():
    points, _ = path(alternating(bilinear(), *STEPS), 1000)
    g, d = points.T
    np.testing.assert_allclose(g**2 + h * g * d + d**2, 2 + h, rtol=1e-9)
