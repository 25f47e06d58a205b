"""A dense GAN with dropout in the discriminator.

    python experiments/mlp_dropout.py

    160 s on 2 cores of an AMD EPYC (Zen 5), shared with other work; jax 0.10.2, 2026-11-20.
    Mostly legible digits of most classes; seed 0, by eye.

Original: the Keras tutorial GAN for MNIST with G 256-512-1024 and D 1024-512-256 (LeakyReLU 0.2), dropout
0.3 in D, Adam 2e-4 with b1 0.5, batches of 128 and a grid after every epoch.
Repaired: D returns logits (softplus is the cross-entropy of the sigmoid). Dropout is on in both players'
steps; in the original, D's frozen copy in G's step could leave it off. An example's mask depends on that
example alone, not on the rest of its batch.
"""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 2400
    batch_size: int = 128
    lr: jg.NonNegative = 2e-4
    """Adam's learning rate, for both players."""
    b1: jg.Share = 0.5
    """Adam's decay of the mean gradient, for both players."""
    dropout: jg.Share = 0.3
    """Dropout rate of D's hidden units."""
    width: jg.Count = 256
    """The narrowest hidden layer; the others have twice and four times as many units."""
    z_size: jg.Count = 100
    """Numbers per latent, each normal."""
    log_every: int = 120
    save_every: int = 600
    sample_every: int = 12
    """Steps between sample pictures; 12 batches of 128 are an epoch of the digits."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from functools import partial

    import optax
    from jax.nn import leaky_relu

    leaky = partial(leaky_relu, negative_slope=0.2)
    widths = (config.width, 2 * config.width, 4 * config.width)
    game = jg.gan(
        jg.from_linen(jg.models.mlp.Generator(source.shape, widths, activation=leaky)),
        jg.from_linen(jg.models.mlp.Discriminator(widths[::-1], activation=leaky, dropout=config.dropout)),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.non_saturating(),
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=config.b1)
    return jg.Experiment(jg.alternating(game, adam, adam), source)


if __name__ == "__main__":
    jg.main(Config, build)
