"""ADC-GAN (Hou et al., 2022): D classifies into real and generated examples of every class.

    python experiments/methods/adcgan.py

A head of twice as many outputs as classes; G minimises how much its example looks generated of its class,
compared with real of its class. Kept: the losses, weight 1. Changed: networks and optimisers of `small.py`,
R1, an average of G.
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
    """Of the losses of the classes."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    classes = small.classes(config, source)
    task = jg.heads.discriminative_classifier(classes, config.weight)
    game = small.of_task(config, source, task, jg.terms.r1(config.gamma))
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
