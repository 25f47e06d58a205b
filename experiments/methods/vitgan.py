"""ViTGAN (Lee et al., 2022): transformers as G and D, with a D that is kept smooth.

    python experiments/methods/vitgan.py

Kept: both networks, attention by distance, spectral norm that keeps the initial size of the weights, the
non-saturating loss, augmentation of every input, consistency of D under it on real and generated images, an
average of G. Changed: networks of a sixth of the width and half the depth, smaller images and batches.
`--consistency 0` leaves the consistency out.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "shapes"
    size: int = 16
    batch_size: int = 32
    b1: jg.Share = 0.0
    width: jg.Count = 64
    """Channels of a token, divisible by 4."""
    depth: jg.Count = 2
    """Blocks of either network."""
    patch: jg.Count = 4
    """Side of a patch in pixels, even."""
    consistency: jg.NonNegative = 10.0
    """Weight of D's consistency under augmentation."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from jaxgan.models import vitgan

    augment, weight = jg.augmentations.diffaugment(), config.consistency
    d_terms = [jg.terms.consistency(augment, weight), jg.terms.consistency_of_fakes(augment, weight)]
    classes, size = source.classes, (config.patch, config.width, config.depth, max(config.width // 32, 1))
    game = jg.gan(
        jg.from_linen(vitgan.Generator(source.shape, *size, mapping=2, classes=classes)),
        jg.from_linen(vitgan.Discriminator(*size, classes=classes)),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=d_terms if weight else (),
        conditioning=jg.conditioning.labels(classes) if classes else jg.conditioning.unconditional(),
        augment=augment,
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
