"""Several critics and several generators: GMAN, D2GAN, MAD-GAN, MGAN, random projections, shared layers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from games.linear import LINEAR_D, LINEAR_G, B, losses, start

import jaxgan as jg
from jaxgan.models import mlp, projected
from jaxgan.parts.objectives.dual import log_softplus

P, Q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.25, 0.4, 0.15, 0.2])  # the data's law and G's, of 4 points


def critics(strictness, **more):
    one = jg.adversary(LINEAR_D, jg.objectives.non_saturating(), **more)
    return jg.several(dict.fromkeys("abc", one), strictness)


def make(adversary):
    return jg.generator_game(adversary, LINEAR_G, latent=jg.latents.normal(4))


def test_weights_go_from_the_mean_of_the_critics_to_the_harshest():
    values = jnp.array([0.3, 1.1, 0.7])
    for strictness, expected in ((0.0, 0.7), (1e4, 1.1)):
        weights = jg.harsher(strictness)(values, {})
        np.testing.assert_allclose([weights.sum(), (weights * values).sum()], [1, expected], rtol=1e-6)
    by_hand = np.exp(2 * values) / np.exp(2 * values).sum()
    np.testing.assert_allclose(jg.harsher(2.0)(values, {}), by_hand, rtol=1e-6)


def test_g_minimises_the_weighted_sum_and_its_gradient_flows_through_the_weights():
    """d sum w V = sum w (1 + l (V - sum w V)) dV; dropping the second part is another method."""
    strictness = 3.0
    game = make(critics(jg.harsher(strictness)))
    g, d, context = start(game)
    loss, aux = game.g_loss(g, d, context)
    values = np.array([aux.metrics[f"g/{name}/adv"] for name in "abc"])
    weights = np.exp(strictness * values) / np.exp(strictness * values).sum()
    np.testing.assert_allclose(loss, (weights * values).sum(), rtol=1e-6)
    np.testing.assert_allclose([aux.metrics[f"g/{name}/weight"] for name in "abc"], weights, rtol=1e-5)

    def value(name):
        return jax.grad(lambda g: game.g_loss(g, d, context)[1].metrics[f"g/{name}/adv"])(g)

    factors = weights * (1 + strictness * (values - (weights * values).sum()))
    by_hand = sum(factor * value(name) for factor, name in zip(factors, "abc", strict=True))
    slope = jax.grad(game.g_loss, has_aux=True)(g, d, context)[0]
    np.testing.assert_allclose(slope, by_hand, rtol=1e-4, atol=1e-6)


def test_equal_critics_count_as_one():
    """Critics of the same weights have equal shares whatever the strictness; one critic is the plain GAN."""
    alone = make(jg.adversary(LINEAR_D, jg.objectives.non_saturating()))
    one = make(jg.several({"a": jg.adversary(LINEAR_D, jg.objectives.non_saturating())}, jg.harsher(5.0)))
    g, d, context = start(one)
    _, plain_d, plain = start(alone)
    assert plain_d.shape == d["a"].shape
    np.testing.assert_array_equal(one.g_loss(g, d, context)[0], alone.g_loss(g, d["a"], plain)[0])


def test_a_learnt_strictness_has_the_variance_of_the_losses_as_its_slope():
    """d/dl sum softmax(l V) V = Var_w V >= 0: without the reward of a large l, G would learn the mean."""

    def play(call, z, batch, turn):
        strictness = jnp.full(B, call("strictness"))
        meeting = jg.Meeting(batch["x"], call("g", z), {"strictness": strictness}, z)
        return meeting, {"strictness": -0.001 * strictness}

    game = jg.networks_game(
        critics(jg.harsher(lambda views: views["a"].given["strictness"].mean())),
        {"g": LINEAR_G, "strictness": jg.parameter(0.8)},
        latent=jg.latents.normal(4),
        play=play,
        decode=lambda call, z, given: call("g", z),
    )
    g, d, context = start(game)
    slope, aux = jax.grad(game.g_loss, has_aux=True)(g, d, context)
    values, weights = (np.array([aux.metrics[f"g/{n}/{key}"] for n in "abc"]) for key in ("adv", "weight"))
    variance = (weights * values**2).sum() - (weights * values).sum() ** 2
    np.testing.assert_allclose(slope["strictness"], variance - 0.001, rtol=1e-3, atol=1e-7)


def test_the_two_critics_of_d2gan_at_their_best():
    """On four points: D1 = a p/q and D2 = b q/p are stationary, and the value is the paper's."""
    a, b = 0.7, 1.6
    with jax.enable_x64(True):
        kinds = ((jg.objectives.real_rewarded(a), a * P / Q), (jg.objectives.fake_rewarded(b), b * Q / P))
        values = []
        for objective, best in kinds:
            logits = jnp.log(jnp.expm1(best))

            def d_loss(logits, objective=objective):  # split into its halves, each under its own law
                zero = jnp.zeros(4)
                real = objective.d_loss(logits, zero) - objective.d_told_fake(zero)
                return P @ real + Q @ objective.d_told_fake(logits)

            np.testing.assert_allclose(jax.grad(d_loss)(logits), 0, atol=1e-12)
            rest = P @ np.log(best) * a if best is kinds[0][1] else -P @ best
            values.append(rest + Q @ objective.g_loss(logits, logits))
        kl = [x @ np.log(x / y) for x, y in ((P, Q), (Q, P))]
        expected = [a * (np.log(a) - 1) + a * kl[0], b * (np.log(b) - 1) + b * kl[1]]
        np.testing.assert_allclose(values, expected, rtol=1e-12)


