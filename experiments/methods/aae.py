"""AAE (Makhzani et al., 2016): an autoencoder whose codes a D of codes holds to the prior.

    python experiments/methods/aae.py

Kept: D tells latents of the prior, which are real, from codes of examples; the encoder's adversarial loss
joins the reconstruction error of both networks. Samples are decoded latents. Changed: one step for both
losses instead of two in turn, networks and optimisers of `small.py`, an average of both networks.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import small

import jaxgan as jg

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    reconstruction: jg.NonNegative = 1.0
    """Weight of the squared error, summed over an example."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax.numpy as jnp

    networks = {
        "e": small.encoder(config, small.z_size(config, source)),
        "g": small.generator(config, source),
    }

    def play(call: Any, z: "jax.Array", batch: Any, turn: jg.Turn) -> tuple:
        x, code = batch["x"], call("e", batch["x"])
        error = jnp.square(call("g", code) - x).reshape(len(x), -1).sum(axis=1)
        return jg.Meeting(real=z, fake=code), {"error": config.reconstruction * error}

    objective = jg.objectives.non_saturating()
    game = jg.networks_game(
        jg.adversary(small.row_discriminator(config), objective, lowering=config.lowering),
        networks,
        latent=small.latent(config, source),
        play=play,
        decode=lambda call, z, given: call("g", z),
        lowering=config.lowering,
    )
    rebuilt = small.rebuilt(config, source, networks)
    return small.experiment(config, source, small.rule(config, game), rebuilt)


if __name__ == "__main__":
    jg.main(Config, build)
