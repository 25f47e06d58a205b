"""SRN-GAN (Sanyal et al., 2020): D's weights have a largest singular value of 1 and a bounded stable rank.

    python experiments/methods/srn_gan.py
    python experiments/methods/srn_gan.py --share 1    # spectral norm

Kept: the bound on the stable rank, a share of each weight's rank; hinge loss. Changed: networks and
optimisers of `small.py`, an average of G.
Slow: 800 steps find no mode of `ring`, with any of five seeds.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    share: jg.Share = 0.5
    """The stable rank that weights may have, as a share of their rank."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, norm=jg.models.layers.stable_rank(config.share)),
        latent=small.latent(config, source),
        objective=jg.objectives.hinge(),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
