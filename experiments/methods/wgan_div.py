"""WGAN-div (Wu et al., 2018): the Wasserstein divergence, by a critic with a penalty on its slope.

    python experiments/methods/wgan_div.py

Kept: the loss, the penalty k |slope|^p between real and fake, k 2 and p 6. Changed: networks and optimisers
of `small.py`, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    weight: jg.NonNegative = 2.0
    """k, of the penalty."""
    power: float = 6.0
    """p, of the slope; 2 or more."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.wasserstein(),
        d_terms=[jg.terms.wgan_div(config.weight, config.power)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
