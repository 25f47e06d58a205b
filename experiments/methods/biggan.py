"""BigGAN (Brock et al., 2019): a latent and a class in every block, spectral norm in both players.

    python experiments/methods/biggan.py

Kept: the networks, with chunks of the latent, one embedding of the class that all blocks share, orthogonal
kernels, attention at 16 px and a projection discriminator; the hinge loss, two steps of D per step of G, the
average of G. Changed: few channels, small batches of small images, the optimisers of `small.py`, no
orthogonal regularisation. `jaxgan sample RUN --truncation 0.5` truncates its samples.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "shapes"
    batch_size: int = 64
    lr: jg.NonNegative = 2e-4
    """Adam's learning rate, for both players."""
    d_steps: jg.Count = 2
    """Steps of D per step of G."""
    width: jg.Count = 32
    """Channels of G at the full side; D has half as many."""
    z_size: jg.Count = 80
    """Numbers per latent, each normal: a multiple of the number of blocks plus one, 4 at 32 px."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from jaxgan.models import biggan

    classes, attention = source.classes, source.shape[0] // 2
    game = jg.gan(
        jg.from_linen(
            biggan.Generator(source.shape, config.width, classes, attention, axis=config.lowering.axis)
        ),
        jg.from_linen(biggan.Discriminator(max(config.width // 2, 1), classes, attention)),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.hinge(),
        conditioning=jg.conditioning.labels(classes) if classes else jg.conditioning.unconditional(),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
