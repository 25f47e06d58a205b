"""bCR (Zhao et al., 2021): D must not see an augmentation, neither of real nor of fake examples.

    python experiments/methods/bcr_gan.py
    python experiments/methods/bcr_gan.py --fakes 0    # CR-GAN (Zhang et al., 2020)

Kept: the squared change of D's logit, weights of 10 and 10. Changed: images are moved by up to an eighth of
their side and not flipped, since digits are not symmetric, and points by normal noise; networks and
optimisers of `small.py`, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    reals: jg.NonNegative = 10.0
    """Weight on real examples."""
    fakes: jg.NonNegative = 10.0
    """Weight on fakes."""
    jitter: jg.NonNegative = 0.01
    """Standard deviation of the noise by which points are moved."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    augment = small.moved(source, config.jitter)
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.hinge(),
        d_terms=[
            jg.terms.consistency(augment, config.reals),
            jg.terms.consistency_of_fakes(augment, config.fakes),
        ],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
