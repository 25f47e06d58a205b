"""CR-GAN and bCR (Zhang et al., 2020; Zhao et al., 2021): D's answer may not change with an augmentation.

    python experiments/methods/crgan.py
    python experiments/methods/crgan.py --balanced

Kept: weight 10 on the squared difference of the logits of real images, a shift by at most an eighth of a side
padded by reflection; `--balanced` is bCR, the same on generated ones. Changed: points are moved by normal
noise; a flip only with `--flip`, since most digits have no mirror image; networks and optimisers of
`small.py`, hinge loss without spectral norm.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    weight: jg.NonNegative = 10.0
    """Weight of the squared difference."""
    balanced: bool = False
    """Whether generated images have the same penalty."""
    flip: bool = False
    """Whether images are also mirrored."""
    jitter: jg.NonNegative = 0.01
    """Standard deviation of the noise by which points are moved."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    parts = [jg.augmentations.flip()] if config.flip else []
    change = jg.augmentations.chain(*parts, small.moved(source, config.jitter))
    terms = [jg.terms.consistency(change, config.weight)]
    if config.balanced:
        terms.append(jg.terms.consistency_of_fakes(change, config.weight))
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.hinge(),
        d_terms=terms,
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
