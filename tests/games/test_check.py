"""Wrong parts of a game are refused in one line, when it is built or first used."""

import jax
import jax.numpy as jnp
import optax
import pytest
from games.linear import BATCH, LINEAR_D, LINEAR_G, losses, make, start

from jaxgan.errors import Refused
from jaxgan.games.gan import gan
from jaxgan.models import mlp, sngan
from jaxgan.parts import augmentations, conditioning, latents, objectives, terms
from jaxgan.parts.average import ema
from jaxgan.parts.network import Network, from_linen
from jaxgan.parts.objectives import Objective
from jaxgan.parts.optim import clip_weights
from jaxgan.rules.alternating import alternating
from jaxgan.rules.competitive import adaptive_competitive, competitive
from jaxgan.rules.lookahead import lookahead
from jaxgan.rules.optimistic import optimistic

REFUSALS = {
    "relativistic loss compares": lambda: make(objectives.relativistic(), label_smoothing=0.1),
    "Wasserstein's has no labels": lambda: make(objectives.wasserstein(), label_smoothing=0.1),
    "discriminator has 4 classes, the conditioning 3": lambda: make(
        conditioning=conditioning.projection(3), discriminator=from_linen(mlp.Discriminator(classes=4))
    ),
    "no Network: wrap it": lambda: make(generator=mlp.Generator(shape=(2,))),
    "hinge is no Objective: are its": lambda: make(objectives.hinge),
    "r1 is no Term: are its": lambda: make(d_terms=[terms.r1]),
    "unconditional is no Conditioning: give one": lambda: make(conditioning=conditioning.unconditional),
    "int is no Latent: give one such as": lambda: gan(
        LINEAR_G, LINEAR_D, latent=4, objective=objectives.hinge()
    ),
    r"terms come as a list: \[r1\(\)\], not": lambda: make(d_terms=terms.r1()),
    r"d_loss of the objective must give one number per input, .* gives \(8, 8\)": lambda: losses(
        make(Objective(lambda real, fake: real[:, None] + fake, lambda real, fake: fake))
    ),
    r"g_loss of the objective must give one number per input, shape \(8,\); it gives \(\)": lambda: losses(
        make(Objective(lambda real, fake: fake, lambda real, fake: fake.mean()))
    ),
    r"the term wide must give one number per input, shape \(8,\); it gives \(8, 2\)": lambda: losses(
        make(d_terms=[terms.stateless("wide", lambda view: view.real)])
    ),
    r"the term bare must return \(loss, state\); for a loss alone use `stateless`": lambda: losses(
        make(g_terms=[terms.Term("bare", tuple, lambda view, state: view.real_out)])
    ),
    r"state of the term grows must stay float32\[\], as init makes it, not float32\[8\]": lambda: losses(
        make(d_terms=[terms.Term("grows", lambda: jnp.zeros(()), lambda v, s: (v.real_out, s + v.real_out))])
    ),
    "called adv, which is a metric": lambda: make(g_terms=[terms.stateless("adv", lambda v: v.real_out)]),
    "label_noise must be between 0 and 1, not 2": lambda: make(label_noise=2.0),
    "label_smoothing must be between 0 and 1, not -0.1": lambda: make(label_smoothing=-0.1),
    "packing must be an integer of 1 or more, not 0": lambda: make(packing=0),
    r"packing must be an integer of 1 or more, not 2\.0": lambda: make(packing=2.0),
    r"the term lazily must give one number per input, shape \(8,\); it gives \(\)": lambda: losses(
        make(d_terms=[terms.lazily(terms.stateless("lazily", lambda view: view.real.mean()), 2)])
    ),
    r"the term one must return \(loss, state\); for a loss alone": lambda: losses(
        make(g_terms=[terms.lazily(terms.Term("one", tuple, lambda view, state: view.real_out), 2)])
    ),
    r"<function r1 .* is no Term: give one such as": lambda: terms.lazily(terms.r1, 2),
    "d_steps must be an integer of 1 or more, not 1.5": lambda: alternating(
        make(), optax.sgd(0.1), optax.sgd(0.1), d_steps=1.5
    ),
    r"0\.001 is no optimiser: give one of optax": lambda: optimistic(make(), 1e-3, 1e-3),
    "competitive takes learning rates such as 0.01, or schedules of them, not optimisers": lambda: (
        competitive(make(), optax.sgd(0.1), optax.sgd(0.1))
    ),
    "a learning rate must be 0 or more, not -0.1": lambda: adaptive_competitive(make(), 0.1, -0.1),
    "lookahead takes a rule such as jg.alternating": lambda: lookahead(make()),
    "the bound of clip_weights must be above 0, not -0.1": lambda: clip_weights(-0.1),
    "the bound of truncated latents must be above 0, not 0": lambda: latents.truncated(3, 0),
    "there is no norm 'spectral_norm': take one of": lambda: start(
        make(discriminator=from_linen(mlp.Discriminator(norm="spectral_norm")))
    ),
    "the rate of dropout must be from 0 to less than 1, not 1.5": lambda: start(
        make(discriminator=from_linen(mlp.Discriminator(dropout=1.5)))
    ),
    "this discriminator must be spectral, none or a WeightNorm, not batch": lambda: sngan.Discriminator(
        width=4, norm="batch"
    ).init(jax.random.key(0), jnp.ones((1, 16, 16, 1))),
    r"diffaugment is no augmentation .* are its \(\) missing": lambda: start(
        make(augment=augmentations.diffaugment)
    ),
    r"chain is no augmentation .* are its \(\) missing": lambda: start(make(augment=augmentations.chain)),
    r"takes images \[height, width, channels\], not shape \(2,\)": lambda: start(
        make(augment=augmentations.diffaugment())
    ),
    r"must keep examples float32\[8, 2\], not make float32\[8\] of them": lambda: start(
        make(augment=lambda key, x: x.sum())
    ),
    r"translation is no augmentation .* are its \(\) missing": lambda: losses(
        make(d_terms=[terms.consistency(augmentations.translation)])
    ),
    "lazily needs every=1 or more steps, not 0": lambda: terms.lazily(terms.r1(), 0),
    "the decay of an average must be between 0 and 1, not 1.5": lambda: ema(1.5),
    "d_steps must be an integer of 1 or more, not 0": lambda: alternating(
        make(), optax.sgd(0), optax.sgd(0), d_steps=0
    ),
    "share a name": lambda: make(d_terms=[terms.r1(), terms.r1()]),
    "have no labels": lambda: start(
        make(conditioning=conditioning.concatenation(3)), {k: BATCH[k] for k in ("x", "index")}
    ),
    "packing=3 must divide the 8 examples": lambda: start(make(packing=3)),
    "makes examples of shape": lambda: start(
        make(generator=from_linen(mlp.Generator(shape=(5,), widths=(4,))))
    ),
    "one logit per input": lambda: start(
        make(discriminator=Network(lambda key, x: ((), {}), lambda p, s, x, key=None, train=False: (x[0], s)))
    ),
}


@pytest.mark.parametrize("words", REFUSALS)
def test_wrong_parts_are_refused_when_built_or_first_used(words):
    with pytest.raises(Refused, match=words):
        REFUSALS[words]()
