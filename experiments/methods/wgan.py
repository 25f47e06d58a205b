"""WGAN (Arjovsky et al., 2017): the Wasserstein distance, by a critic whose weights are clipped.

    python experiments/methods/wgan.py

Kept: the loss, 5 steps of the critic per step of G, RMSprop, clipping after each step. Changed: networks of
`small.py`, a larger learning rate and bound for fewer steps of narrower networks (the paper's are 5e-5 and
0.01), an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    lr: jg.NonNegative = 5e-4
    """RMSprop's learning rate, for both players."""
    d_steps: jg.Count = 5
    bound: jg.Positive = 0.1
    """Of the absolute value of each of the critic's weights."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.wasserstein(),
        lowering=config.lowering,
    )
    rmsprop = optax.rmsprop(config.lr)
    clipped = optax.chain(rmsprop, jg.clip_weights(config.bound))
    average = jg.ema(config.average)
    rule = jg.alternating(game, rmsprop, clipped, d_steps=config.d_steps, average=average)
    return small.experiment(config, source, rule)


if __name__ == "__main__":
    jg.main(Config, build)
