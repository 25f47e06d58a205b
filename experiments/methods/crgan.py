"""CR-GAN (Zhang et al., 2020): D's answer may not change with a flip and a shift of a real image.

    python experiments/methods/crgan.py
    python experiments/methods/crgan.py --balanced

Kept: weight 10 on the squared difference of the logits, a shift by at most an eighth of a side padded by
reflection; `--balanced` is bCR, the same on generated images (Zhao et al., 2021). Changed: networks and
optimisers of `small.py`, hinge loss without spectral norm, digits of 8 x 8; a flip only with `--flip`, since
most digits have no mirror image.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    weight: jg.NonNegative = 10.0
    """Weight of the squared difference."""
    balanced: bool = False
    """Whether generated images have the same penalty."""
    flip: bool = False
    """Whether images are also mirrored."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    parts = [jg.augmentations.flip()] if config.flip else []
    change = jg.augmentations.chain(*parts, jg.augmentations.shift())
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
