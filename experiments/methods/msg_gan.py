"""MSG-GAN (Karnewar & Wang, 2020): images of 4, 8, 16 and 32 px at once, and a D that reads all of them.

    python experiments/methods/msg_gan.py

Kept: an image at every stage of G, joined to D's features of the same side; equalised weights; the critic's
loss, with one gradient penalty of all images jointly. Changed: few channels; the deviation of groups once,
before D's last layers.
"""

from dataclasses import dataclass

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
    penalty: jg.NonNegative = 10.0
    """Weight of the gradient penalty."""
    drift: jg.NonNegative = 1e-3
    """Weight of the squared logits of real images."""
    width: jg.Count = 32
    """Channels at the full side; twice as many at all others."""
    z_size: jg.Count = 64
    """Numbers per latent, each normal."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from jaxgan.models import msg_gan

    widths = (config.width, 2 * config.width)
    drift = jg.terms.stateless("drift", lambda view: config.drift * view.real_out**2)
    game = jg.gan(
        jg.from_linen(msg_gan.Generator(source.shape, *widths)),
        jg.from_linen(msg_gan.Discriminator(*widths, channels=source.shape[-1])),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.wasserstein(),
        d_terms=[jg.terms.wgan_gp(config.penalty), drift],
        reals=msg_gan.pyramid,
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
