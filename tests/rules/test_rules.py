"""Rules against closed forms, and the layouts that may not change them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from jaxgan.errors import Refused
from jaxgan.games.adversary import adversary
from jaxgan.games.game import Aux
from jaxgan.games.gan import gan
from jaxgan.games.several import several
from jaxgan.games.shared import shared
from jaxgan.games.toy import bilinear
from jaxgan.models import mlp
from jaxgan.parts import conditioning, latents, objectives, terms
from jaxgan.parts.average import ema
from jaxgan.parts.network import from_linen
from jaxgan.parts.types import Lowering
from jaxgan.rules.alternating import alternating
from jaxgan.rules.guard import guarded
from jaxgan.rules.hyperparameters import over_hparams
from jaxgan.rules.lookahead import lookahead
from jaxgan.rules.simultaneous import simultaneous
from jaxgan.rules.update_norms import with_update_norms

EMPTY = {"x": jnp.zeros((1, 1, 1))}


def play(rule, steps, batches=EMPTY, seed=0):
    state = jax.jit(rule.init)(jax.random.key(seed), batches)
    update, path = jax.jit(rule.update), []
    for _ in range(steps):
        state, metrics = update(state, batches)
        path.append(metrics)
    return state, path


def radius(state):
    return float(jnp.hypot(state.g.params, state.d.params))


def test_simultaneous_steps_spiral_out_at_the_proven_rate():
    """On min max g d each step multiplies the radius by sqrt(1 + h^2)."""
    state, _ = play(simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1)), 100)
    np.testing.assert_allclose(radius(state), 2**0.5 * (1 + 0.01) ** 50, rtol=1e-4)


def test_alternating_steps_stay_on_an_orbit():
    """The step has determinant 1 and keeps g^2 + h g d + d^2."""
    h = 0.1
    rule = alternating(bilinear(), optax.sgd(h), optax.sgd(h))
    g, d = 1.0, 1.0
    state, _ = play(rule, 50)
    for _ in range(50):
        d = d + h * g
        g = g - h * d
    np.testing.assert_allclose([state.g.params, state.d.params], [g, d], rtol=1e-4)
    np.testing.assert_allclose(g * g + h * g * d + d * d, 2 + h, rtol=1e-6)


def test_d_steps_are_counted():
    rule = alternating(bilinear(), optax.sgd(0.0), optax.sgd(0.1), d_steps=3)
    state, _ = play(rule, 4, {"x": jnp.zeros((3, 1, 1))})
    assert rule.batches == 3
    np.testing.assert_allclose(state.d.params, 1 + 0.1 * 12, rtol=1e-5)


# a GAN with everything that may depend on layout: BatchNorm, spectral norm, dropout, every kind of draw
def everything(lowering=Lowering(), micro_safe=False, whole=True):  # noqa: B008
    whole = whole and not micro_safe
    norm = "none" if micro_safe else "batch"
    return gan(
        from_linen(mlp.Generator(shape=(2,), widths=(8,), norm=norm, axis=lowering.axis)),
        from_linen(
            mlp.Discriminator(
                widths=(8,), norm="none" if micro_safe else "spectral", dropout=0.2, activation=nn.tanh
            )
        ),
        latent=latents.normal(4),
        objective=objectives.relativistic_average() if whole else objectives.wasserstein(),
        d_terms=[terms.lazily(terms.dragan(1.0) if whole else terms.wgan_gp(1.0), 2)],
        conditioning=conditioning.concatenation(3),
        label_noise=0.1,
        instance_noise=0.1,
        packing=2,
        lowering=lowering,
    )


def batches(d_steps, micro, b):
    n = d_steps * micro * b
    leaves = {
        "x": jax.random.normal(jax.random.key(3), (n, 2)),
        "label": jnp.arange(n) % 3,
        "index": jnp.arange(n, dtype=jnp.uint32),
    }
    return {k: v.reshape(d_steps, micro, b, *v.shape[1:]) for k, v in leaves.items()}


def rule_of(game, d_steps=1, tx=optax.sgd(0.05)):  # noqa: B008
    return alternating(game, tx, tx, d_steps=d_steps, average=ema(0.9))


def close(a, b, atol=1e-6):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=atol), a, b)


def test_micro_batches_add_up_to_the_batch():
    """Without batch statistics, 2 x 8 examples make the same steps as 1 x 16."""
    game = everything(micro_safe=True)
    one, _ = play(rule_of(game), 4, batches(1, 1, 16))
    two, _ = play(rule_of(game), 4, batches(1, 2, 8))
    close((one.g, one.d, one.ema), (two.g, two.d, two.ema), atol=1e-5)


def test_losses_over_the_whole_batch_are_refused_in_micro_batches():
    """Statistics of 2 x 8 examples are not those of 1 x 16, whichever rule or player asks for them."""
    both = r"the objective and the term dragan would take statistics of each micro-batch .* at 1, not 2"
    state = jax.eval_shape(rule_of(everything()).init, jax.random.key(0), batches(1, 1, 16))
    for rule in (rule_of(everything()), both_at_once(everything())):
        with pytest.raises(Refused, match=both):
            jax.eval_shape(rule.init, jax.random.key(0), batches(1, 2, 8))
        with pytest.raises(Refused, match=both):
            jax.eval_shape(rule.update, state, batches(1, 2, 8))
    parts = {"network": from_linen(mlp.Discriminator(widths=(4,))), "objective": objectives.hinge()}
    matching = terms.stateless("matching", lambda view: view.fake_out - view.mean(view.fake_out), whole=True)
    critics = {"a": adversary(**parts, g_terms=[matching]), "b": adversary(**parts)}
    assert several(critics).whole == shared(critics).whole == ("the term matching",)
    assert adversary(**parts, d_terms=[terms.lazily(terms.r1(), 4)]).whole == ()


def test_scanned_loops_match_unrolled_ones():
    unrolled, m = play(rule_of(everything(whole=False), d_steps=2), 4, batches(2, 2, 8))
    scan = Lowering(unroll=False)
    scanned, n = play(rule_of(everything(scan, whole=False), d_steps=2), 4, batches(2, 2, 8))
    close(unrolled.replace(key=0), scanned.replace(key=0), atol=1e-5)
    close(m, n, atol=1e-4)


def both_at_once(game):
    return simultaneous(game, optax.sgd(0.05), optax.sgd(0.05))


@pytest.mark.parametrize(("mapped", "make"), [("shard_map", rule_of), ("pmap", both_at_once)])
def test_the_axis_name_is_all_a_recipe_needs_to_know_of_devices(mapped, make):
    """The same update over 4 devices, with SGD: gradients, statistics, draws and metrics are the batch's."""
    single, split = make(everything()), make(everything(Lowering(axis="data")))
    data = batches(single.batches, 1, 16)
    state = jax.jit(single.init)(jax.random.key(0), data)
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,), devices=jax.devices()[:4])
    spec = jax.sharding.PartitionSpec
    if mapped == "shard_map":
        update = jax.jit(
            jax.shard_map(
                split.update,
                mesh=mesh,
                in_specs=(spec(), spec(None, None, "data")),
                out_specs=(spec(), spec()),
            )
        )
        theirs = (state, data)
    else:
        update = jax.pmap(
            split.update, axis_name="data", devices=jax.devices()[:4], in_axes=(None, 2), out_axes=None
        )
        theirs = (state, jax.tree.map(lambda x: x.reshape(*x.shape[:2], 4, 4, *x.shape[3:]), data))
    sharded = theirs[0]
    one = jax.jit(single.update)
    for _ in range(5):
        state, metrics = one(state, data)
        sharded, split_metrics = update(sharded, theirs[1])
        sharded = jax.device_get(sharded) if mapped == "pmap" else sharded
    close(state.replace(key=0), sharded.replace(key=0), atol=1e-5)
    close(metrics, split_metrics, atol=1e-4)


