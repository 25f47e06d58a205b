"""TransGAN (Jiang et al., 2021): transformers as G and D, with sides doubled by pixel shuffling.

    python experiments/methods/transgan.py

Kept: both networks, the gradient penalty on Wasserstein's loss, augmentation of what D sees, an average of G.
Changed: networks of a small part of the width and depth, on images of 16 px; `--no-augment` shows what the
authors report, that these D need augmentation.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "shapes"
    size: int = 16
    batch_size: int = 32
    lr: jg.NonNegative = 1e-4
    """Adam's learning rate, for both players."""
    b1: jg.Share = 0.0
    d_steps: jg.Count = 2
    """Steps of D per step of G."""
    width: jg.Count = 64
    """Channels of a token at the first stage of G and the last of D, divisible by 8."""
    depth: jg.Count = 1
    """Blocks of each stage."""
    penalty: jg.NonNegative = 10.0
    """Weight of the gradient penalty."""
    augment: bool = True
    """Whether D sees its inputs moved, changed in colour and cut out."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from jaxgan.models import transgan

    depths, some = (config.depth,) * 2, jg.augmentations
    game = jg.gan(
        jg.from_linen(transgan.Generator(source.shape, config.width, depths, attention_heads=2)),
        jg.from_linen(transgan.Discriminator(patch=2, width=config.width, depths=depths, attention_heads=2)),
        latent=small.latent(config, source),
        objective=jg.objectives.wasserstein(),
        d_terms=[jg.terms.wgan_gp(config.penalty)],
        augment=some.diffaugment() if config.augment else some.unchanged,
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
