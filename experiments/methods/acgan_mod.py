"""Modified AC-GAN: a D that predicts the class, and learns it from real examples alone.

    python experiments/methods/acgan_mod.py

G minimises the cross entropy of the class that D predicts, as in AC-GAN (Odena et al., 2017), but D's own is
on real examples only, so that D does not teach itself G's mistakes; so PyTorch-StudioGAN has it, with the
hinge loss. Kept: the loss. Changed: networks and optimisers of `small.py`, R1, an average of G. `ac_gan.py`
is the original, with its terms written out.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    gamma: jg.NonNegative = 1.0
    """Weight of R1."""
    weight: jg.NonNegative = 1.0
    """Of the cross entropies of the class."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    classes = small.classes(config, source)
    task = jg.heads.auxiliary_classifier(classes, config.weight, fakes=False)
    game = small.of_task(config, source, task, jg.terms.r1(config.gamma))
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