def poisoned(step):
    """A game whose D loss is NaN at one step."""

    def bad(view):
        return jnp.where(view.step == step, jnp.nan, 0.0) * view.real_out

    return gan(
        from_linen(mlp.Generator(shape=(2,), widths=(4,), norm="batch")),
        from_linen(mlp.Discriminator(widths=(4,), norm="spectral")),
        latent=latents.normal(2),
        objective=objectives.hinge(),
        d_terms=[terms.stateless("bad", bad)],
    )


def arrays(state):
    return jax.device_get((state.g, state.d, state.ema, state.extra))


def test_a_guarded_run_is_halted_at_the_first_update_that_is_not_finite():
    rule = guarded(rule_of(poisoned(3), tx=optax.adam(1e-3)))
    data = batches(1, 1, 8)
    before, _ = play(rule, 3, data)
    after, path = play(rule, 6, data)
    assert int(after.rule.failed) == 3
    assert int(after.step) == 6
    assert np.isnan(path[3]["d/bad"])
    jax.tree.map(np.testing.assert_array_equal, arrays(before), arrays(after))


def test_a_guarded_run_may_skip_updates_that_are_not_finite():
    rule = guarded(rule_of(poisoned(3), tx=optax.adam(1e-3)), skip=True)
    data = batches(1, 1, 8)
    before, _ = play(rule, 3, data)
    at, _ = play(rule, 4, data)
    after, _ = play(rule, 5, data)
    jax.tree.map(np.testing.assert_array_equal, arrays(before), arrays(at))
    assert int(at.step) == 4
    assert int(after.rule.skipped) == 1
    assert int(after.rule.failed) == -1
    assert not np.allclose(jax.tree.leaves(after.g.params)[0], jax.tree.leaves(at.g.params)[0])
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(arrays(after)))


