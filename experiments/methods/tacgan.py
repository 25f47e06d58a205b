"""TAC-GAN (Gong et al., 2019): two classifiers in D, one of real and one of generated examples.

    python experiments/methods/tacgan.py

G moves towards the class that the first sees and away from the one that its twin sees, so that examples which
are easier to classify than real ones gain nothing. Kept: the two cross entropies of each player, weight 1.
Changed: networks and optimisers of `small.py`, R1, an average of G.
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
    """Of the cross entropies of both classifiers."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    classes = small.classes(config, source)
    task = jg.heads.twin_classifiers(classes, config.weight)
    game = small.of_task(config, source, task, jg.terms.r1(config.gamma))
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
