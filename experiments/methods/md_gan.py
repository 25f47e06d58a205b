"""Multi-discriminator GAN: D has a logit for each class, of which only that of the example's class counts.

    python experiments/methods/md_gan.py

Discriminators that share all layers but the last, as in FUNIT (Liu et al., 2019), which PyTorch-StudioGAN
calls MD. Kept: the logit of the own class in both losses, R1. Changed: networks and optimisers of `small.py`,
whose G gets the class one-hot; an average of G.
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
    classes = small.classes(config, source)
    every_class = small.discriminator(config, source, heads=(("class", classes),))
    game = jg.gan(
        small.generator(config, source),
        jg.heads.own_class(every_class, classes),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(config.gamma)],
        conditioning=jg.conditioning.projection(classes),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
