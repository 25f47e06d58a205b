"""SAGAN (Zhang et al., 2019): self-attention, spectral norm in both players, and two rates.

    python experiments/methods/sagan.py

Kept: residual networks with attention and spectral norm in both, class-conditional BatchNorm, a projection
discriminator, the hinge loss, one step of either player with a rate of D four times G's. Changed: the
networks are `sngan.py`'s, with few channels, on small images, with attention at 16 px; an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "shapes"
    batch_size: int = 64
    lr: jg.NonNegative = 1e-4
    """Adam's learning rate of G; D's is four times as large."""
    b1: jg.Share = 0.0
    """Adam's decay of its mean gradient."""
    width: jg.Count = 32
    """Channels of G at the full side; D has half as many."""
    z_size: jg.Count = 128
    """Numbers per latent, each normal."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    from jaxgan.models import sngan

    classes, attention = source.classes, source.shape[0] // 2
    game = jg.gan(
        jg.from_linen(
            sngan.Generator(
                source.shape, config.width, classes, attention, axis=config.lowering.axis, norm="spectral"
            )
        ),
        jg.from_linen(sngan.Discriminator(max(config.width // 2, 1), classes, attention=attention)),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.hinge(),
        conditioning=jg.conditioning.labels(classes) if classes else jg.conditioning.unconditional(),
        lowering=config.lowering,
    )
    g_adam, d_adam = (optax.adam(rate, config.b1, 0.9) for rate in (config.lr, 4 * config.lr))
    rule = jg.alternating(game, g_adam, d_adam, d_steps=config.d_steps, average=jg.ema(config.average))
    return small.experiment(config, source, rule)


if __name__ == "__main__":
    jg.main(Config, build)
