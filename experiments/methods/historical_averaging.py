"""Historical averaging (Salimans et al., 2016): both players are pulled to the mean of their past parameters.

    python experiments/methods/historical_averaging.py

Kept: |params - mean of all steps' params|^2 in both losses. Changed: networks and optimisers of `small.py`,
an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    pull: jg.NonNegative = 1e-3
    """Weight of the squared distance to the mean."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=config.b1, b2=0.99)
    tx = optax.chain(jg.historical_averaging(config.pull), adam)
    rule = jg.alternating(game, tx, tx, d_steps=config.d_steps, average=jg.ema(config.average))
    return small.experiment(config, source, rule)


if __name__ == "__main__":
    jg.main(Config, build)
