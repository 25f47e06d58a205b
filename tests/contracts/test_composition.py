"""Parts compose: any choice of them makes an update, or is refused in words when it is built.

The choices are traced, not run, so that hundreds of them fit; what they compute is the parts' own tests.
"""

import random

import jax
import jax.numpy as jnp
import optax
import pytest

import jaxgan as jg
from jaxgan.models import convnet, dcgan, mlp, r3gan, sngan
from jaxgan.models.layers import stable_rank

CLASSES = 3
OBJECTIVES = {
    "minimax": jg.objectives.minimax(),
    "least_squares": jg.objectives.least_squares(),
    "hinge": jg.objectives.hinge(),
    "wasserstein": jg.objectives.wasserstein(),
    "relativistic": jg.objectives.relativistic(),
    "relativistic_average": jg.objectives.relativistic_average(),
    "relativistic_centred": jg.objectives.relativistic_centred(jg.objectives.margins.hinge),
    "f_gan": jg.objectives.f_gan(jg.objectives.divergences.squared_hellinger),
    "boundary_seeking": jg.objectives.boundary_seeking(),
    "softmax_gan": jg.objectives.softmax_gan(),
    "dual_contrastive": jg.objectives.dual_contrastive(saturating=False),
    "ebgan": jg.objectives.ebgan(),
    "began": jg.objectives.began(),
    "fisher": jg.objectives.fisher(),
    "loss_sensitive": jg.objectives.loss_sensitive(),
}
TERMS = {
    "none": [],
    "r1+r2": [jg.terms.r1(lambda step: 1.0 / (1 + step)), jg.terms.r2()],
    "gp": [jg.terms.wgan_gp(one_sided=True)],
    "div": [jg.terms.wgan_div()],
    "max_gp": [jg.terms.max_gradient()],
    "consistency": [
        jg.terms.consistency(jg.augmentations.brightness()),
        jg.terms.consistency_of_fakes(jg.augmentations.brightness()),
    ],
    "lazy": [jg.terms.lazily(jg.terms.dragan(), 4), jg.terms.lazily(jg.terms.r1(), 2)],
    "several": [jg.terms.lecam(), jg.terms.finite_r1(), jg.terms.latent_consistency(), jg.terms.centring()],
}
G_TERMS = {
    "none": [],
    "zcr": [jg.terms.latent_diversity()],
    "pairs": [jg.terms.mode_seeking(), jg.terms.log_distances(), jg.terms.jacobian_clamping()],
}
CONDITIONINGS = {
    "unconditional": jg.conditioning.unconditional(),
    "concatenation": jg.conditioning.concatenation(CLASSES),
    "projection": jg.conditioning.projection(CLASSES),
    "labels": jg.conditioning.labels(CLASSES),
}
TX = optax.adam(1e-3), optax.rmsprop(1e-3)
RULES = {
    "alternating": lambda game, **parts: jg.alternating(game, *TX, **parts),
    "alternating x2": lambda game, **parts: jg.alternating(game, *TX, d_steps=2, **parts),
    "simultaneous": lambda game, **parts: jg.simultaneous(game, *TX, **parts),
    "extragradient": lambda game, **parts: jg.extragradient(game, *TX, **parts),
    "past_extragradient": lambda game, **parts: jg.past_extragradient(game, *TX, **parts),
    "optimistic": lambda game, **parts: jg.optimistic(game, *TX, **parts),
    "consensus": lambda game, **parts: jg.consensus(game, *TX, **parts),
    "symplectic": lambda game, **parts: jg.symplectic(game, *TX, **parts),
    "look_through": lambda game, **parts: jg.look_through(game, *TX, rate=0.1, **parts),
    "unrolled": lambda game, **parts: jg.unrolled(game, *TX, steps=2, **parts),
    "competitive": lambda game, **parts: jg.competitive(game, 0.1, 0.1, products=2, **parts),
    "adaptive": lambda game, **parts: jg.adaptive_competitive(game, 1e-3, 1e-3, products=2, **parts),
    "lookahead": lambda game, **parts: jg.lookahead(jg.alternating(game, *TX, **parts)),
    "by_feedback": lambda game, **parts: jg.by_feedback(
        lambda rates: jg.alternating(game, TX[0], jg.scaled(TX[1], rates.d), **parts),
        jg.paces.accuracy_gate(),
    ),
}
NORMS = ["batch", "spectral", "none", stable_rank(0.5)]
LATENTS = [jg.latents.normal(4), jg.latents.uniform(4), jg.latents.sphere(4), jg.latents.truncated(4)]
CHOICES = {
    "networks": ["mlp", "dcgan", "convnet", "sngan", "r3gan"],
    "precision": ["float32", "bfloat16"],
    "remat": [False, True],
    "g_norm": NORMS,
    "d_norm": NORMS,
    "objective": list(OBJECTIVES),
    "terms": list(TERMS),
    "g_terms": list(G_TERMS),
    "conditioning": list(CONDITIONINGS),
    "latent": [0, 1, 2, 3],
    "packing": [1, 2],
    "label_smoothing": [0.0, 0.1],
    "label_noise": [0.0, 0.1],
    "augment": [
        jg.augmentations.unchanged,
        jg.augmentations.sometimes(jg.augmentations.diffaugment(), 0.8),
        jg.augmentations.adaptive(jg.augmentations.blit),
    ],
    "deceive": [0.0, jg.augmentations.apa()],
    "latent_step": [None, jg.natural()],
    "instance_noise": [0.0, 0.1],
    "dropout": [0.0, 0.3],
    "rule": list(RULES),
    "average": [False, True],
    "micro": [1, 2],
    "unroll": [True, False],
}


