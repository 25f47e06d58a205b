"""Projection discriminator (Miyato & Koyama, 2018): D's logit is psi(h) + <embedding(label), h>.

    python experiments/methods/pdgan.py

Kept: the projection of the class onto D's features, the hinge loss. Changed: networks and optimisers of
`small.py`, whose G gets the class one-hot instead of normalising by it; R1 instead of spectral norm, an
average of G. `sngan` of `jaxgan.models` with `classes=` has the paper's networks.
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
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, classes=classes),
        latent=small.latent(config, source),
        objective=jg.objectives.hinge(),
        d_terms=[jg.terms.r1(config.gamma)],
        conditioning=jg.conditioning.projection(classes),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
