"""BGAN (Hjelm et al., 2018): G moves its samples to the boundary where D cannot tell.

    python experiments/methods/bgan.py

Kept: D's cross entropy, G's squared log odds. Changed: networks and optimisers of `small.py`, an average of
G; continuous data only (`jg.objectives.boundary_weights` are the paper's for discrete ones).
Slow: a sample is drawn to where D changes its mind, not beyond, and narrow modes are reached only as D gets
sharper: none of `ring` in 800 steps, 4 of 8 in 2,000.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    pass


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.boundary_seeking(),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
