"""WGAN-ALP (Terjek, 2020): a Wasserstein critic whose slope is bounded along its steepest directions.

    python experiments/methods/alp_wgan.py

Kept: one power iteration per penalty, its one-sided square on real and fake examples, 5 steps of D. Changed:
x + r is not clipped, and r is shorter, since examples here are within about 1 of each other; networks and
optimisers of `small.py`, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    d_steps: jg.Count = 5
    penalty: jg.NonNegative = 100.0
    """Weight of the penalty."""
    low: jg.Positive = 0.01
    """Least length of r."""
    high: jg.Positive = 1.0
    """Greatest length of r."""
    probe: jg.Positive = 1.0
    """Length of the random step of the power iteration."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.wasserstein(),
        d_terms=[jg.terms.alp(config.penalty, config.low, config.high, config.probe)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
