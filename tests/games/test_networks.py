"""Games of several networks in either side, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.games.adversary import Turn
from jaxgan.games.game import Context
from jaxgan.parts.rng import each, fold

B, N = 8, 3
BATCH = {"x": jax.random.normal(jax.random.key(7), (B, N)), "index": jnp.arange(B)}
MATRIX = jnp.array([[1.0, 0.2, 0.0], [-0.3, 0.8, 0.1], [0.0, 0.4, 1.2]])


def linear(matrix):
    """x -> x @ matrix, which is its only parameter."""
    return jg.Network(
        lambda key, x: (jnp.asarray(matrix), {}), lambda w, stats, x, key=None, train=False: (x @ w, stats)
    )


def moments(size):
    """D whose logit is linear in x and in all products of two of its numbers, and 0 at the start."""

    def apply(w, stats, x, key=None, train=False):
        products = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
        return jnp.concatenate([x, products], axis=1) @ w, stats

    return jg.Network(lambda key, x: (jnp.zeros(size + size**2), {}), apply)


def context_of(game, batch=BATCH):
    g, d, extra = game.init(jax.random.key(0), batch)
    return g, d, Context(g.stats, d.stats, extra, jnp.int32(0), batch, jax.random.key(5), jnp.int32(0))


def latents_of(context, size=N):
    keys = fold(each(context.key, context.batch["index"]), "z")
    return jax.vmap(jg.latents.normal(size).draw)(keys)


def of_pairs(encoder, objective, d=None):
    """E and G of one matrix each, and a D of pairs."""

    def play(call, z, batch, turn):
        x = batch["x"]
        real, fake = jnp.hstack([x, call("e", x)]), jnp.hstack([call("g", z), z])
        return jg.Meeting(real, fake), {}

    return jg.networks_game(
        jg.adversary(d or moments(2 * N), objective),
        {"e": linear(encoder), "g": linear(MATRIX)},
        latent=jg.latents.normal(N),
        play=play,
        decode=lambda call, z, given: call("g", z),
    )


@pytest.mark.parametrize("inverse", [True, False])
def test_pairs_of_an_encoder_that_inverts_g_cannot_be_told_apart(inverse):
    """x = G(z) of the same latents and E = 1/G: both halves are equal, and logits of 0 are the best of D."""
    game = of_pairs(jnp.linalg.inv(MATRIX) if inverse else MATRIX, jg.objectives.non_saturating())
    g, d, context = context_of(game)
    context = context._replace(batch={**BATCH, "x": latents_of(context) @ MATRIX})
    slope = jax.grad(game.d_loss, 1, has_aux=True)(g.params, d.params, context)[0]
    assert (float(jnp.abs(slope).max()) < 1e-5) == inverse


def test_an_encoder_learns_from_the_exchanged_real_half_alone():
    """The trap of public code: with the loss of the fake half E gets no gradient at all."""
    of_d = linear(jnp.linspace(-1, 1, 2 * N))
    plain, both = jg.objectives.non_saturating(), jg.objectives.swapped(jg.objectives.non_saturating())
    slopes = {}
    for name, objective in (("plain", plain), ("both", both)):
        game = of_pairs(MATRIX, objective, of_d)
        g, d, context = context_of(game)
        slopes[name], aux = jax.grad(game.g_loss, has_aux=True)(g.params, d.params, context)
    assert not slopes["plain"]["e"].any()
    w, x, z = (np.asarray(v, np.float64) for v in (d.params, BATCH["x"], latents_of(context)))
    r, f = (np.hstack(pair) @ w for pair in ((x, x @ MATRIX), (z @ MATRIX, z)))
    np.testing.assert_allclose(aux.metrics["g/adv"], np.mean(np.logaddexp(0, r) + np.logaddexp(0, -f)), 1e-5)
    by_hand = np.einsum("b,bi,j->ij", 1 / (1 + np.exp(-r)), x, w[N:]) / B
    np.testing.assert_allclose(slopes["both"]["e"], by_hand, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(slopes["both"]["g"], slopes["plain"]["g"], rtol=1e-5)


def test_swapping_twice_of_a_symmetric_loss_is_the_loss_of_d():
    r, f = jax.random.normal(jax.random.key(0), (2, 5))
    for objective in (jg.objectives.hinge(), jg.objectives.relativistic()):
        np.testing.assert_array_equal(jg.objectives.swapped(objective).g_loss(r, f), objective.d_loss(f, r))
    over = jg.objectives.swapped(jg.objectives.relativistic_average()).over
    assert over is not None
    expected = jg.objectives.relativistic_average().over(jg.parts.types.Lowering()).d_loss(f, r)
    np.testing.assert_array_equal(over(jg.parts.types.Lowering()).g_loss(r, f), expected)


def test_calls_keep_statistics_and_have_keys_of_their_own():
    seen = []

    def apply(params, stats, x, key=None, train=False):
        if train:
            seen.append(key)
        return x * params, {"calls": stats["calls"] + train}

    counting = jg.Network(lambda key, x: (jnp.ones(()), {"calls": jnp.int32(0)}), apply)

    def play(call, z, batch, turn):
        return jg.Meeting(batch["x"], call("g", call("g", z))), {"own": jnp.ones(B)}

    options = {"latent": jg.latents.normal(N), "play": play, "decode": lambda call, z, given: call("g", z)}
    critic = jg.adversary(linear(jnp.ones(N)), jg.objectives.hinge())
    game = jg.networks_game(critic, {"g": counting}, **options)
    g, d, context = context_of(game)
    _, aux = game.g_loss(g.params, d.params, context)
    assert aux.g_stats["g"]["calls"] == 2
    assert aux.metrics["g/own"] == 1
    first, second = seen[-2:]
    assert not (jax.random.key_data(first) == jax.random.key_data(second)).all()
    alone = game.sample(g, jax.random.key(1), jnp.array([4]), {})
    np.testing.assert_array_equal(game.sample(g, jax.random.key(1), jnp.arange(6), {})[4], alone[0])

    with pytest.raises(jg.Refused, match="never calls the network e"):
        jg.networks_game(critic, {"g": counting, "e": counting}, **options).init(jax.random.key(0), BATCH)
    with pytest.raises(jg.Refused, match="no network is called g: there are h"):
        jg.networks_game(critic, {"h": counting}, **options).init(jax.random.key(0), BATCH)
    with pytest.raises(jg.Refused, match='may be called "latent"'):
        jg.networks_game(critic, {"latent": counting}, **options)
    several = jg.several({"a": critic, "b": critic})
    wrong = {**options, "play": lambda call, z, batch, turn: ({"a": jg.Meeting(z, call("g", z))}, {})}
    with pytest.raises(jg.Refused, match="it returns none for b"):
        jg.networks_game(several, {"g": counting}, **wrong).init(jax.random.key(0), BATCH)


def test_a_prior_with_parameters_is_trained_with_the_networks():
    def play(call, z, batch, turn):
        return jg.Meeting(batch["x"], call("g", z)), {}

    game = jg.networks_game(
        jg.adversary(linear(jnp.ones(N)), jg.objectives.hinge()),
        {"g": linear(MATRIX)},
        latent=jg.latents.mixture(4, N),
        play=play,
        decode=lambda call, z, given: call("g", z),
    )
    g, d, context = context_of(game)
    slope = jax.grad(game.g_loss, has_aux=True)(g.params, d.params, context)[0]
    assert slope["latent"]["mean"].any()
    assert game.sample(g, jax.random.key(1), jnp.arange(3), {}).shape == (3, N)


def test_a_game_without_an_adversary_is_a_minimisation():
    """A linear autoencoder of one matrix, and an empty side of D, under the usual rule."""
    import optax

    def play(call, z, batch, turn):
        return {}, {"error": jnp.square(call("g", batch["x"]) - batch["x"]).sum(axis=1)}

    game = jg.networks_game(
        jg.several({}),
        {"g": linear(MATRIX)},
        latent=jg.latents.normal(N),
        play=play,
        decode=lambda call, z, given: call("g", z),
    )
    rule = jg.alternating(game, optax.sgd(0.1), optax.sgd(0.1))
    batches = jax.tree.map(lambda x: x[None, None], BATCH)
    state = rule.init(jax.random.key(0), batches)
    new, metrics = jax.jit(rule.update)(state, batches)
    x = np.asarray(BATCH["x"], np.float64)
    slope = 2 * x.T @ (x @ MATRIX - x) / B
    np.testing.assert_allclose(new.g.params["g"], MATRIX - 0.1 * slope, rtol=1e-4, atol=1e-6)
    assert new.d.params == {}
    assert metrics["d/grad"] == 0


def test_the_elbo_of_a_linear_decoder_with_its_posterior_is_the_log_likelihood():
    """E over q is exact on 2 n points of its covariance, since the error is quadratic in the code."""
    with jax.enable_x64(True):
        w = np.array([[1.0, 0.5, -0.2], [0.0, 0.8, 0.3]])  # codes of 2 -> x of 3
        x, s = np.array([0.7, -1.1, 0.4]), 0.6
        precision = np.eye(2) + w @ w.T / s**2
        values, vectors = np.linalg.eigh(precision)
        w = vectors.T @ w  # in the axes of the posterior, which is diagonal there
        mean, variance = w @ x / s**2 / values, 1 / values
        points = mean + np.sqrt(2 * variance)[None] * np.vstack([np.eye(2), -np.eye(2)])
        error = jg.gaussian.negative_log_likelihood(np.tile(x, (4, 1)), points @ w, s).mean()
        kl = jg.gaussian.kl_to_prior(jnp.asarray(mean[None]), jnp.log(variance[None]))[0]
        covariance = w.T @ w + s**2 * np.eye(3)
        quadratic = x @ np.linalg.solve(covariance, x) + np.linalg.slogdet(covariance)[1]
        np.testing.assert_allclose(error + kl, (quadratic + 3 * np.log(2 * np.pi)) / 2, rtol=1e-10)


def test_draws_of_a_normal_have_its_mean_and_variance_and_depend_on_the_row():
    keys, ones = jax.random.split(jax.random.key(0), 4000), jnp.ones((4000, 1))
    drawn = jg.gaussian.draw(keys, 3 * ones, jnp.log(4.0) * ones)
    np.testing.assert_allclose([drawn.mean(), drawn.var()], [3, 4], rtol=0.1)
    np.testing.assert_array_equal(
        jg.gaussian.draw(keys[5:6], 3 * ones[:1], jnp.log(4.0) * ones[:1])[0], drawn[5]
    )


# a teacher N(0, a^2), a generator b z, and noise of deviation s: four points with exact second moments
A, SCALE, NOISE = 1.5, 0.7, 0.4
Z, NOISES = jnp.array([[1.0], [1.0], [-1.0], [-1.0]]), jnp.array([[1.0], [-1.0], [1.0], [-1.0]])


def distilled(**more):
    """G's and the score network's losses in DMD's form, with scores that are linear in x."""
    teacher = jg.Frozen(linear(jnp.zeros(())), jnp.array([[-1 / (A**2 + NOISE**2)]]))

    def denoising(call, meeting, turn):
        x = meeting.fake + NOISE * NOISES
        return {"score": jnp.square(NOISE * call("score", x) + NOISES).sum(axis=1)}

    def matching(call, meeting, turn):
        x = meeting.fake + NOISE * NOISES
        difference = call("score", x) - call("teacher", x)
        return {"matching": (jax.lax.stop_gradient(difference) * x).sum(axis=1)}

    score = {"score": linear(jnp.array([[-1 / (SCALE**2 + NOISE**2)]]))}
    return jg.companions(score, d_losses=denoising, g_losses=matching, frozen={"teacher": teacher}, **more)


