"""APA (Jiang et al., 2021): D is shown some fakes as real, more of them the further it overfits.

    python experiments/methods/apa_gan.py

Kept: the controller of ADA, target 0.6 and a step every 4 of D; fakes are shown before any augmentation and
without a gradient. Changed: networks and optimisers of `small.py`, R1 with weight 0.1; the fakes are those of
the same step, each in the place of the real example whose number (and label) it has; the probability can go
from 0 to 1 in 2,000 steps of D instead of 500,000 images; digits of 8 x 8.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    target: jg.Share = 0.6
    """Target of E sign(D(real))."""
    rise: jg.Count = 2000
    """Steps of D in which the probability can go from 0 to 1."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(0.1)],
        deceive=jg.augmentations.apa(target=config.target, steps=config.rise),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
