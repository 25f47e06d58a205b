"""RealnessGAN (Xiangli et al., 2020): D's answer is a distribution over outcomes, not one number.

    python experiments/methods/realness_gan.py

Kept: 51 outcomes, D's divergences from the anchors, G's from what D says of real examples; anchors are
histograms of 1,000 draws, here of a seed of their own. Changed: networks and optimisers of `small.py`, an
average of G. D's logit, which `d/acc_real` reads, is not trained. As in the authors' code for points D has no
spectral norm, with which 800 steps find one mode of `ring` instead of 8.
"""

from dataclasses import dataclass
from typing import Literal

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    outcomes: jg.Count = 51
    towards: Literal["real", "anchor"] = "real"
    """What G draws D's answers to: those to real examples, or the anchor of real."""
    repel: jg.NonNegative = 1.0
    """Weight of the divergence from the anchor of fake, which G maximises."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, heads=(("realness", config.outcomes),)),
        latent=small.latent(config, source),
        objective=jg.objectives.realness(
            jg.objectives.realness_anchors(config.outcomes), towards=config.towards, repel=config.repel
        ),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
