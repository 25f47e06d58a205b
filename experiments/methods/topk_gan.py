"""Top-k training (Sinha et al., 2020): G learns from the fakes that D judges best.

    python experiments/methods/topk_gan.py
    python experiments/methods/topk_gan.py --least 1

Kept: G's loss is the mean over the k best of a batch, with k falling by 1 % an epoch to half of the batch;
an epoch is `--every` steps, as a mixture has none. `--least 1` is the plain GAN. Changed: networks and
optimisers of `small.py`, an average of G, R1 on D.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    decay: jg.Share = 0.99
    """By which the share of fakes falls."""
    every: jg.Count = 20
    """Steps of G between two falls."""
    least: jg.Share = 0.5
    """The least share of fakes."""
    gamma: jg.NonNegative = 0.1
    """Weight of R1."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import jax.numpy as jnp

    def share(step: "jax.Array") -> "jax.Array":
        return jnp.maximum(config.decay ** (step // config.every), config.least)

    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.top_k(jg.objectives.non_saturating(), share),
        d_terms=[jg.terms.r1(config.gamma)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
