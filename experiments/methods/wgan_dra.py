"""WGAN-DRA: the critic of a WGAN with DRAGAN's penalty, on slopes around the data (Kodali et al., 2017).

    python experiments/methods/wgan_dra.py
    python experiments/methods/wgan_dra.py --logistic

Kept: the penalty and its weight. Changed: networks and optimisers of `small.py`, an average of G; the loss is
the Wasserstein one, as in comparisons under this name. The paper's own is `--logistic`: DRAGAN.
On `ring` 800 steps find no mode, with any of five seeds.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    penalty: jg.NonNegative = 10.0
    """Weight of the gradient penalty."""
    logistic: bool = False
    """Whether the losses are those of the first GAN instead of the Wasserstein one."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating() if config.logistic else jg.objectives.wasserstein(),
        d_terms=[jg.terms.dragan(config.penalty)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