def test_the_log_of_softplus_does_not_underflow():
    """Where log(softplus(x)) is -inf with a gradient of nan, as in public code."""
    x = jnp.array([-1000.0, -150.0, -12.001, -11.999, -1.0, 0.0, 5.0])
    exact = np.log(np.log1p(np.exp(np.asarray(x[2:], np.float64))))
    value, slope = jax.vmap(jax.value_and_grad(log_softplus))(x)
    np.testing.assert_allclose(value, [-1000, -150, *exact], rtol=2e-6)
    assert not np.isfinite(jnp.log(jax.nn.softplus(x[0])))
    exact = np.asarray(x[2:], np.float64)
    expected = [1, 1, *(1 / ((1 + np.exp(-exact)) * np.log1p(np.exp(exact))))]
    np.testing.assert_allclose(slope, expected, rtol=1e-5)


K = 3


def several_generators(objective, count=K, **more):
    """Generators of one matrix each, and a D that is linear with a head of classes."""

    def judge(w, stats, x, key=None, train=False):
        return jg.Output(x @ w[:, 0], {"which": x @ w[:, 1:]}), stats

    d = jg.Network(lambda key, x: (jax.random.normal(key, (x.shape[-1], 1 + count)), {}), judge)
    latent = jg.latents.parts(noise=jg.latents.normal(4), which=jg.latents.categorical(count))
    return jg.gan(jg.one_of(count, LINEAR_G), d, latent=latent, objective=objective, **more)


def test_mad_gan_by_hand_and_at_its_equilibrium():
    game = several_generators(jg.objectives.which_generator(saturating=True))
    other = several_generators(jg.objectives.which_generator())
    (_, d_aux), (_, g_aux) = losses(game)
    g, d, context = start(game)
    z = game.looks.latents
    keys = jax.vmap(lambda i: jax.random.fold_in(context.key, i))(context.batch["index"])
    z = game.looks.latents(jg.Side(g, {}), jg.fold(keys, "z"))
    which = np.asarray(z["which"].argmax(axis=1))
    fake = np.stack([z["noise"][i] @ g["copies"][which[i]] for i in range(B)])
    real_logits, fake_logits = np.asarray(context.batch["x"] @ d), fake @ np.asarray(d)
    lse = [np.log(np.exp(logits).sum(axis=1)) for logits in (real_logits, fake_logits)]
    d_loss = lse[0] - real_logits[:, 0] + K * (lse[1] - fake_logits[np.arange(B), 1 + which])
    np.testing.assert_allclose(d_aux.metrics["d/which"], d_loss.mean(), rtol=1e-4)
    p_real = np.exp(fake_logits[:, 0] - lse[1])
    np.testing.assert_allclose(g_aux.metrics["g/which"], K * np.log(1 - p_real).mean(), rtol=1e-4)
    np.testing.assert_allclose(losses(other)[1][0], -K * np.log(p_real).mean(), rtol=1e-4)
    assert d_aux.metrics["d/adv"] == g_aux.metrics["g/adv"] == 0

    zero = jnp.zeros_like(d)  # all logits equal: D_real is 1/(k + 1)
    value = game.g_loss(g, zero, context)[0] - np.log(K + 1)
    np.testing.assert_allclose(value, K * np.log(K) - (K + 1) * np.log(K + 1), rtol=1e-6)
    np.testing.assert_allclose(other.g_loss(g, zero, context)[0], K * np.log(K + 1), rtol=1e-6)


