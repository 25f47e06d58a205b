"""MGAN (Hoang et al., 2018): several generators, a D, and a classifier of the generators, which they help.

    python experiments/methods/mgan.py

Kept: D and the classifier share all layers but the last, the generators all but the first; the classifier's
cross entropy is added to D's loss, and with the weight `diversity` to G's, by default the 1 of the authors'
class (0.01 for CIFAR-10). Which generator draws a sample comes from the sample's key. Changed: networks and
optimisers of `small.py`, an average of the generators. With the weight 0.1 no mode of `ring` is found in 800
steps, with 1 all are.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    generators: jg.Count = 4
    """How many there are."""
    diversity: jg.NonNegative = 1.0
    """Weight of the classifier's loss for G."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import flax.linen as nn

    k, first = config.generators, nn.Sequential([nn.Dense(config.width), nn.relu])
    game = jg.gan(
        jg.one_of(k, jg.from_linen(first), after=small.generator(config, source, before=1)),
        small.discriminator(config, source, heads=(("which", k),)),
        latent=jg.latents.parts(noise=small.latent(config, source), which=jg.latents.categorical(k)),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.told_apart()],
        g_terms=[jg.terms.told_apart(config.diversity)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
