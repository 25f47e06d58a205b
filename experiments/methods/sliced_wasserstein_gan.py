"""Sliced Wasserstein GAN (Deshpande et al., 2018): G matches D's features along random directions.

    python experiments/methods/sliced_wasserstein_gan.py

Kept: D's cross entropy, whose features are sorted along random directions, new in each step, for G's loss.
Changed: networks and optimisers of `small.py`, an average of G, R1 on D, 256 directions instead of thousands.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    directions: jg.Count = 256
    """Directions along which the features of a batch are sorted."""
    gamma: jg.NonNegative = 0.1
    """Weight of R1."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, features=True),
        latent=small.latent(config, source),
        objective=jg.objectives.sliced_wasserstein(config.directions),
        d_terms=[jg.terms.r1(config.gamma)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
