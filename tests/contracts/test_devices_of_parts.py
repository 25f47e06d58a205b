"""Every objective, task of heads and term is the same on any number of devices.

Each objective is a critic of its own in one game, so that one program per number of devices has them all.
"""

import inspect
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxgan as jg
from jaxgan.games.generator import generator_game
from jaxgan.models import autoencoder, mlp
from jaxgan.parts.objectives import divergences, kernels, margins
from jaxgan.scale.devices import DATA, data_mesh, data_parallel

N, K = 16, 3
o, t, h = jg.objectives, jg.terms, jg.heads
DENSE = partial(mlp.Discriminator, (5,), activation=jnp.tanh)
FEATURES = partial(DENSE, features=True)
OBJECTIVES = {
    "f_gan": (DENSE, o.f_gan(divergences.jensen_shannon)),
    "minimax": (DENSE, o.minimax()),
    "least_squares": (DENSE, o.least_squares()),
    "hinge": (DENSE, o.hinge()),
    "relativistic": (DENSE, o.relativistic(margins.hinge)),
    "relativistic_average": (DENSE, o.relativistic_average()),
    "relativistic_centred": (DENSE, o.relativistic_centred()),
    "boundary_seeking": (DENSE, o.boundary_seeking()),
    "softmax_gan": (DENSE, o.softmax_gan()),
    "dual_contrastive": (DENSE, o.dual_contrastive()),
    "fisher": (DENSE, o.fisher(0.1)),
    "loss_sensitive": (DENSE, o.loss_sensitive(0.5)),
    "ebgan": (partial(autoencoder.Dense, (5,)), o.ebgan()),
    "began": (partial(autoencoder.Dense, (5,)), o.began()),
    "mmd": (FEATURES, o.mmd(kernels.rbf())),
    "repulsive_mmd": (FEATURES, o.repulsive_mmd(kernels.rational_quadratic())),
    "cramer": (FEATURES, o.cramer()),
    "ot": (FEATURES, o.ot(0.5, 10)),
    "sinkhorn": (FEATURES, o.sinkhorn(0.5, 10)),
    "sliced_wasserstein": (FEATURES, o.sliced_wasserstein(16)),
    "realness": (partial(DENSE, heads=(("realness", 5),)), o.realness(o.realness_anchors(5))),
    "multi_hinge": (partial(DENSE, heads=(("class", K + 1),)), o.multi_hinge()),
    "matching_aware": (DENSE, o.matching_aware(o.hinge(), "label")),
    "top_k": (DENSE, o.top_k(o.non_saturating(), 0.5)),
}
TASKS = {
    "auxiliary_classifier": h.auxiliary_classifier(K),
    "twin_classifiers": h.twin_classifiers(K),
    "discriminative_classifier": h.discriminative_classifier(K),
    "contrastive": h.contrastive(K, size=4),
    "data_to_data": h.data_to_data(K, size=4),
    "semi_supervised": h.semi_supervised(K),
}


def jitter(key, x):
    return x + 0.1 * jax.random.normal(key, x.shape)


