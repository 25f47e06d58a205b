"""StackGAN's conditioning augmentation (Zhang et al., 2017): G is told a random code near the text's vector.

    python experiments/methods/stackgan.py
    python experiments/methods/stackgan.py --kl 0

The code is N(mean, deviation^2), both learnt functions of the text's vector, and G also minimises its
divergence from N(0, I), so that texts overlap and few of them cover the space. Kept: the augmentation, the
matching-aware D. Changed: one stage only, the paper's second refines a picture of 64 px to 256; the encoder
of words is learnt with the GAN; 16 px, batches of 32, R1, an average of G.

`named` is the share of pictures that show the colour and the shape of their text, `r_precision` the share
whose text a matcher of real pairs finds among 99 others. Beside them are the mean picture of the words
(`mean_`), the training picture with the nearest text (`nearest_`, a copy) and the true picture (`true_`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import describing

import jaxgan as jg

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Config(describing.Config):
    kl: jg.NonNegative = 0.02
    """Weight of the divergence of the codes from N(0, I), in nats."""
    code: jg.Count = 16
    """Numbers of a code."""


def data(config: Config) -> "jg.Source":
    """Loads pictures with words."""
    return describing.with_words(config)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import flax.linen as nn
    import jax.numpy as jnp

    from jaxgan.models import dcgan, words

    networks = {
        "words": jg.from_linen(words.Encoder(describing.vocabulary(source), config.words)),
        "code": jg.from_linen(nn.Dense(2 * config.code)),
        "g": jg.from_linen(dcgan.Generator(source.shape, config.width, axis=config.lowering.axis)),
    }

    def draw(call: Any, z: Any, text: "jax.Array") -> "tuple[jax.Array, jax.Array]":
        mean, log_variance = jnp.split(call("code", call("words", text)[1]), 2, axis=1)
        code = mean + jnp.exp(log_variance / 2) * z["code"]
        x = call("g", jnp.concatenate([z["noise"], code], axis=1))
        return x, jg.gaussian.kl_to_prior(mean, log_variance)

    def play(call: Any, z: Any, batch: Any, turn: jg.Turn) -> tuple:
        fake, kl = draw(call, z, batch["text"])
        return jg.Meeting(batch["x"], fake, {"text": batch["text"]}), {"kl": config.kl * kl}

    critic = jg.adversary(
        describing.discriminator(config, source),
        jg.objectives.matching_aware(jg.objectives.non_saturating()),
        d_terms=[jg.terms.r1(config.gamma)],
        conditioning=jg.conditioning.leaves("text"),
        lowering=config.lowering,
    )
    game = jg.networks_game(
        critic,
        networks,
        latent=jg.latents.parts(noise=jg.latents.normal(config.z_size), code=jg.latents.normal(config.code)),
        play=play,
        decode=lambda call, z, given: draw(call, z, given["text"])[0],
        given=("text",),
        judge=critic.judge,
        lowering=config.lowering,
    )
    return describing.experiment(config, source, describing.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build, data)
