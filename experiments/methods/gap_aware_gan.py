"""Gap-aware rate of D (Hazimeh & Ponomareva, 2023): faster where D's loss is above that of a perfect G.

    python experiments/methods/gap_aware_gan.py

Kept: the running mean of D's loss with decay 0.95; the factor of D's steps goes from 0.1 to 2 within a tenth
of the ideal loss, log 4 for the logistic loss. Changed: networks and optimisers of `small.py`. `d/rate` is
the factor.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    fastest: jg.Positive = 2.0
    """Largest factor of D's steps."""
    slowest: jg.Positive = 0.1
    """Smallest factor of D's steps."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        lowering=config.lowering,
    )
    adam, average = optax.adam(config.lr, b1=config.b1, b2=0.99), jg.ema(config.average)

    def rule(rates: jg.Rates) -> jg.Rule:
        return jg.alternating(game, adam, jg.scaled(adam, rates.d), d_steps=config.d_steps, average=average)

    pace = jg.paces.gap_aware(fastest=config.fastest, slowest=config.slowest)
    return small.experiment(config, source, jg.by_feedback(rule, pace))


if __name__ == "__main__":
    jg.main(Config, build)
