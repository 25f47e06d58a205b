"""GAT (Hyun et al., 2025): transformers as G and D, and a D that sees G's images of several depths.

    python experiments/methods/gat.py

Kept: both networks, the levels with their noise, the relativistic loss with R1 and R2, augmentation of every
input before the noise, rates by width, clipped gradients, an average of G. Changed: pixels instead of the
latents of an autoencoder, no features of a pretrained network to predict, exact penalties at every step
instead of differences at every eighth, networks of a tenth of the width. `--levels 1` is one image alone.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "shapes"
    size: int = 16
    batch_size: int = 32
    lr: jg.NonNegative = 2e-4
    """Adam's learning rate at width 768, in inverse proportion to the width."""
    b1: jg.Share = 0.0
    width: jg.Count = 64
    """Channels of a token, divisible by 4."""
    depth: jg.Count = 4
    """Blocks of either network, divisible by `levels`."""
    patch: jg.Count = 4
    """Side of a patch in pixels."""
    levels: jg.Count = 4
    """Images that G makes at growing depth and D sees."""
    gamma: jg.NonNegative = 0.1
    """Weight of R1 and R2."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    from jaxgan.models import gat

    aug, levels, classes = jg.augmentations, config.levels, source.classes
    size = (config.patch, config.width, config.depth, max(config.width // 32, 1))
    game = jg.gan(
        jg.from_linen(gat.Generator(source.shape, *size, levels, classes)),
        jg.from_linen(gat.Discriminator(*size, projection=2 * config.width, classes=classes)),
        latent=small.latent(config, source),
        objective=jg.objectives.relativistic(),
        d_terms=[jg.terms.r1(config.gamma), jg.terms.r2(config.gamma)],
        conditioning=jg.conditioning.labels(classes) if classes else jg.conditioning.unconditional(),
        augment=aug.chain(aug.per_level(aug.diffaugment(), levels), aug.level_noise(levels)),
        reals=gat.repeated(levels),
        lowering=config.lowering,
    )
    adam = optax.chain(
        optax.clip_by_global_norm(1.0), optax.adam(config.lr * 768 / config.width, b1=config.b1, b2=0.99)
    )
    rule = jg.alternating(game, adam, adam, d_steps=config.d_steps, average=jg.ema(config.average))
    return small.experiment(config, source, rule)


if __name__ == "__main__":
    jg.main(Config, build)
