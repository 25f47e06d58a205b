"""Unconditional BigGAN (Brock et al., 2019, as compared by Kang et al., 2023): chunks of the latent alone.

    python experiments/methods/biggan_unconditional.py

Kept: as in `biggan.py`. Changed: no classes, so BatchNorm in G is scaled and shifted by the block's chunk of
the latent, and D has no projection.
"""

from dataclasses import dataclass

import biggan
import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(biggan.Config):
    pass


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from jaxgan.models import biggan as networks

    attention = source.shape[0] // 2
    game = jg.gan(
        jg.from_linen(
            networks.Generator(source.shape, config.width, attention=attention, axis=config.lowering.axis)
        ),
        jg.from_linen(networks.Discriminator(max(config.width // 2, 1), attention=attention)),
        latent=small.latent(config, source),
        objective=jg.objectives.hinge(),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
