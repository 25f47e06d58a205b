"""StyleGAN2 (Karras et al., 2020): styles of a mapping, modulated convolutions, noise, a residual D.

    python experiments/methods/stylegan2.py

Kept: both networks, with mixing of styles, the average of w, the deviation of groups in D and, for classes,
an embedding in the mapping and a projection onto a mapped label in D (Karras et al., 2020, on limited data);
the logistic loss, R1 at every 16th step. Changed: few channels and two layers of mapping, small images, the
rate and the average of `small.py`; without path length, which `stylegan2_pathlength.py` adds.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import small

import jaxgan as jg

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "shapes"
    batch_size: int = 32
    lr: jg.NonNegative = 2e-3
    """Adam's learning rate, for both players."""
    b1: jg.Share = 0.0
    """Adam's decay of its mean gradient."""
    gamma: jg.NonNegative = 0.1
    """Weight of R1."""
    mixing: jg.Share = 0.9
    """Share of examples with the styles of two latents."""
    psi: jg.Share = 1.0
    """Distance of the styles of samples to their average: 1 as they are, 0 all the same."""
    conditional: bool = True
    """Use the labels, if the data have any."""
    width: jg.Count = 32
    """Channels at the full side; twice as many at all others."""
    z_size: jg.Count = 64
    """Numbers per latent, each normal, and per style."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    return small.experiment(config, source, small.rule(config, game(config, source)))


def game(config: Config, source: "jg.Source", g_terms: "Sequence[jg.Term]" = ()) -> "jg.Game":
    """The game; terms of G see the styles of all layers, {"w": [B, layers, n]}, as the latent."""
    from jaxgan.models import stylegan2

    classes = source.classes if config.conditional else 0
    widths = (config.width, 2 * config.width)
    generator = stylegan2.Generator(
        source.shape,
        *widths,
        size=config.z_size,
        depth=2,
        classes=classes,
        mixing=config.mixing,
        psi=config.psi,
        shows_w=bool(g_terms),
        axis=config.lowering.axis,
    )
    return jg.gan(
        jg.from_linen(generator),
        jg.from_linen(stylegan2.Discriminator(*widths, classes=classes, depth=2)),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.lazily(jg.terms.r1(config.gamma), 16)],
        g_terms=g_terms,
        conditioning=jg.conditioning.labels(classes) if classes else jg.conditioning.unconditional(),
        lowering=config.lowering,
    )


if __name__ == "__main__":
    jg.main(Config, build)
