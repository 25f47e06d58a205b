"""Progressive growing (Karras et al., 2018): a GAN of 4 px that grows to 8, 16 and 32.

    python experiments/methods/progressive.py

Kept: the networks, with equalised weights, the normalisation of pixels in G and the deviation of groups in D;
as many steps of fading in as of standing still, with real images faded alike; the critic's loss, its gradient
penalty and its drift. Changed: few channels, short stages, all stages as one program and one run; the last
stage has the steps that are left.
"""

from dataclasses import dataclass
from typing import Any

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "shapes"
    batch_size: int = 32
    lr: jg.NonNegative = 1e-3
    """Adam's learning rate, for both players."""
    b1: jg.Share = 0.0
    """Adam's decay of its mean gradient."""
    phase: jg.Count = 400
    """Steps before the next layers are faded in, and of fading them in."""
    penalty: jg.NonNegative = 10.0
    """Weight of the gradient penalty."""
    drift: jg.NonNegative = 1e-3
    """Weight of the squared logits of real images."""
    width: jg.Count = 32
    """Channels at the full side; twice as many at all others."""
    z_size: jg.Count = 64
    """Numbers per latent, each normal."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from jaxgan.models import progressive

    options: dict[str, Any] = {"width": config.width, "most": 2 * config.width, "phase": config.phase}
    drift = jg.terms.stateless("drift", lambda view: config.drift * view.real_out**2)
    game = jg.gan(
        jg.from_linen(progressive.Generator(source.shape, **options)),
        jg.from_linen(progressive.Discriminator(**options)),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.wasserstein(),
        d_terms=[jg.terms.wgan_gp(config.penalty), drift],
        reals=progressive.reals(config.phase),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
