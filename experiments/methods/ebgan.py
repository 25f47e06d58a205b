"""EBGAN (Zhao et al., 2017): D's energy is the error of an autoencoder, lifted for fakes up to a margin.

    python experiments/methods/ebgan.py

Kept: a hinge on the energy of each fake, and for G the energy and the pulling-away term on the codes of
fakes; gradients of the energy flow through the target of the reconstruction too. Changed: networks and
optimisers of `small.py`, an average of G; the energy is the mean squared error, so that its margin is small.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    margin: jg.Positive = 1.0
    """The energy up to which fakes are lifted."""
    pulling: jg.NonNegative = 0.1
    """Weight of the pulling-away term."""
    code: jg.Count = 16
    """Numbers per code of the autoencoder."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.autoencoder(config, source, code=config.code),
        latent=small.latent(config, source),
        objective=jg.objectives.ebgan(config.margin),
        g_terms=[jg.terms.pulling_away(config.pulling)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
