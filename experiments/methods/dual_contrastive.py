"""Dual contrastive loss (Yu et al., 2021): each real is told from all fakes, and each fake from all reals.

    python experiments/methods/dual_contrastive.py
    python experiments/methods/dual_contrastive.py --swapped

Kept: both contrastive losses over the batch of all devices, R1 as in StyleGAN2, in whose place the loss was
tried. Changed: networks and optimisers of `small.py`, an average of G, no attention. G minimises minus D's
loss as in the paper, or with `--swapped` that loss with real and fake in each other's place.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    gamma: jg.NonNegative = 0.1
    """Weight of R1."""
    swapped: bool = False
    """Whether G's loss is D's with real and fake swapped."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.dual_contrastive(saturating=not config.swapped),
        d_terms=[jg.terms.r1(config.gamma)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
