"""Jacobian clamping (Odena et al., 2018): fakes change with latents neither too slowly nor too fast.

    python experiments/methods/jacobian_clamping.py

Kept: squared excesses of |G(z + d) - G(z)| / |d| over the bounds, d of length 1, weight 1. Changed: bounds
for examples of few numbers, since the ratio grows with the pixels; networks and optimisers of `small.py`, an
average of G. On `ring`, with these bounds, it scores as the plain GAN does.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    clamping: jg.NonNegative = 1.0
    """Weight of the term."""
    low: jg.NonNegative = 0.1
    """Least ratio of distances."""
    high: jg.Positive = 2.0
    """Greatest ratio of distances."""
    move: jg.Positive = 1.0
    """Length of the change of the latent."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        g_terms=[jg.terms.jacobian_clamping(config.low, config.high, config.move, config.clamping)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
