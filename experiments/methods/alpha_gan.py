"""alpha-GAN (Rosca et al., 2017): an autoencoder with a D of examples and a D of codes.

    python experiments/methods/alpha_gan.py

Kept: D sees real examples against samples and against reconstructions, the D of codes latents against codes;
the players of G's side minimise the estimated log ratios, -logit, and `reconstruction` times the L1 error.
The encoder learns nothing from D, nor G from the D of codes. Changed: a deterministic encoder, the mean of
the L1 error over an example, networks and optimisers of `small.py`, an average of both networks.
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
    reconstruction: jg.NonNegative = 10.0
    """Weight of the L1 error."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import jax.numpy as jnp

    networks = {
        "e": small.encoder(config, small.z_size(config, source)),
        "g": small.generator(config, source),
    }

    def critic(network: jg.Network) -> jg.Adversary:
        return jg.adversary(network, jg.objectives.log_ratio(), lowering=config.lowering)

    def play(call: Any, z: "jax.Array", batch: Any, turn: jg.Turn) -> tuple:
        x, code = batch["x"], call("e", batch["x"])
        error = jnp.abs(call("g", code) - x).reshape(len(x), -1).mean(axis=1)
        rebuilt = call("g", jax.lax.stop_gradient(code))  # for D, which the encoder does not see
        meetings = {"drawn": jg.Meeting(x, call("g", z)), "rebuilt": jg.Meeting(x, rebuilt)}
        return {"x": meetings, "code": jg.Meeting(z, code)}, {"error": config.reconstruction * error}

    critics = jg.shared(dict.fromkeys(("drawn", "rebuilt"), critic(small.discriminator(config, source))))
    game = jg.networks_game(
        jg.several({"x": critics, "code": critic(small.row_discriminator(config))}),
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
