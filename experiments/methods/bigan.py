"""BiGAN, or ALI (Donahue et al., 2017; Dumoulin et al., 2017): D judges examples together with their codes.

    python experiments/methods/bigan.py

Kept: D tells pairs (x, E(x)) from (G(z), z); G and E both minimise D's loss with the pairs exchanged, so that
E learns from the real half. At the equilibrium E inverts G. Changed: a deterministic E as in BiGAN, a dense D
of whole pairs, networks and optimisers of `small.py`, an average of G and E.
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
    lr: jg.NonNegative = 2e-4


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    pair = jg.conditioning.flatten_latent
    networks = {
        "e": small.encoder(config, small.z_size(config, source)),
        "g": small.generator(config, source),
    }

    def play(call: Any, z: "jax.Array", batch: Any, turn: jg.Turn) -> tuple:
        x, fake = batch["x"], call("g", z)
        return jg.Meeting(real=pair((x, call("e", x))), fake=pair((fake, z))), {}

    objective = jg.objectives.swapped(jg.objectives.non_saturating())
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