def test_distribution_matching_descends_the_divergence_from_the_teacher():
    """d KL(N(0, b^2 + s^2) | N(0, a^2 + s^2)) / db, by hand, and nothing reaches the teacher."""
    pair, turn = distilled(), Turn(jax.random.split(jax.random.key(0), 4), jnp.int32(0), jnp.int32(0))
    side, memory = pair.init(jax.random.key(0), jg.Meeting(Z, SCALE * Z), turn.keys)

    def loss(b, memory, who="g"):
        losses, _, memory = pair.meet(who, *side, memory, jg.Meeting(Z, b * Z), turn)
        return getattr(pair, f"{who}_loss")(losses, memory)[0]

    slope, of_teacher = jax.grad(loss, (0, 1))(SCALE, memory)
    expected = SCALE / (A**2 + NOISE**2) - SCALE / (SCALE**2 + NOISE**2)
    np.testing.assert_allclose(slope, expected, rtol=1e-5)
    assert not any(x.any() for x in jax.tree.leaves(of_teacher))
    assert sorted(memory) == ["teacher"]


def test_the_score_network_is_best_at_the_score_of_noised_fakes():
    pair, turn = distilled(), Turn(jax.random.split(jax.random.key(0), 4), jnp.int32(0), jnp.int32(0))
    meeting = jg.Meeting(Z, SCALE * Z)
    side, memory = pair.init(jax.random.key(0), meeting, turn.keys)

    def loss(params):
        losses, _, memory_now = pair.meet("d", params, side.stats, memory, meeting, turn)
        return pair.d_loss(losses, memory_now)[0]

    assert abs(float(jax.grad(loss)(side.params)["score"][0, 0])) < 1e-5
    assert float(jax.grad(loss)({"score": 2 * side.params["score"]})["score"][0, 0]) < -0.1


