"""StyleGAN3-T (Karras et al., 2021): a G without aliasing, whose image shifts with its input.

    python experiments/methods/stylegan3_t.py

Kept: G with its filters, waves, powers and rates of layers; StyleGAN2's D; the logistic loss with lazy R1,
the rates of both players, an average of G. Changed: images of 16 px, 6 layers instead of 14, narrow networks,
no augmentation. `stylegan3_r.py` is the configuration whose image also turns with its input.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "shapes"
    size: int = 16
    """Side of the images, a power of 2."""
    batch_size: int = 32
    lr: jg.NonNegative = 2.5e-3
    """Adam's learning rate for G; D's is four fifths of it."""
    b1: jg.Share = 0.0
    width: jg.Count = 8
    """Channels at the full resolution; at most four times as many below it."""
    layers: jg.Count = 6
    """Layers of G, 3 or more."""
    gamma: jg.NonNegative = 1.0
    """Weight of R1."""
    every: jg.Count = 16
    """Steps of D between evaluations of R1."""


def rule(config: Config, source: "jg.Source", radial: bool = False) -> "jg.Rule":
    import optax

    from jaxgan.models import stylegan2, stylegan3

    width, classes = config.width * (2 if radial else 1), source.classes
    game = jg.gan(
        jg.from_linen(
            stylegan3.Generator(
                source.shape,
                width=width,
                most=4 * width,
                size=8 * config.width,
                layers=config.layers,
                radial=radial,
                classes=classes,
                axis=config.lowering.axis,
            )
        ),
        jg.from_linen(stylegan2.Discriminator(config.width, 4 * config.width, classes=classes, depth=2)),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.lazily(jg.terms.r1(config.gamma), config.every)],
        conditioning=jg.conditioning.labels(classes) if classes else jg.conditioning.unconditional(),
        lowering=config.lowering,
    )
    g, d = (optax.adam(share * config.lr, b1=config.b1, b2=0.99) for share in (1.0, 0.8))
    return jg.alternating(game, g, d, d_steps=config.d_steps, average=jg.ema(config.average))


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    return small.experiment(config, source, rule(config, source))


if __name__ == "__main__":
    jg.main(Config, build)
