"""zCR and ICR (Zhao et al., 2021): D must not see a small change of the latent, and G must show it.

    python experiments/methods/zcr_gan.py
    python experiments/methods/zcr_gan.py --bcr 10    # ICR: consistency under augmentation as well

Kept: both halves, a change of normal noise of 0.05. Changed: networks and optimisers of `small.py`, an
average of G, smaller weights for them; augmentations of ICR as in `bcr_gan.py`.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    d_weight: jg.NonNegative = 5.0
    """Weight of D's half."""
    g_weight: jg.NonNegative = 0.5
    """Weight of G's half."""
    spread: jg.NonNegative = 0.05
    """Standard deviation of the change of the latent."""
    bcr: jg.NonNegative = 0.0
    """Weight of consistency under augmentation, of real examples and of fakes."""
    jitter: jg.NonNegative = 0.01
    """Standard deviation of the noise by which points are moved as an augmentation."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    augment = small.moved(source, config.jitter)
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.hinge(),
        d_terms=[
            jg.terms.latent_consistency(config.d_weight, config.spread),
            jg.terms.consistency(augment, config.bcr),
            jg.terms.consistency_of_fakes(augment, config.bcr),
        ],
        g_terms=[jg.terms.latent_diversity(config.g_weight, config.spread)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
