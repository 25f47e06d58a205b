"""Tasks of D's heads in whole games: every one fits, and weight 0 is the game without it."""

import jax
import jax.numpy as jnp
import optax
import pytest

import jaxgan as jg
from jaxgan.models import mlp
from jaxgan.parts import conditioning, heads, latents, objectives
from jaxgan.parts.network import from_linen

K, N = 4, 8
BATCH = {
    "x": jax.random.normal(jax.random.key(2), (1, 1, N, 4, 4, 1)),
    "label": jnp.arange(N, dtype=jnp.int32)[None, None] % K,
    "index": jnp.arange(N, dtype=jnp.uint32)[None, None],
}


def game(task, terms=True, wrap=lambda d: d, extra=(), **parts):
    d = wrap(from_linen(mlp.Discriminator((8,), heads=(*task.heads, *extra))))
    g = from_linen(mlp.Generator((4, 4, 1), (8,)))
    options = {
        "latent": latents.normal(4),
        "objective": objectives.hinge(),
        "conditioning": conditioning.auxiliary(K),
        "d_terms": task.d_terms if terms else (),
        "g_terms": task.g_terms if terms else (),
    }
    return jg.gan(g, d, **{**options, **parts})


def update_of(game):
    rule = jg.alternating(game, optax.adam(1e-2), optax.adam(1e-2))
    return rule.init, lambda state: rule.update(state, BATCH)


CODED = latents.parts(noise=latents.normal(3), digit=latents.categorical(3), style=latents.uniform(2))
GAMES = {
    "auxiliary": lambda: game(heads.auxiliary_classifier(K)),
    "twin": lambda: game(heads.twin_classifiers(K)),
    "discriminative": lambda: game(heads.discriminative_classifier(K)),
    "contrastive": lambda: game(heads.contrastive(K, size=5)),
    "data_to_data": lambda: game(heads.data_to_data(K, size=5)),
    "rotation": lambda: game(heads.rotation(), conditioning=conditioning.unconditional()),
    "codes": lambda: game(
        heads.codes({"digit": 3}, {"style": 2}),
        latent=CODED,
        conditioning=conditioning.unconditional(flat=True),
    ),
    "semi_supervised": lambda: game(
        heads.semi_supervised(K),
        wrap=heads.any_class,
        conditioning=conditioning.unconditional(terms=("label",)),
    ),
    "own_class": lambda: game(
        heads.Task((("class", K),)),
        wrap=lambda d: heads.own_class(d, K),
        conditioning=conditioning.projection(K),
        d_terms=[jg.terms.r1()],
    ),
    "multi_hinge": lambda: game(heads.Task((("class", K + 1),)), objective=objectives.multi_hinge()),
    "two tasks": lambda: game(
        heads.auxiliary_classifier(K),
        extra=heads.rotation().heads,
        d_terms=[*heads.auxiliary_classifier(K).d_terms, *heads.rotation().d_terms],
    ),
}


@pytest.mark.parametrize("name", GAMES)
def test_a_game_with_the_task_fits_and_logs_it(name):
    init, update = update_of(GAMES[name]())
    start = jax.eval_shape(init, jax.random.key(0), BATCH)
    state, metrics = jax.eval_shape(update, start)
    assert jax.tree.map(jax.typeof, state) == jax.tree.map(jax.typeof, start)
    own = {metric for metric in metrics if metric.partition("/")[2] not in ("adv", "real", "fake", "loss")}
    assert any(metric.startswith("d/") for metric in own)


def test_weight_0_is_the_game_without_the_task():
    """And heads change nothing else of D. Equal up to how the compiler orders sums."""

    def after_one(game):
        rule = jg.alternating(game, optax.sgd(1.0), optax.sgd(1.0))
        start = rule.init(jax.random.key(0), BATCH)
        states = start, rule.update(start, BATCH)[0]
        without = {"head_embedding": (), "head_proxy": ()}
        return [(state.g.params, {**state.d.side.params, **without}) for state in states]

    games = [game(heads.contrastive(K, 0.0, size=5)), game(heads.Task(()))]
    (start, neutral), (same_start, without) = jax.jit(lambda: [after_one(game) for game in games])()
    assert jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), start, same_start))
    assert jax.tree.all(jax.tree.map(lambda a, b: jnp.allclose(a, b, 1e-5, 1e-6), neutral, without))
    assert not jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), start, neutral))


def test_every_proxy_of_a_class_in_the_batch_is_trained():
    task = heads.contrastive(K + 1, size=5)
    init, update = update_of(game(task, conditioning=conditioning.auxiliary(K + 1)))

    @jax.jit
    def tables():
        state = init(jax.random.key(0), BATCH)
        return [x.d.side.params["head_proxy"]["embedding"] for x in (state, update(state)[0])]

    before, after = tables()
    assert (before != after).any(axis=1).tolist() == [True] * K + [False]  # the last class is in no batch
