"""ADA (Karras et al., 2020): augmentations of D's inputs whose probability adapts to how far D overfits.

    python experiments/methods/ada_gan.py

Kept: the groups "bgc" of the paper's pipeline, the target 0.6 of E sign(D(real)), a step every 4 of D, both
players' inputs augmented; `--everything` takes all eighteen transformations. Changed: networks and optimisers
of `small.py`, R1 with weight 0.1; p can go from 0 to 1 in 2,000 steps of D instead of 500,000 images; all
digits, 8 x 8. `ada.py` trains on a hundred of them.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    target: jg.Share = 0.6
    """Target of E sign(D(real))."""
    rise: jg.Count = 2000
    """Steps of D in which p can go from 0 to 1."""
    everything: bool = False
    """Whether bands, noise and cutout are added."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    pipeline = jg.augmentations.ada if config.everything else jg.augmentations.bgc
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(0.1)],
        augment=jg.augmentations.adaptive(pipeline, target=config.target, steps=config.rise),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
