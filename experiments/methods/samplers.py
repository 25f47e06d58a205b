"""DDLS (Che et al., 2020), DRS (Azadi et al., 2019), MH-GAN (Turner et al., 2019): what D adds to sampling.

    python experiments/methods/samplers.py

One GAN on points, whose samples are drawn in four ways: as G makes them, by Langevin steps of latents in the
energy of D and the prior, by rejection, and by Metropolis-Hastings chains. `high_quality` is measured for
each. Kept: the three samplers; D's logits calibrated on held-out examples, for all of them. Changed: networks
and optimisers of `small.py`, an average of G with D as it is, few proposals, chains that start at samples.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import small

import jaxgan as jg

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Config(small.Config):
    samples: jg.Count = 1000
    """Samples of each kind."""
    proposals: jg.Count = 64
    """Samples of G for each that rejection or a chain returns."""
    langevin: jg.Count = 100
    """Langevin steps."""
    pace: jg.Positive = 0.01
    """Size of Langevin steps."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game), improved(config, source, game))


def improved(config: Config, source: "jg.Source", game: "jg.Game") -> "small.Measure":
    """Measures the share of samples near a mode for each sampler."""
    import jax
    import jax.numpy as jnp

    if source.modes is None:
        raise jg.Refused(f"--data {config.data} has no modes to hold samples against: take ring or grid")
    modes, held_out = source.modes, source.held_out() if source.held_out else source

    @jax.jit
    def draw(g: jg.Side, d: jg.Side, x: "jax.Array") -> "dict[str, jax.Array]":
        logit, prior = jg.sampling.logit_of(game, g, d), jg.sampling.prior_of(game, g)
        keys, others = (jg.each(jax.random.key(i), jnp.arange(config.samples)) for i in range(2))
        assert game.looks.decode is not None
        assert game.looks.judge is not None
        fair = jg.sampling.calibrated(logit, game.looks.judge(d, x, {}), logit(prior(others)))
        highest = fair(prior(others)).max()
        count = config.proposals
        drawn = {
            "langevin": jg.sampling.langevin(
                fair, prior(keys), keys, steps=config.langevin, size=config.pace
            ),
            "rejection": jg.sampling.first_accepted(fair, prior, keys, highest, proposals=count)[0],
            "metropolis": jg.sampling.metropolis(fair, prior, keys, proposals=count)[0],
        }
        return {name: game.looks.decode(g, z, {}) for name, z in drawn.items()}

    def measure(moment: jg.Moment) -> dict[str, float]:
        x = jnp.asarray(jg.data.examples(held_out, config.samples))
        drawn = jax.device_get(draw(moment.state.generator, moment.state.d.side, x))
        scores = {name: jg.metrics.mixture.mode_coverage(x, *modes) for name, x in drawn.items()}
        return {f"{name}_high_quality": score["high_quality"] for name, score in scores.items()}

    return measure


if __name__ == "__main__":
    jg.main(Config, build)