def test_equal_logits_are_the_best_of_mad_gan_only_if_fakes_count_k_times():
    """One point for all: the loss is then of the logits alone. With equal weights D_real would be 1/2."""
    term = jg.objectives.which_generator().d_terms[0]

    def loss(logits):
        heads = {"which": jnp.tile(logits[1:], (K, 1))}
        view = jg.View(
            **dict.fromkeys(jg.View._fields)
            | {"real_out": jnp.full(K, logits[0]), "fake_out": jnp.full(K, logits[0])}
            | {"real_heads": heads, "fake_heads": heads, "z": {"which": jnp.eye(K)}}
        )
        return term.apply(view, ())[0].mean()

    np.testing.assert_allclose(jax.grad(loss)(jnp.zeros(K + 1)), 0, atol=1e-6)


def test_generators_are_told_apart_by_hand_and_a_single_one_is_the_plain_gan():
    terms = {"d_terms": [jg.terms.told_apart()], "g_terms": [jg.terms.told_apart(0.1)]}
    game = several_generators(jg.objectives.non_saturating(), **terms)
    (_, d_aux), (_, g_aux) = losses(game)
    np.testing.assert_allclose(g_aux.metrics["g/which"], 0.1 * d_aux.metrics["d/which"], rtol=1e-5)
    assert d_aux.metrics["d/which"] > 0.1

    single, plain = (several_generators(jg.objectives.non_saturating(), 1, **more) for more in (terms, {}))
    for with_terms, without in zip(losses(single), losses(plain), strict=True):
        np.testing.assert_array_equal(with_terms[0], without[0])
    no_head = jg.gan(
        jg.one_of(2, LINEAR_G),
        LINEAR_D,
        latent=jg.latents.parts(noise=jg.latents.normal(4), which=jg.latents.categorical(2)),
        objective=jg.objectives.which_generator(),
    )
    with pytest.raises(jg.Refused, match=r"needs a head of D called which"):
        losses(no_head)


def test_the_key_of_an_example_picks_its_generator():
    dense = mlp.Generator((2,), (4,), norm="batch")
    net = jg.one_of(K, jg.from_linen(dense), before=LINEAR_G, after=LINEAR_G)
    z = {"noise": jnp.arange(8.0).reshape(4, 2) / 4, "which": jax.nn.one_hot(jnp.array([2, 0, 1, 0]), K)}
    params, stats = jax.jit(net.init)(jax.random.key(0), z)
    x, new = jax.jit(lambda: net.apply(params, stats, z, train=True))()
    copy = jax.tree.map(lambda leaf: leaf[2], (params["copies"], stats["copies"]))
    h = z["noise"] @ params["before"]
    h, own = jax.jit(lambda: jg.from_linen(dense).apply(*copy, h, train=True))()
    np.testing.assert_allclose(x[0], h[0] @ params["after"], rtol=1e-4, atol=1e-5)
    for a, b in zip(jax.tree.leaves(own), jax.tree.leaves(new["copies"]), strict=True):
        np.testing.assert_allclose(a, b[2], rtol=1e-5)  # of the whole batch, whichever copy is picked
    game = several_generators(jg.objectives.non_saturating())
    g, _, _ = start(game)
    side, key = jg.Side(g, {"before": {}, "after": {}, "copies": {}}), jax.random.key(3)
    some = game.sample(side, key, jnp.array([5, 2]), {})
    np.testing.assert_allclose(some, game.sample(side, key, jnp.arange(6), {})[jnp.array([5, 2])], rtol=1e-5)
    with pytest.raises(jg.Refused, match=r"one_of needs latents.parts\(noise"):
        net.init(jax.random.key(0), z["noise"])


