"""DMD2 (Yin et al., 2024): a one-step G from a diffusion teacher, by distribution matching and a GAN loss.

    python experiments/methods/dmd.py
    python experiments/methods/dmd.py --adversarial 0

Kept: a score network learns the noised fakes' score by denoising, with a rate of its own and `d_steps` steps
per step of G; G descends the fakes' score less the teacher's at noised fakes, and an adversarial loss on real
examples. Changed: the teacher is the exact score of a mixture of Gaussians, noise is added to x and not
mixed with it, D is a network of its own and sees no noise; networks of `small.py`, an average of G.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import small

import jaxgan as jg

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Config(small.Config):
    d_steps: int = 5
    adversarial: jg.NonNegative = 0.1
    """Weight of G's adversarial loss."""
    score_lr: jg.NonNegative = 2e-3
    """Adam's rate for the score network."""
    largest: jg.Positive = 1.0
    """Largest deviation of the noise; the smallest is a fiftieth."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import jax.numpy as jnp
    import optax

    if source.modes is None:
        raise jg.Refused("dmd needs data whose score is known: --data ring or grid")
    centres, sigma = jnp.asarray(source.modes.centres), source.modes.sigma

    def teacher(x: "jax.Array", noise: "jax.Array") -> "jax.Array":
        """The score [B, D] of the mixture after noise of deviation [B, 1]."""
        variance = sigma**2 + noise**2
        away = centres - x[:, None]
        share = jax.nn.softmax(-jnp.square(away).sum(axis=-1) / (2 * variance), axis=1)
        return (share[..., None] * away).sum(axis=1) / variance

    def noised(meeting: jg.Meeting, turn: jg.Turn) -> tuple:
        """Fakes with noise, the noise, and its deviations, uniform in their logarithm."""
        level = jax.vmap(lambda key: jax.random.uniform(key, (1,)))(jg.fold(turn.keys, "level"))
        deviation = config.largest * 50 ** (level - 1)
        draw = jax.vmap(lambda key: jax.random.normal(key, source.shape))
        noise = draw(jg.fold(turn.keys, "noise"))
        return meeting.fake + deviation * noise, noise, deviation

    def denoised(call: Any, x: "jax.Array", deviation: "jax.Array") -> "jax.Array":
        """The estimated noise in x, whose negative over the deviation is the score."""
        return call("score", jnp.concatenate([x, jnp.log(deviation)], axis=1))

    def denoising(call: Any, meeting: jg.Meeting, turn: jg.Turn) -> dict[str, "jax.Array"]:
        x, noise, deviation = noised(meeting, turn)
        return {"score": jnp.square(denoised(call, x, deviation) - noise).sum(axis=1)}

    def matching(call: Any, meeting: jg.Meeting, turn: jg.Turn) -> dict[str, "jax.Array"]:
        """A loss whose gradient in x is the difference of both scores, times the deviation."""
        x, _, deviation = noised(meeting, turn)
        difference = -denoised(call, x, deviation) - deviation * teacher(x, deviation)
        return {"matching": (jax.lax.stop_gradient(difference) * x).sum(axis=1)}

    networks = {"score": small.encoder(config, source.shape[0])}
    score = jg.companions(networks, d_losses=denoising, g_losses=matching, lowering=config.lowering)
    critic = jg.adversary(
        small.discriminator(config, source),
        jg.objectives.non_saturating(),
        weight=config.adversarial,
        lowering=config.lowering,
    )
    game = jg.generator_game(
        jg.several({"critic": critic, "score": score}),
        small.generator(config, source),
        latent=small.latent(config, source),
        lowering=config.lowering,
    )
    adam, faster = (optax.adam(lr, b1=config.b1, b2=0.99) for lr in (config.lr, config.score_lr))
    d_tx = jg.each_own({"critic": adam, "score": faster})
    rule = jg.alternating(game, adam, d_tx, d_steps=config.d_steps, average=jg.ema(config.average))
    return small.experiment(config, source, rule)


if __name__ == "__main__":
    jg.main(Config, build)
