"""MAD-GAN (Ghosh et al., 2018): several generators, and a D that tells apart each of them and the data.

    python experiments/methods/mad_gan.py

Kept: D's cross entropy over k + 1 classes, generators that share their first layers; G's loss is the -log
D_real of the authors' code, and with `--saturating` the paper's log (1 - D_real). Which generator draws a
sample comes from the sample's key. Changed: a batch has as many fakes as real examples, whose losses count k
times, instead of k times as many; networks and optimisers of `small.py`, an average. Slow: of `ring` 800
steps find no mode, 2,000 all 8.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    generators: jg.Count = 4
    """How many there are."""
    saturating: bool = False
    """Whether G minimises log(1 - D_real) instead of -log D_real."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import flax.linen as nn

    k, first = config.generators, nn.Sequential([nn.Dense(config.width), nn.relu])
    game = jg.gan(
        jg.one_of(k, small.generator(config, source, before=1), before=jg.from_linen(first)),
        small.discriminator(config, source, heads=(("which", k),)),
        latent=jg.latents.parts(noise=small.latent(config, source), which=jg.latents.categorical(k)),
        objective=jg.objectives.which_generator(saturating=config.saturating),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
