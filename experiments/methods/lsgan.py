"""LSGAN (Mao et al., 2017): squared errors of the logit from a target for each label.

    python experiments/methods/lsgan.py
    python experiments/methods/lsgan.py --pearson

Kept: the paper's targets, 0 for fake and 1 for real and for G's fakes; with `--pearson` its other choice, -1,
1 and 0, whose game is of Pearson's chi^2 divergence. Changed: networks and optimisers of `small.py`, an
average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    pearson: bool = False
    """Whether the targets of fake, real and G are -1, 1, 0 instead of 0, 1, 1."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.least_squares(*((-1.0, 1.0, 0.0) if config.pearson else (0.0, 1.0, 1.0))),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