def test_companions_that_cannot_be_are_refused():
    net = linear(jnp.ones((1, 1)))
    with pytest.raises(jg.Refused, match="both trained and frozen"):
        jg.companions({"a": net}, d_losses=lambda *_: {}, frozen={"a": jg.Frozen(net, jnp.ones((1, 1)))})
    idle = jg.companions({"a": net}, d_losses=lambda *_: {})
    with pytest.raises(jg.Refused, match="`d_losses` never calls the network a"):
        idle.init(jax.random.key(0), jg.Meeting(Z, Z), each(jax.random.key(0), jnp.arange(4)))


def test_each_network_has_its_own_optimiser():
    import optax

    params = {"critic": {"w": jnp.ones(2)}, "score": jnp.ones(3)}
    tx = jg.each_own({"critic": optax.sgd(1.0), "score": optax.adam(0.5)})
    updates, _ = tx.update(params, tx.init(params), params)
    np.testing.assert_allclose(updates["critic"]["w"], -1)
    np.testing.assert_allclose(updates["score"], -0.5, rtol=1e-5)
    with pytest.raises(jg.Refused, match="the side has critic, score, but optimisers are given for critic"):
        jg.each_own({"critic": optax.sgd(1.0)}).init(params)
    with pytest.raises(jg.Refused, match="one network alone"):
        jg.each_own({"critic": optax.sgd(1.0)}).init(jnp.ones(2))


@pytest.mark.parametrize("fixed", [True, False])
def test_a_fixed_call_lets_losses_through_to_its_inputs_but_not_to_its_parameters(fixed):
    """E(G(z)) against z, by which G learns and E does not: with the cut E's gradient is 0, without it not."""

    def play(call, z, batch, turn):
        x = call("g", z)
        return jg.Meeting(batch["x"], x), {"code": jnp.square(call("e", x, fixed=fixed) - z).sum(axis=1)}

    game = jg.networks_game(
        jg.adversary(linear(jnp.zeros(N)), jg.objectives.hinge()),
        {"g": linear(MATRIX), "e": linear(MATRIX.T)},
        latent=jg.latents.normal(N),
        play=play,
        decode=lambda call, z, given: call("g", z),
    )
    g, d, context = context_of(game)
    slope = jax.grad(game.g_loss, has_aux=True)(g.params, d.params, context)[0]
    z, matrix = np.asarray(latents_of(context), np.float64), np.asarray(MATRIX, np.float64)
    error = 2 * (z @ matrix @ matrix.T - z) / B
    np.testing.assert_allclose(slope["g"], z.T @ error @ matrix, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(slope["e"], (z @ matrix).T @ error * (not fixed), rtol=1e-4, atol=1e-5)
