"""Fisher GAN (Mroueh & Sercu, 2017): a critic whose second moment is held at 1 by a multiplier.

    python experiments/methods/fisher_gan.py

Kept: the augmented Lagrangian, two steps of the critic per step of G. Changed: networks and optimisers of
`small.py`, an average of G; rho, the paper's 1e-6, is larger, for the multiplier to settle in fewer steps.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    d_steps: jg.Count = 2
    rho: jg.Positive = 1e-2
    """Rate of the multiplier, and weight of the quadratic penalty."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.fisher(config.rho),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
