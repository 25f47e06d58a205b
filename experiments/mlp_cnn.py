"""A dense generator against a convolutional discriminator.

    python experiments/mlp_cnn.py
    python experiments/mlp_cnn.py --norm none

    115 s on 2 cores of an AMD EPYC (Zen 5), shared with other work; jax 0.10.2, 2026-11-20.
    Mostly legible digits of most classes; one image only with --norm none; seed 0, by eye.

Original: the mixed tutorial GAN for MNIST, G dense 256-512-1024-784 with a sigmoid at its end and D two 3x3
convolutions of stride 2 and a dense layer, by binary cross-entropy and Adam.
Repaired: G has BatchNorm; without it (`--norm none`) all its samples become one image. The sigmoid of G is
mapped from (0, 1) to (-1, 1), the range of the data. D returns logits: softplus of a logit is the binary
cross-entropy of its sigmoid, without the overflow. G makes images of the data's size.
"""

from dataclasses import dataclass
from typing import Literal

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 4000
    norm: Literal["batch", "none"] = "batch"
    """BatchNorm in G's hidden layers, or the original without."""
    lr: jg.NonNegative = 2e-4
    """Adam's learning rate, for both players."""
    b1: jg.Share = 0.5
    """Adam's decay of the mean gradient, for both players."""
    width: jg.Count = 256
    """Units of G's first hidden layer; the others have twice and four times as many."""
    z_size: jg.Count = 100
    """Numbers per latent, each normal."""
    log_every: int = 100
    save_every: int = 1000


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from functools import partial

    import optax
    from jax.nn import leaky_relu

    leaky = partial(leaky_relu, negative_slope=0.2)
    widths = (config.width, 2 * config.width, 4 * config.width)
    generator = jg.models.mlp.Generator(
        source.shape,
        widths,
        activation=leaky,
        final=jg.models.mlp.scaled_sigmoid,
        norm=config.norm,
        axis=config.lowering.axis,
    )
    game = jg.gan(
        jg.from_linen(generator),
        jg.from_linen(jg.models.convnet.Discriminator(widths=(32, 64), dense=128)),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.non_saturating(),
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=config.b1)
    return jg.Experiment(jg.alternating(game, adam, adam), source)


if __name__ == "__main__":
    jg.main(Config, build)
