"""GAN (Goodfellow et al., 2014): two networks and the losses of the first paper.

    python experiments/methods/gan.py

Kept: D's cross entropy, G's non-saturating loss; `--saturating` is the minimax game itself. Changed: networks
and optimisers of `small.py`, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    saturating: bool = False
    """Whether G minimises log(1 - D) instead of -log D."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.minimax() if config.saturating else jg.objectives.non_saturating(),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
