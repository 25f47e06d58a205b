"""Two small dense networks trained on the minimax game, as in the first GAN paper.

    python experiments/mlp_minimax.py

    23 s on 2 cores of an AMD EPYC (Zen 5), shared with other work; jax 0.10.2, 2026-11-20.
    Mostly legible digits of most classes; seed 0, by eye.

Original: algorithm 1 of Goodfellow et al., 2014 (k steps of D per step of G, the saturating loss of G), with
the networks of the one-hidden-layer MNIST tutorials: 128 LeakyReLU -> tanh against 128 LeakyReLU -> 1.
Repaired: D has no sigmoid. The tutorials take log(D) and log(1 - D) of a sigmoid, which are minus infinity
when it saturates; here they are -softplus(-logit) and -softplus(logit), finite for any logit.
"""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 10000
    lr: jg.NonNegative = 1e-3
    """Adam's learning rate, for both players."""
    d_steps: jg.Count = 1
    """Steps of D per step of G: the paper's k."""
    width: jg.Count = 128
    """Hidden units of either network."""
    z_size: jg.Count = 100
    """Numbers per latent, each uniform in (-1, 1)."""
    log_every: int = 200
    save_every: int = 2000
    sample_every: int = 1000


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax
    from jax.nn import leaky_relu

    game = jg.gan(
        jg.from_linen(jg.models.mlp.Generator(source.shape, widths=(config.width,), activation=leaky_relu)),
        jg.from_linen(jg.models.mlp.Discriminator(widths=(config.width,), activation=leaky_relu)),
        latent=jg.latents.uniform(config.z_size, -1.0, 1.0),
        objective=jg.objectives.minimax(),
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=0.5)
    rule = jg.alternating(game, adam, adam, d_steps=config.d_steps)
    return jg.Experiment(rule, source)


if __name__ == "__main__":
    jg.main(Config, build)
