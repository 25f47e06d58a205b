"""GDPP (Elfeki et al., 2019): G matches the diversity of D's features on real examples.

    python experiments/methods/gdpp.py

Kept: eigenvalues and eigenvectors of the similarities of a batch's features, beside G's non-saturating loss.
Changed: networks and optimisers of `small.py`, an average of G, R1 on D; the absolute value of the cosines,
as the sign of an eigenvector means nothing.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    weight: jg.NonNegative = 1.0
    """Of GDPP in G's loss; 0 is the plain GAN."""
    magnitude: jg.NonNegative = 1e-4
    """Of the eigenvalues' part of it."""
    gamma: jg.NonNegative = 0.1
    """Weight of R1."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, features=True),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(config.gamma)],
        g_terms=[jg.terms.gdpp(config.weight, magnitude=config.magnitude)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
