"""Relativistic GANs (Jolicoeur-Martineau, 2019, 2020): D compares real with fake logits.

    python experiments/methods/relativistic_gan.py
    python experiments/methods/relativistic_gan.py --against pair --margin hinge

Kept: the losses of each real logit against its fake partner, against the mean of the fakes, or both against
the mean of all; logistic (RaGAN), squared (RaLSGAN) or hinge (RaHingeGAN); both halves in G's loss, which
some copies lack. Changed: networks and optimisers of `small.py`, an average of G.
On `ring` three of five seeds find no mode in 800 steps.
"""

from dataclasses import dataclass
from typing import Literal

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    against: Literal["pair", "average", "centre"] = "average"
    """What a logit is compared with: its partner, the mean of the others, the mean of all."""
    margin: Literal["logistic", "least_squares", "hinge"] = "logistic"
    """The loss of the difference."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    objective = {
        "pair": jg.objectives.relativistic,
        "average": jg.objectives.relativistic_average,
        "centre": jg.objectives.relativistic_centred,
    }[config.against]
    margin = getattr(jg.objectives.margins, config.margin)
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=objective(margin),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
