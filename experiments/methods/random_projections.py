"""Random projections (Neyshabur et al., 2017): many critics, each of its own random view of few dimensions.

    python experiments/methods/random_projections.py

Kept: every critic sees a random projection that never changes, images by a random convolution of stride 2;
G minimises the sum of its losses against all. Changed: points are projected onto random lines; windows of
images are smaller; networks and optimisers of `small.py`, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    critics: jg.Count = 12
    """How many there are."""
    window: jg.Count = 4
    """Width of the window of the random convolution."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from jaxgan.models import mlp, projected

    inner = mlp.Discriminator((config.width // 2 or 1,) * 2)
    d = jg.from_linen(projected.Discriminator(inner, size=config.window))
    critic = jg.adversary(d, jg.objectives.non_saturating(), lowering=config.lowering)
    game = jg.generator_game(
        jg.several({f"d{i}": critic for i in range(config.critics)}),
        small.generator(config, source),
        latent=small.latent(config, source),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
