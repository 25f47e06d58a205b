"""A DCGAN trained by least squares or by cross-entropy.

    python experiments/lsgan_dcgan.py
    python experiments/lsgan_dcgan.py --loss cross_entropy

    95 s and 116 s on 2 cores of an AMD EPYC (Zen 5), shared with other work; jax 0.10.2, 2026-11-20.
    Mostly legible digits of 16 px, with either loss; seed 0, by eye.

Original: the DCGAN tutorials for MNIST with Adam 1e-4 and a switch between the losses of Mao et al., 2017
(least squares) and of Goodfellow et al., 2014 (cross-entropy).
Repaired: least squares acts on logits; with a sigmoid in D they could not reach the targets 0 and 1, and a
confident D would have hardly any gradient. Cross-entropy is softplus of the same logits.
"""

from dataclasses import dataclass
from typing import Literal

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 3000
    loss: Literal["least_squares", "cross_entropy"] = "least_squares"
    """The loss of both players."""
    lr: jg.NonNegative = 1e-4
    """Adam's learning rate, for both players."""
    b1: jg.Share = 0.5
    """Adam's decay of the mean gradient, for both players."""
    width: jg.Count = 32
    """Channels of the widest images, in either network."""
    z_size: jg.Count = 100
    """Numbers per latent, each normal."""


def data(config: Config) -> "jg.Source":
    """Loads the images, at 16 px or more unless --size is given."""
    source = jg.load(config.data, config.size)
    return source if config.size else jg.data.resized(source, max(16, source.shape[0]))


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    match config.loss:
        case "least_squares":
            objective = jg.objectives.least_squares()
        case "cross_entropy":
            objective = jg.objectives.non_saturating()
    game = jg.gan(
        jg.from_linen(jg.models.dcgan.Generator(source.shape, config.width, axis=config.lowering.axis)),
        jg.from_linen(jg.models.dcgan.Discriminator(config.width, axis=config.lowering.axis)),
        latent=jg.latents.normal(config.z_size),
        objective=objective,
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=config.b1)
    return jg.Experiment(jg.alternating(game, adam, adam), source)


if __name__ == "__main__":
    jg.main(Config, build, data)
