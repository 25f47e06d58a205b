"""VAE (Kingma & Welling, 2014): no adversary, for comparison.

    python experiments/methods/vae.py

Kept: an encoder and a decoder that minimise -ELBO = -log p(x | z) + KL(q(z | x), N(0, I)) with one z per
example, both normal. D's side is empty. Changed: a fixed deviation of the decoder, images in [-1, 1],
networks and optimisers of `small.py`, an average of both networks. Samples are the decoder's means.
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
    deviation: jg.Positive = 0.4
    """Standard deviation of a number of x around the decoder's mean."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax.numpy as jnp

    networks = {
        "e": small.encoder(config, 2 * small.z_size(config, source)),
        "g": small.generator(config, source),
    }

    def play(call: Any, z: "jax.Array", batch: Any, turn: jg.Turn) -> tuple:
        mean, log_variance = jnp.split(call("e", batch["x"]), 2, axis=1)
        code = jg.gaussian.draw(jg.fold(turn.keys, "noise"), mean, log_variance)
        error = jg.gaussian.negative_log_likelihood(batch["x"], call("g", code), config.deviation)
        return {}, {"kl": jg.gaussian.kl_to_prior(mean, log_variance), "error": error}

    game = jg.networks_game(
        jg.several({}),
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
