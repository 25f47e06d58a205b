"""Geometric GAN (Lim & Ye, 2017): the hinge loss, by which D is a support vector machine in its features.

    python experiments/methods/ggan.py

Kept: D's hinge loss and G's linear one. Changed: networks and optimisers of `small.py`, an average of G, no
weight decay.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    b1: jg.Share = 0.0


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.hinge(),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
