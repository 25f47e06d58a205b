"""ClusterGAN (Mukherjee et al., 2019): a class and a narrow normal as latent, and an encoder of both.

    python experiments/methods/cluster_gan.py

Kept: z is 0.1 N(0, I) and a one-hot class; G and the encoder of its samples add 10 times the squared error of
the first and 10 times the cross entropy of the second to G's loss against a critic with a gradient penalty,
of five steps. Changed: networks and rates of `small.py`, an average of both networks. On labelled data
`purity` is the share of examples whose code is of a class where their label is the commonest.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import small

import jaxgan as jg

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    d_steps: int = 5
    b1: jg.Share = 0.5
    clusters: jg.Count = 10
    """Classes of the latent."""
    weight: jg.NonNegative = 10.0
    """Of either error of the encoder."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import jax.numpy as jnp
    import numpy as np

    k, noise = config.clusters, small.latent(config, source)
    narrow = noise._replace(draw=lambda key: 0.1 * noise.draw(key))
    networks = {
        "e": small.encoder(config, k + small.z_size(config, source)),
        "g": small.generator(config, source),
    }
    flat = jg.conditioning.flatten_latent

    def play(call: Any, z: Any, batch: Any, turn: jg.Turn) -> tuple:
        fake = call("g", flat(z))
        logits, code = jnp.split(call("e", fake), [k], axis=1)
        errors = {
            "code": config.weight * jnp.square(code - z["noise"]).mean(axis=1),
            "class": -config.weight * (z["class"] * jax.nn.log_softmax(logits)).sum(axis=1),
        }
        return jg.Meeting(batch["x"], fake), errors

    critic = jg.adversary(
        small.discriminator(config, source),
        jg.objectives.wasserstein(),
        d_terms=[jg.terms.wgan_gp()],
        lowering=config.lowering,
    )
    game = jg.networks_game(
        critic,
        networks,
        latent=jg.latents.parts(**{"noise": narrow, "class": jg.latents.categorical(k)}),
        play=play,
        decode=lambda call, z, given: call("g", flat(z)),
        judge=critic.judge,
        lowering=config.lowering,
    )

    def measure(moment: jg.Moment) -> dict[str, float]:
        if not source.classes:
            return {}
        taken = jg.data.labelled(source, 1000)
        logits = jg.caller(networks, moment.state.generator)("e", taken["x"])[:, :k]
        counts = np.zeros((k, source.classes))
        np.add.at(counts, (np.asarray(logits).argmax(axis=1), taken["label"]), 1)
        return {"purity": float(counts.max(axis=1).sum() / counts.sum())}

    return small.experiment(config, source, small.rule(config, game), measure)


if __name__ == "__main__":
    jg.main(Config, build)
