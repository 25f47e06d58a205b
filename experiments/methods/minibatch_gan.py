"""Improved techniques (Salimans et al., 2016): D compares examples of a batch, G matches means of features.

    python experiments/methods/minibatch_gan.py
    python experiments/methods/minibatch_gan.py --layer std

Kept: minibatch discrimination in D, one-sided label smoothing, feature matching beside G's loss if
`--matching` is above 0 (there instead of it). `--layer std` is the simpler minibatch standard deviation
(Karras et al., 2018). Changed: networks and optimisers of `small.py`, an average of G, R1 on D; examples are
compared in groups, without themselves; no weight normalisation, no historical averaging.
"""

from dataclasses import dataclass
from typing import Literal

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    layer: Literal["discrimination", "std", "none"] = "discrimination"
    """By which D compares the examples of a group."""
    group: jg.Count = 8
    """Examples of a group, which divide the batch on each device."""
    matching: jg.NonNegative = 0.0
    """Weight of feature matching."""
    smoothing: jg.Share = 0.1
    """One-sided label smoothing."""
    gamma: jg.NonNegative = 0.1
    """Weight of R1."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from jaxgan.models import layers

    across = {
        "discrimination": layers.MinibatchDiscrimination(config.group, kernels=32, size=5),
        "std": layers.MinibatchStd(config.group),
        "none": None,
    }
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, across=across[config.layer], features=True),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(config.gamma)],
        g_terms=[jg.terms.feature_matching(config.matching)] if config.matching else [],
        label_smoothing=config.smoothing,
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
