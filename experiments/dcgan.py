"""DCGAN: the small one of the tutorials, or the 64x64 network of the paper.

    python experiments/dcgan.py --out runs/dcgan
    jaxgan sample runs/dcgan --n 100 --out grid.png
    python experiments/dcgan.py --network radford --data faces.npz

    The first: 64 s on 2 cores of an AMD EPYC (Zen 5), shared with other work; jax 0.10.2, 2026-11-20.
    Mostly legible digits of most classes; seed 0, by eye. The last was not run beyond 3 steps on digits,
    which took about 5 s each in batches of 32: it is for a GPU.

Originals: Radford et al., 2016 (`radford`: 128 channels at the widest images, kernels from N(0, 0.02), Adam
2e-4 with b1 0.5), and the tutorial for MNIST (`tutorial`: dense to 7x7x128, transposed convolution to 64,
then to the image; a dense D).
Repaired: one of the tutorial's transposed convolutions has stride 1, so that it makes 14x14 images, and its D
takes 64x64 ones; here both have the data's size. D returns logits (softplus is the cross-entropy of the
sigmoid). A run that is loaded generates the same images as before, BatchNorm's averages included.
"""

from dataclasses import dataclass
from typing import Literal

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 3000
    network: Literal["tutorial", "radford"] = "tutorial"
    """The tutorial's networks, or the paper's."""
    lr: jg.NonNegative = 2e-4
    """Adam's learning rate, for both players."""
    b1: jg.Share = 0.5
    """Adam's decay of the mean gradient, for both players."""
    width: jg.Count = 128
    """Channels of radford's widest images, in either network; hidden units of the tutorial's D."""
    z_size: jg.Count = 100
    """Numbers per latent, each uniform in (-1, 1)."""


def data(config: Config) -> "jg.Source":
    """Loads the images, for Radford's networks at 64 px unless --size is given."""
    return jg.load(config.data, config.size or (64 if config.network == "radford" else 0))


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from functools import partial

    import optax
    from jax.nn import leaky_relu

    axis = config.lowering.axis
    match config.network:
        case "tutorial":
            generator = jg.from_linen(jg.models.convnet.Generator(source.shape, axis=axis))
            leaky = partial(leaky_relu, negative_slope=0.2)
            widths = (2 * config.width, config.width)
            discriminator = jg.from_linen(jg.models.mlp.Discriminator(widths, activation=leaky))
        case "radford":
            generator = jg.from_linen(jg.models.dcgan.Generator(source.shape, config.width, axis=axis))
            discriminator = jg.from_linen(jg.models.dcgan.Discriminator(config.width, axis=axis))

    game = jg.gan(
        generator,
        discriminator,
        latent=jg.latents.uniform(config.z_size, -1.0, 1.0),
        objective=jg.objectives.non_saturating(),
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=config.b1)
    return jg.Experiment(jg.alternating(game, adam, adam), source, grid=100)


if __name__ == "__main__":
    jg.main(Config, build, data)
