"""DiffAugment (Zhao et al., 2020): colour, translation and cutout of all of D's inputs, in both losses.

    python experiments/methods/diffaugment_gan.py

Kept: the policy and its strengths, always applied, to real and generated examples, and with G's gradient
through it. Changed: networks and optimisers of `small.py`, R1 with weight 0.1, digits of 8 x 8.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    probability: jg.Share = 1.0
    """Probability that an input is augmented."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    policy = jg.augmentations.diffaugment()
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(0.1)],
        augment=policy if config.probability == 1 else jg.augmentations.sometimes(policy, config.probability),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