def networks(pick):
    shape, classes = (8, 8, 1), CLASSES if pick["conditioning"] in ("projection", "labels") else 0
    g_classes = CLASSES if pick["conditioning"] == "labels" else 0  # the others tell G by the latent
    match pick["networks"]:
        case "mlp":
            g = mlp.Generator(shape=shape, widths=(4,), norm=pick["g_norm"])
            d = mlp.Discriminator(widths=(4,), norm=pick["d_norm"], dropout=pick["dropout"], classes=classes)
        case "dcgan":
            g = dcgan.Generator(shape=shape, width=2, norm=pick["g_norm"])
            d = dcgan.Discriminator(width=2, norm=pick["d_norm"], classes=classes)
        case "convnet":
            g = convnet.Generator(shape=shape, norm=pick["g_norm"])
            d = convnet.Discriminator(
                widths=(2,), dense=4, norm=pick["d_norm"], dropout=pick["dropout"], classes=classes
            )
        case "sngan":
            g = sngan.Generator(shape, 2, g_classes, remat=pick["remat"])
            d = sngan.Discriminator(2, classes, remat=pick["remat"])
        case "r3gan":
            widths = (8,) * r3gan.stages(8)
            g = r3gan.Generator(shape, widths, blocks=1, classes=g_classes)
            d = r3gan.Discriminator(widths, blocks=1, classes=classes)
    both = jg.from_linen(g), jg.from_linen(d)
    return both if pick["precision"] == "float32" else tuple(map(jg.bfloat16, both))


def traced(pick):
    """The shapes of a state before and after an update of this choice."""
    game = jg.gan(
        *networks(pick),
        latent=LATENTS[pick["latent"]],
        objective=OBJECTIVES[pick["objective"]],
        d_terms=TERMS[pick["terms"]],
        g_terms=G_TERMS[pick["g_terms"]],
        conditioning=CONDITIONINGS[pick["conditioning"]],
        label_smoothing=pick["label_smoothing"],
        label_noise=pick["label_noise"],
        augment=pick["augment"],
        deceive=pick["deceive"],
        latent_step=pick["latent_step"],
        instance_noise=pick["instance_noise"],
        packing=pick["packing"],
        lowering=jg.Lowering(unroll=pick["unroll"]),
    )
    rule = jg.guarded(RULES[pick["rule"]](game, average=jg.ema() if pick["average"] else None))
    layout = (rule.batches, pick["micro"], 4)
    batches = {
        "x": jnp.zeros((*layout, 8, 8, 1)),
        "index": jnp.zeros(layout, jnp.uint32),
        "label": jnp.zeros(layout, jnp.int32),
    }
    before = jax.eval_shape(rule.init, jax.random.key(0), batches)
    after, metrics = jax.eval_shape(rule.update, before, batches)
    return before, after, metrics


@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 36))]
)
def test_any_choice_works_or_is_refused(seed):
    chosen = random.Random(seed)
    pick = {name: chosen.choice(options) for name, options in CHOICES.items()}
    objective = OBJECTIVES[pick["objective"]]
    if pick["label_smoothing"] and objective.d_told_fake is None:
        with pytest.raises(jg.Refused, match="label smoothing"):
            traced(pick)
        pick["label_smoothing"] = 0.0
    whole = [term.whole for term in (*objective.d_terms, *objective.g_terms, *TERMS[pick["terms"]])]
    if pick["micro"] > 1 and (objective.over or any(whole)):
        with pytest.raises(jg.Refused, match="statistics of each micro-batch"):
            traced(pick)
        pick["micro"] = 1
    if pick["conditioning"] == "labels" and pick["networks"] not in ("sngan", "r3gan"):
        with pytest.raises(jg.Refused, match=r"(mlp|dcgan|convnet) cannot be given 2 inputs"):
            traced(pick)
        pick["conditioning"] = "concatenation"
    before, after, metrics = traced(pick)
    # a state goes in and one of the same shapes comes out: nothing retraces, everything can be saved
    assert jax.tree.map(lambda x: (x.shape, x.dtype), before) == jax.tree.map(
        lambda x: (x.shape, x.dtype), after
    )
    assert jax.tree.structure(before) == jax.tree.structure(after)
    assert {"d/adv", "g/adv"} <= metrics.keys()
    assert all(m.shape == () for m in metrics.values())