def test_a_random_projection_is_drawn_once_and_is_no_parameter():
    module = projected.Discriminator(mlp.Discriminator((4,)), width=2, size=3)
    d = jg.from_linen(module)
    for x in (
        jax.random.normal(jax.random.key(0), (5, 6)),
        jax.random.normal(jax.random.key(0), (5, 8, 8, 2)),
    ):
        params, stats = d.init(jax.random.key(1), x)
        assert list(params) == ["inner"]
        logit, new = d.apply(params, stats, x, train=True)
        kernel = stats["projection"]["kernel"]
        np.testing.assert_array_equal(new["projection"]["kernel"], kernel)
        if x.ndim == 2:
            y = x @ kernel
        else:  # windows of 3 px from every second pixel, one by one; padded by nothing before, a row after
            padded = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
            y = np.stack(
                [
                    np.einsum("bijc,ijco->bo", padded[:, r : r + 3, c : c + 3], kernel)
                    for r in range(0, 8, 2)
                    for c in range(0, 8, 2)
                ],
                axis=1,
            ).reshape(5, 4, 4, 2)
        inner = jg.from_linen(mlp.Discriminator((4,)))
        expected = inner.apply(params["inner"], {}, jnp.asarray(y))[0]
        np.testing.assert_allclose(logit, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(jg.Refused, match="points or images"):
        d.init(jax.random.key(1), jnp.zeros((5, 6, 7)))


def test_branches_share_their_last_layers_and_keep_each_others_statistics():
    def counting(size):
        return jg.Network(
            lambda key, x: (jax.random.normal(key, (x.shape[-1], size)), {"calls": jnp.int32(0)}),
            lambda w, stats, x, key=None, train=False: (x @ w, {"calls": stats["calls"] + train}),
        )

    two = jg.branches(dict.fromkeys("ab", counting(3)), LINEAR_D)
    x = jax.random.normal(jax.random.key(0), (B, 2))
    critic = {name: jg.adversary(net, jg.objectives.hinge()) for name, net in two.items()}
    side, _ = jg.shared(critic).init(
        jax.random.key(1), dict.fromkeys("ab", jg.Meeting(x, x)), jax.random.split(jax.random.key(2), B)
    )
    logit, stats = two["b"].apply(*side, x, train=True)
    np.testing.assert_allclose(logit, x @ side.params["first"]["b"] @ side.params["last"], rtol=1e-4)
    assert (stats["first"]["a"]["calls"], stats["first"]["b"]["calls"]) == (0, 1)
    assert not np.allclose(side.params["first"]["a"], side.params["first"]["b"])


def test_the_weights_are_of_the_losses_of_all_devices():
    """The gradient of the weighted sum, on 2 and 8 devices; weights of each device's losses would differ."""
    from jax.sharding import PartitionSpec as P

    from jaxgan.parts.types import Lowering
    from jaxgan.scale.devices import DATA, data_mesh

    def slope(lowering, g, d, context, batch):
        one = jg.adversary(LINEAR_D, jg.objectives.non_saturating(), lowering=lowering)
        adversary = jg.several(dict.fromkeys("abc", one), jg.harsher(4.0))
        game = jg.generator_game(adversary, LINEAR_G, latent=jg.latents.normal(4), lowering=lowering)
        return lowering.average(jax.grad(game.g_loss, has_aux=True)(g, d, context._replace(batch=batch))[0])

    g, d, context = start(make(critics(jg.harsher(4.0))))
    batch, context = context.batch, context._replace(batch=None)
    single = jax.jit(lambda *a: slope(Lowering(), *a))(g, d, context, batch)
    for count in (2, 8):
        specs = {
            "mesh": data_mesh(jax.devices()[:count]),
            "in_specs": (P(), P(), P(), P(DATA)),
            "out_specs": P(),
        }
        shared = jax.jit(jax.shard_map(lambda *a: slope(Lowering(DATA), *a), **specs))(g, d, context, batch)
        np.testing.assert_allclose(shared, single, rtol=2e-5, atol=1e-6)