def test_a_guard_changes_nothing_while_all_is_finite():
    data = batches(1, 1, 8)
    plain, _ = play(rule_of(everything()), 5, data)
    watched, _ = play(guarded(rule_of(everything())), 5, data)
    close(plain.replace(key=0), watched.replace(rule=(), key=0), atol=1e-6)


def test_each_player_keeps_its_own_statistics():
    """D's step leaves G's BatchNorm alone, and G's step D's spectral vectors."""
    frozen_g = alternating(everything(), optax.sgd(0.0), optax.sgd(0.0), d_steps=2)
    data = batches(2, 1, 8)
    once, _ = play(frozen_g, 1, data)
    mean = jax.tree.leaves(once.g.stats["batch_stats"])[0]
    lone = alternating(everything(), optax.sgd(0.0), optax.sgd(0.0), d_steps=1)
    same, _ = play(lone, 1, jax.tree.map(lambda x: x[1:], data))
    np.testing.assert_allclose(mean, jax.tree.leaves(same.g.stats["batch_stats"])[0], rtol=1e-5)


@pytest.mark.slow  # test_every_rule.py has it of one rule of each kind
def test_seeds_map_as_lanes():
    """vmap over everything but the step, as lanes will: the same as single runs, the lazy term included."""
    rule, data = rule_of(everything()), batches(1, 1, 8)
    keys = jax.vmap(jax.random.key)(jnp.arange(3))
    state = jax.vmap(lambda key: rule.init(key, data))(keys)
    axes = jax.tree.map(lambda _: 0, state).replace(step=None)
    lanes = jax.jit(jax.vmap(rule.update, in_axes=(axes, None), out_axes=(axes, 0)))
    state = state.replace(step=jnp.int32(0))
    for _ in range(3):
        state, _ = lanes(state, data)
    single, _ = play(rule, 3, data, seed=1)
    close(jax.tree.map(lambda x: x[1], (state.g, state.d)), (single.g, single.d), atol=1e-5)


@pytest.mark.parametrize("rule", [alternating, simultaneous])
def test_wrong_parts_of_a_rule_are_refused(rule):
    with pytest.raises(Refused, match=r"0.001 is no optimiser: give one of optax, such as"):
        rule(bilinear(), 0.001, optax.sgd(0.1))
    with pytest.raises(Refused, match=r"0.999 is no Average: give one such as jg.ema\(0.999\)"):
        rule(bilinear(), optax.sgd(0.1), optax.sgd(0.1), average=0.999)


@pytest.mark.parametrize("first", ["d", "g"])
def test_either_player_may_take_several_steps_and_go_first(first):
    """On min max g d, where a step of D is d + h g and one of G is g - h d."""
    h, d_steps, g_steps = 0.1, 2, 3
    rule = alternating(bilinear(), optax.sgd(h), optax.sgd(h), d_steps=d_steps, g_steps=g_steps, first=first)
    assert rule.batches == 3
    g, d = 1.0, 1.0
    state, _ = play(rule, 4, {"x": jnp.zeros((3, 1, 1))})
    for _ in range(4):
        for who in ("d", "g") if first == "d" else ("g", "d"):
            for _ in range(d_steps if who == "d" else g_steps):
                g, d = (g, d + h * g) if who == "d" else (g - h * d, d)
    np.testing.assert_allclose([state.g.params, state.d.params], [g, d], rtol=1e-5)


def recording_game(seen):
    """A game that notes what each step is shown: who moves, its step, the first example, a draw."""

    def loss(who):
        def of(g, d, context):
            draw = jax.random.uniform(context.key)
            jax.debug.callback(
                lambda *facts: seen.append((who, *map(float, facts))),
                context.step,
                context.batch["x"][0, 0],
                draw,
                ordered=True,
            )
            metrics = {f"{who}/step": context.step}
            return g * d, Aux(context.g_stats, context.d_stats, context.extra, metrics)

        return of

    return bilinear()._replace(d_loss=loss("d"), g_loss=loss("g"))


