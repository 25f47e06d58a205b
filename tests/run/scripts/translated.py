"""Digits from their negatives, by a line through each pixel: for what is done with a translator."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import jaxgan as jg

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 2
    data: str = "digits"
    batch_size: int = 8
    log_every: int = 1
    save_every: int = 2
    sample_every: int = 1
    unpaired: bool = False


def data(config: Config) -> "jg.Source":
    from jaxgan.data import load, pairs

    digits = load(config.data, config.size)
    return pairs.unpaired(digits, digits) if config.unpaired else pairs.paired(digits, lambda x: -x)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax.numpy as jnp
    import optax
    from flax import linen as nn

    class Line(nn.Module):
        @nn.compact
        def __call__(self, x: "jax.Array", *others: "jax.Array") -> "jax.Array":
            return jnp.tanh(nn.Dense(1)(x))

    class Judge(nn.Module):
        @nn.compact
        def __call__(self, *pictures: "jax.Array") -> "jax.Array":
            return nn.Dense(1)(jnp.concatenate(pictures, -1).reshape(len(pictures[0]), -1))[:, 0]

    game = jg.gan(
        jg.from_linen(Line()),
        jg.from_linen(Judge()),
        latent=jg.latents.nothing(),
        objective=jg.objectives.non_saturating(),
        conditioning=jg.conditioning.leaves("other" if config.unpaired else "source", latent=False),
        lowering=config.lowering,
    )
    rule = jg.alternating(game, optax.sgd(0.1), optax.sgd(0.1))
    return jg.Experiment(rule, source, [jg.Hook(2, jg.answered(source, 50))], grid=24)


if __name__ == "__main__":
    jg.main(Config, build, data)
