"""The Wasserstein GAN with gradient penalty.

    python experiments/wgan_gp.py

    409 s on 2 cores of an AMD EPYC (Zen 5), shared with other work; jax 0.10.2, 2026-11-20.
    Digits of 16 px, more than half of them legible; seed 0, by eye.

Original: Gulrajani et al., 2017, algorithm 1: 5 steps of the critic per step of G, penalty 10, Adam 1e-4 with
b1 0 and b2 0.9; here on DCGAN's networks. The critic has no BatchNorm, since the penalty is on its gradient
at each input separately. `d/adv` is minus the critic's estimate of the Wasserstein distance.
"""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 2000
    lr: jg.NonNegative = 1e-4
    """Adam's learning rate, for both players."""
    d_steps: jg.Count = 5
    """Steps of the critic per step of G."""
    penalty: jg.NonNegative = 10.0
    """Weight of the gradient penalty."""
    width: jg.Count = 32
    """Channels of the widest images, in either network."""
    z_size: jg.Count = 128
    """Numbers per latent, each normal."""


def data(config: Config) -> "jg.Source":
    """Loads the images, at 16 px or more unless --size is given."""
    source = jg.load(config.data, config.size)
    return source if config.size else jg.data.resized(source, max(16, source.shape[0]))


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    game = jg.gan(
        jg.from_linen(jg.models.dcgan.Generator(source.shape, config.width, axis=config.lowering.axis)),
        jg.from_linen(jg.models.dcgan.Discriminator(config.width, norm="none")),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.wasserstein(),
        d_terms=[jg.terms.wgan_gp(config.penalty)],
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=0.0, b2=0.9)
    rule = jg.alternating(game, adam, adam, d_steps=config.d_steps)
    return jg.Experiment(rule, source)


if __name__ == "__main__":
    jg.main(Config, build, data)
