"""Conditional GAN (Mirza & Osindero, 2014): both networks are given the class, one-hot, beside their input.

    python experiments/methods/cgan.py

Kept: the label as further inputs of G and D, the loss of the first GAN. Changed: networks and optimisers of
`small.py`, whose convolutional D gets the label as constant channels; R1, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    gamma: jg.NonNegative = 1.0
    """Weight of R1."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(config.gamma)],
        conditioning=jg.conditioning.concatenation(small.classes(config, source)),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
