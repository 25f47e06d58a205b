"""LGAN (Zhou et al., 2019): a GAN whose D is kept Lipschitz by a penalty on its largest slope.

    python experiments/methods/lgan.py

Kept: a logistic loss, whose D exists at its best only among Lipschitz functions, and the penalty on the
square of the steepest slope between real and fake. Changed: networks and optimisers of `small.py`, an average
of G; the maximum is over the batch, without a memory of steep points.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    penalty: jg.NonNegative = 10.0
    """Weight of the largest squared slope."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.max_gradient(config.penalty)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
