"""LS-GAN, the loss-sensitive GAN (Qi, 2020): real logits lead fake ones by a margin that grows with distance.

    python experiments/methods/ls_gan.py

Kept: the margin of each pair in proportion to its distance, the sum of absolute differences. Changed:
networks and optimisers of `small.py`, an average of G; D's output may have either sign, a larger slope for
points and small images (2e-4 in the author's code), no weight decay. Not LSGAN, which is `lsgan.py`.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    slope: jg.NonNegative = 0.1
    """Margin per unit of distance."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.loss_sensitive(config.slope),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
