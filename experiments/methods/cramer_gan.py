"""Cramer GAN (Bellemare et al., 2017): G minimises the energy distance of D's features.

    python experiments/methods/cramer_gan.py

Kept: both losses, the gradient penalty of weight 10 on the critic, 5 steps of D per step of G. Changed:
networks and optimisers of `small.py`, an average of G, 64 features instead of 256, and the second fake of
each row is the next one of the batch, which is as independent of it as one from a latent of its own.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    d_steps: jg.Count = 5
    weight: jg.NonNegative = 10.0
    """Of the gradient penalty."""
    features: jg.Count = 64
    """Size of the head whose distributions are compared."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, heads=(("embedding", config.features),)),
        latent=small.latent(config, source),
        objective=jg.objectives.cramer(config.weight, head="embedding"),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
