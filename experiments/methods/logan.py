"""LOGAN (Wu et al., 2019): latents take a natural gradient step of D before G generates from them.

    python experiments/methods/logan.py

Kept: z + 0.9 g / (damping + |g|^2) with g = dD(G(z))/dz, on a share of the latents, clipped to the box of the
prior; both losses at the new latents, the gradients of both through the step; a cost of its squared length.
Changed: networks and optimisers of `small.py`, the non-saturating loss; samples are of latents as drawn.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    rate: jg.NonNegative = 0.9
    """Length of the step of a latent with a large gradient, times that gradient's length."""
    damping: jg.Positive = 0.1
    """Added to the squared gradient."""
    share: jg.Share = 0.8
    """Share of the latents that are moved."""
    cost: jg.NonNegative = 0.1
    """Weight of the squared length of the step in both losses."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=jg.latents.uniform(small.z_size(config, source)),
        objective=jg.objectives.non_saturating(),
        latent_step=jg.natural(config.rate, config.damping, share=config.share, cost=config.cost),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