@pytest.mark.parametrize(("d_steps", "g_steps"), [(3, 1), (1, 3), (3, 2)])
def test_each_step_has_its_own_batch_count_and_draw(d_steps, g_steps):
    """D's n-th step the n-th batch, G's steps the last ones; G's first draw is that of a single step."""

    def played(d_steps, g_steps):
        seen = []
        game, sgd = recording_game(seen), optax.sgd(0.1)
        rule = alternating(game, sgd, sgd, d_steps=d_steps, g_steps=g_steps)
        _, path = play(rule, 2, {"x": jnp.arange(float(rule.batches)).reshape(rule.batches, 1, 1, 1)})
        jax.effects_barrier()
        return seen, path

    seen, path = played(d_steps, g_steps)
    many = max(d_steps, g_steps)
    expected = [
        (who, update * steps + nth, nth if who == "d" else many - g_steps + nth)
        for update in range(2)
        for who, steps in (("d", d_steps), ("g", g_steps))
        for nth in range(steps)
    ]
    assert [one[:3] for one in seen] == expected
    assert len({one[3] for one in seen}) == len(seen)
    single = [one for one in played(1, 1)[0] if one[0] == "g"]
    assert [one[3] for one in seen if one[0] == "g"][::g_steps] == [one[3] for one in single]
    assert float(path[1]["g/step"]) == g_steps + (g_steps - 1) / 2  # the mean over its steps


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"g_steps": 0}, "g_steps must be an integer of 1 or more, not 0"),
        ({"d_steps": 0.5}, "d_steps must be an integer of 1 or more, not 0.5"),
        ({"first": "G"}, 'first must be "d" or "g", not \'G\''),
    ],
)
def test_wrong_numbers_of_steps_are_refused(options, line):
    with pytest.raises(Refused, match=line):
        alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1), **options)


@pytest.mark.parametrize("rule", [alternating, simultaneous])
def test_several_averages_match_single_ones(rule):
    sgd, decays = optax.sgd(0.1), {"short": 0.5, "long": 0.99, "last": 0.0}
    several, _ = play(rule(bilinear(), sgd, sgd, average={name: ema(b) for name, b in decays.items()}), 5)
    alone = {name: play(rule(bilinear(), sgd, sgd, average=ema(b)), 5)[0].ema for name, b in decays.items()}
    assert several.averages.keys() == {"long", "last"}
    assert several.generator is several.ema
    for name, average in {**several.averages, "short": several.ema}.items():
        assert average.params == alone[name].params
    assert several.averages["last"].params == several.g.params != several.ema.params
    assert play(rule(bilinear(), sgd, sgd, average=ema()), 1)[0].averages == {}


@pytest.mark.parametrize(
    ("average", "line"),
    [
        ({}, "{} is no Average: give one such as"),
        ({"long": 0.999}, "0.999 is no Average: give one such as"),
        ({"a/b": ema()}, "the name of an average must be an identifier such as long, not 'a/b'"),
    ],
)
def test_wrong_averages_are_refused(average, line):
    with pytest.raises(Refused, match=line):
        alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1), average=average)


def test_parts_of_a_side_may_have_different_learning_rates():
    """By `optax.multi_transform`: one of G's two layers stands still, the other moves as it would."""
    nets = [from_linen(mlp.Generator(shape=(2,), widths=(4,))), from_linen(mlp.Discriminator(widths=(4,)))]
    game = gan(*nets, latent=latents.normal(2), objective=objectives.non_saturating())

    def labels(params):
        return {name: "still" if name == "Dense_0" else "moves" for name in params}

    parts = optax.multi_transform({"still": optax.set_to_zero(), "moves": optax.sgd(0.1)}, labels)
    data = {name: leaf for name, leaf in batches(1, 1, 8).items() if name != "label"}
    (before, _), (after, _), (single, _) = (
        play(alternating(game, tx, optax.sgd(0.1)), steps, data)
        for tx, steps in ((parts, 0), (parts, 1), (optax.sgd(0.1), 1))
    )
    same, moved = (after.g.params[name]["kernel"] for name in ("Dense_0", "Dense_1"))
    np.testing.assert_array_equal(same, before.g.params["Dense_0"]["kernel"])
    assert not np.allclose(moved, before.g.params["Dense_1"]["kernel"])
    np.testing.assert_allclose(moved, single.g.params["Dense_1"]["kernel"], rtol=1e-5)


@pytest.mark.parametrize(
    "wrapped",
    [guarded, with_update_norms, lookahead, lambda rule: over_hparams(lambda hparams: rule)({"lr": 0.1})],
)
def test_a_wrapped_rule_keeps_its_game(wrapped):
    game = bilinear()
    rule = wrapped(alternating(game, optax.sgd(0.1), optax.sgd(0.1), d_steps=3))
    assert rule.game is game
    assert rule.batches == 3
