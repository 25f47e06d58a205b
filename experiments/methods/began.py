"""BEGAN (Berthelot et al., 2017): energies of real examples and fakes are kept in a ratio by feedback.

    python experiments/methods/began.py

Kept: an autoencoder as D, the mean absolute error as its energy, the feedback on k; `d/convergence` is the
paper's measure, L(x) + |gamma L(x) - L(G)|. Changed: networks and optimisers of `small.py`, an average of G;
k follows the fakes of D's step, ten times as fast for fewer steps, and the learning rate does not fall.
Weak in few steps: on `ring` G settles on one mode, and on digits `energy` is fifty times a plain GAN's.
"""

from dataclasses import dataclass
from typing import Any

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    gamma: jg.NonNegative = 0.5
    """The energy of fakes as a share of that of real examples."""
    rate: jg.NonNegative = 1e-2
    """Of k, the weight of fakes in D's loss."""
    code: jg.Natural = 0
    """Numbers per code of the autoencoder; 0 is a quarter of an example's, at most 64."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from math import prod

    import jax.numpy as jnp

    code = config.code or min(max(prod(source.shape) // 4, 1), 64)
    game = jg.gan(
        small.generator(config, source),
        small.autoencoder(config, source, code=code, error=jnp.abs),
        latent=small.latent(config, source),
        objective=jg.objectives.began(config.gamma, config.rate),
        lowering=config.lowering,
    )
    rule = small.rule(config, game)

    def update(state: Any, batches: Any) -> tuple:
        state, metrics = rule.update(state, batches)
        error = jnp.abs(metrics["d/fake"] - config.gamma * metrics["d/real"])
        return state, {**metrics, "d/convergence": error - metrics["d/real"]}

    return small.experiment(config, source, rule._replace(update=update))


if __name__ == "__main__":
    jg.main(Config, build)
