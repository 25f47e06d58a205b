"""Softmax GAN (Lin, 2017): real and fake examples of a batch compete in one softmax.

    python experiments/methods/softmax_gan.py

Kept: both losses, over the batch of all devices. Changed: networks and optimisers of `small.py`, an average
of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    pass


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.softmax_gan(),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
