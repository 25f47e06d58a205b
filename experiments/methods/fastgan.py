"""FastGAN (Liu et al., 2021): skip-layer excitation, and a D that rebuilds real images from its features.

    python experiments/methods/fastgan.py

Kept: both networks, with excitation of large features by small ones, gated units, noise and a second smaller
image; decoders of the whole, the half and a random quarter; a logit per patch, the hinge loss; changes of
colour and translation of D's inputs. Changed: 32 px, so excitation reaches over 4 times the side, not 16, and
the small image has half the side; absolute differences instead of LPIPS; targets of the hinge are 1.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import small

import jaxgan as jg

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "shapes"
    batch_size: int = 16
    lr: jg.NonNegative = 2e-4
    """Adam's learning rate, for both players."""
    rebuild: jg.NonNegative = 1.0
    """Weight of the reconstructions."""
    augment: bool = True
    """Whether D's inputs are changed in colour and moved."""
    width: jg.Count = 16
    """Channels at the full side, doubled whenever it is halved, up to 8 times."""
    z_size: jg.Count = 64
    """Numbers per latent, each normal."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from jaxgan.models import fastgan

    some, axis, channels = jg.augmentations, config.lowering.axis, source.shape[-1]
    widths = (config.width, 8 * config.width)

    def rebuilt(view: jg.View) -> "jax.Array":
        return config.rebuild * fastgan.reconstruction(view, channels)

    changes = (some.brightness(), some.contrast(), some.translation())
    game = jg.gan(
        jg.from_linen(fastgan.Generator(source.shape, *widths, axis=axis)),
        jg.from_linen(fastgan.Discriminator(*widths, channels=channels, axis=axis)),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.hinge(),
        d_terms=[jg.terms.stateless("reconstruction", rebuilt)],
        augment=some.chain(*changes) if config.augment else some.unchanged,
        reals=fastgan.halves,
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
