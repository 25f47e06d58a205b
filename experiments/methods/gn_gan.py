"""GN-GAN (Wu et al., 2021): D's logit is divided by its slope and its size, so that its slope is at most 1.

    python experiments/methods/gn_gan.py

Kept: f / (|grad f| + |f|), the hinge loss and, with it, 5 steps of D per step of G. Changed: networks and
optimisers of `small.py`, an average of G; its LeakyReLU is piecewise linear, as the bound on the slope needs.
The logit is in [-1, 1], so the hinge is never reached and D is a critic: on `ring` 800 steps of G find 7 or 8
modes, and with one step of D each hardly any.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    d_steps: jg.Count = 5


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        jg.gradient_normalised(small.discriminator(config, source)),
        latent=small.latent(config, source),
        objective=jg.objectives.hinge(),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