D_TERMS = {
    "r1": t.r1(),
    "r2": t.r2(),
    "wgan_gp": t.wgan_gp(),
    "dragan": t.dragan(),
    "dragan_normal": t.dragan_normal(),
    "finite_r1": t.finite_r1(),
    "finite_r2": t.finite_r2(),
    "wgan_div": t.wgan_div(),
    "max_gradient": t.max_gradient(),
    "alp": t.alp(),
    "consistency": t.consistency(jitter),
    "consistency_of_fakes": t.consistency_of_fakes(jitter),
    "latent_consistency": t.latent_consistency(),
    "lecam": t.lecam(start=0),
    "centring": t.centring(),
    "witness_gp": t.witness_gp(kernels.rbf()),
}
G_TERMS = {
    "feature_matching": t.feature_matching(),
    "feature_matching_l1": t.feature_matching_l1(),
    "gdpp": t.gdpp(),
    "pulling_away": t.pulling_away(head="code"),
    "jacobian_clamping": t.jacobian_clamping(),
    "latent_diversity": t.latent_diversity(),
    "log_distances": t.log_distances(),
    "mode_seeking": t.mode_seeking(),
    "paired_matching": t.paired_matching(),
    "perceptual": t.perceptual(
        jg.Distance("half", lambda half, x, y: half * abs(x - y).mean(1), jnp.float32(0.5))
    ),
    "transport_cost": t.transport_cost(),
}
ELSEWHERE = {
    "non_saturating",  # as the logits of `minimax`
    "wasserstein",
    *(
        "log_ratio",
        "real_rewarded",
        "fake_rewarded",
        "swapped",
        "which_generator",
    ),  # tests/games/test_critics.py
    *("bottleneck", "path_length", "told_apart"),  # of networks of their own
    *("lazily", "stateless"),  # of other terms
    *("rotation", "codes"),  # of images; of latents in parts
}


def named(terms):
    return [term._replace(name=name) for name, term in terms.items()]


def critics(lowering):
    """One adversary for each objective and task, and one with all terms, by name."""
    label = jg.conditioning.auxiliary(K)
    of_objectives = {
        name: jg.adversary(jg.from_linen(network()), objective, conditioning=label, lowering=lowering)
        for name, (network, objective) in OBJECTIVES.items()
    }
    of_tasks = {
        name: jg.adversary(
            jg.from_linen(DENSE(heads=task.heads)),
            o.hinge(),
            d_terms=task.d_terms,
            g_terms=task.g_terms,
            conditioning=label,
            lowering=lowering,
        )
        for name, task in TASKS.items()
    }
    of_terms = jg.adversary(
        jg.from_linen(FEATURES(heads=(("code", 4),))),
        o.hinge(),
        d_terms=named(D_TERMS),
        g_terms=named(G_TERMS),
        conditioning=label,
        lowering=lowering,
    )
    return {**of_objectives, **of_tasks, "terms": of_terms}


@cache
def update(count):
    """Returns the state and the metrics after an update on some devices; on 1 without an axis of devices."""
    lowering = jg.Lowering(DATA if count > 1 else None)
    game = generator_game(
        jg.several(critics(lowering)),
        jg.from_linen(mlp.Generator((2,), (5,), activation=jnp.tanh, final=mlp.identity)),
        latent=jg.latents.normal(2),
        conditioning=jg.conditioning.auxiliary(K),
        lowering=lowering,
    )
    rule = jg.simultaneous(game, optax.sgd(0.01), optax.sgd(0.01))
    index = jnp.arange(N, dtype=jnp.uint32)[None, None]
    x = jax.random.normal(jax.random.key(1), (1, 1, N, 2))
    batches = {"x": x, "label": (index % K).astype(jnp.int32), "index": index}
    state = rule.init(jax.random.key(0), batches)
    step = (
        rule.update
        if count == 1
        else data_parallel(rule.update, data_mesh(jax.devices()[:count]), "shard_map")
    )
    state, metrics = jax.jit(step)(state, batches)
    return jax.device_get((state.replace(key=()), metrics))


@pytest.mark.slow  # two programs of about a minute each
@pytest.mark.parametrize("count", [2, 4, 8])
def test_an_update_does_not_depend_on_the_devices(count):
    single = jax.tree_util.tree_flatten_with_path(update(1))[0]
    for (path, a), b in zip(single, jax.tree.leaves(update(count)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4, err_msg=jax.tree_util.keystr(path))


def test_every_objective_task_and_term_is_held_to_it():
    kinds = {"Objective", "Term", "Task"}
    public = {
        name
        for package in (jg.objectives, jg.terms, jg.heads)
        for name, part in vars(package).items()
        if inspect.isfunction(part)
        and getattr(inspect.signature(part).return_annotation, "__name__", "") in kinds
    }
    assert public == {*OBJECTIVES, *TASKS, *D_TERMS, *G_TERMS, *ELSEWHERE}
