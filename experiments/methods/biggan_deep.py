"""BigGAN-deep (Brock et al., 2019): bottlenecks, and shortcuts that drop or add channels.

    python experiments/methods/biggan_deep.py

Kept: the networks, with the whole latent and the class in every block, orthogonal kernels, attention, a
projection discriminator; the hinge loss, two steps of D per step of G, the average of G. Changed: few
channels, small batches of small images, the optimisers of `small.py`. `jaxgan sample RUN --truncation 0.5`
truncates its samples.
"""

from dataclasses import dataclass

import biggan
import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(biggan.Config):
    width: jg.Count = 64
    """Channels of both networks at the full side; blocks have a quarter inside."""
    z_size: jg.Count = 128
    """Numbers per latent, each normal."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from jaxgan.models import biggan_deep

    classes, attention = source.classes, source.shape[0] // 2
    game = jg.gan(
        jg.from_linen(
            biggan_deep.Generator(source.shape, config.width, classes, attention, axis=config.lowering.axis)
        ),
        jg.from_linen(biggan_deep.Discriminator(config.width, classes, attention)),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.hinge(),
        conditioning=jg.conditioning.labels(classes) if classes else jg.conditioning.unconditional(),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
