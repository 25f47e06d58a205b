"""VEEGAN (Srivastava et al., 2017): a network from examples to latents inverts G, so that no mode is lost.

    python experiments/methods/veegan.py

Kept: D tells pairs (G(z), z) from (x, F(x)) by a logistic loss; G minimises the log ratio and the error
|z - F(G(z))|^2 of F, which learns from this error alone. Changed: a deterministic F, networks and optimisers
of `small.py`, an average of both networks.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import small

import jaxgan as jg

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Config(small.Config):
    reconstruction: jg.NonNegative = 1.0
    """Weight of the squared error of latents."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax.numpy as jnp

    pair = jg.conditioning.flatten_latent
    networks = {
        "f": small.encoder(config, small.z_size(config, source)),
        "g": small.generator(config, source),
    }

    def play(call: Any, z: "jax.Array", batch: Any, turn: jg.Turn) -> tuple:
        x, fake = batch["x"], call("g", z)
        error = config.reconstruction * jnp.square(z - call("f", fake)).sum(axis=1)
        return jg.Meeting(real=pair((x, call("f", x))), fake=pair((fake, z))), {"error": error}

    critic = jg.adversary(
        small.row_discriminator(config), jg.objectives.log_ratio(), lowering=config.lowering
    )
    game = jg.networks_game(
        critic,
        networks,
        latent=small.latent(config, source),
        play=play,
        decode=lambda call, z, given: call("g", z),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
