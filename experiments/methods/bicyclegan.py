"""BicycleGAN (Zhu et al., 2017): several answers to one question, each with a code that can be read off it.

    python experiments/methods/bicyclegan.py
    python experiments/methods/bicyclegan.py --adversarial 0

Kept: G(source, z), an encoder E of the answer, and both cycles: x to a code to x, with L1 and the KL of
codes from their prior (cVAE-GAN), and a drawn z to an answer to the mean of its code (cLR-GAN), whose error
reaches G alone; a D for each, least squares, the weights. Changed: shapes of 16 px from their edges, which
leave the colour open, a U-Net that is given z in the middle, patch Ds that see the source and 16 px.
`--adversarial 0` is a conditional VAE whose codes G must keep, no GAN.

Of 8 answers to each of 100 held-out questions: `diversity`, the mean absolute difference of two, and
`best_l1`, the error of the nearest to the truth.

On emoji of two vendors (`docs/gallery.md`), mean and standard deviation of seeds 0 to 2 after 800 steps: l1
0.421 +- 0.005, best_l1 0.332 +- 0.008, diversity 0.309 +- 0.009. It does not beat its baselines: the input as
it is has an l1 of 0.326, the nearest training pair 0.220.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import translating

import jaxgan as jg

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Config(translating.Config):
    steps: int = 1000
    data: str = "shapes"
    z_size: jg.Count = 8
    """Numbers per code."""
    adversarial: jg.NonNegative = 1.0
    """Weight of both adversarial losses."""
    l1: jg.NonNegative = 10.0
    """Weight of the mean absolute error of an answer made from the true code."""
    kl: jg.NonNegative = 0.01
    """Weight of the KL divergence of codes, in nats."""
    latent: jg.NonNegative = 0.5
    """Weight of the mean absolute error of a code that is read off an answer."""


data = translating.data  # edges


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax.numpy as jnp
    import numpy as np

    from jaxgan.models import encoder

    widths = (config.width, 2 * config.width, 4 * config.width)
    networks = {
        "e": jg.from_linen(encoder.Encoder(config.z_size, widths, "none")),
        "g": translating.unet(config, source, dropout=0.0),
    }

    def play(call: Any, z: "jax.Array", batch: Any, turn: jg.Turn) -> tuple:
        x, question = batch["x"], batch["source"]
        mean, log_variance = call("e", x)
        code = jg.gaussian.draw(jg.fold(turn.keys, "code"), mean, log_variance)
        rebuilt, drawn = call("g", code, question), call("g", z, question)
        read, _ = call("e", drawn, fixed=True)  # or E would hide the code where G need not show it
        losses = {
            "l1": config.l1 * jnp.abs(x - rebuilt).mean((1, 2, 3)),
            "kl": config.kl * jg.gaussian.kl_to_prior(mean, log_variance),
            "latent": config.latent * jnp.abs(read - z).mean(1),
        }
        fakes = {"rebuilt": rebuilt, "drawn": drawn}
        return {name: jg.Meeting(x, fake, {"source": question}) for name, fake in fakes.items()}, losses

    critic = jg.adversary(
        translating.patch(config),
        jg.objectives.least_squares(),
        weight=2 * config.adversarial,  # `least_squares` is half of the paper's
        conditioning=jg.conditioning.leaves("source"),
        lowering=config.lowering,
    )
    game = jg.networks_game(
        jg.several({"rebuilt": critic, "drawn": critic}),
        networks,
        latent=jg.latents.normal(config.z_size),
        play=play,
        decode=lambda call, z, given: call("g", z, given["source"]),
        given=("source",),
        lowering=config.lowering,
    )
    images = jg.data.examples(source.held_out() if source.held_out else source, 100)

    def answers(moment: jg.Moment) -> dict[str, float]:
        made = [moment.sample(moment.state.generator, len(images), seed=seed) for seed in range(8)]
        nearest = np.min([jg.metrics.pairs.l1(x, images) for x in made], axis=0)
        diversity = jg.metrics.pairs.diversity(np.stack(made, axis=1))
        return {"diversity": float(diversity.mean()), "best_l1": float(nearest.mean())}

    return translating.experiment(config, source, translating.rule(config, game), answers)


if __name__ == "__main__":
    jg.main(Config, build, data)
