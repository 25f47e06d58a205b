"""DiscoGAN (Kim et al., 2017): two translators that undo each other, learnt without pairs.

    python experiments/methods/discogan.py

Kept: a translator and a D for each direction, the non-saturating loss, and the squared error of examples that
are translated there and back; no loss compares a fake with its input, as some public code has it: that needs
pairs, or domains that look alike. Changed: shapes of 16 px in two palettes, residual translators in place
of an encoder and a decoder, a weight of the reconstruction, patch Ds with spectral norm.

After 800 steps, mean and standard deviation of seeds 0 to 2: l1 0.075 +- 0.003, cycle_error 0.070 +- 0.006;
after 4,000: 0.054 +- 0.005 and 0.038 +- 0.004. It does not beat the input as it is, 0.046, nor the nearest
training picture, 0.026.
"""

from dataclasses import dataclass
from typing import Any

import two_domains

import jaxgan as jg


@dataclass(frozen=True)
class Config(two_domains.Config):
    reconstruction: jg.NonNegative = 10.0
    """Weight of the squared error of examples translated there and back."""


def data(config: Config) -> "jg.Source":
    return two_domains.data(config)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    networks = two_domains.translators(config, source)

    def play(call: Any, z: Any, batch: "jg.Batch", turn: jg.Turn) -> tuple:
        fakes, rebuilt = two_domains.round_trip(call, batch)
        error = two_domains.both(two_domains.squared, rebuilt, batch)
        return two_domains.meetings(batch, fakes), {"reconstruction": config.reconstruction * error}

    loss = jg.objectives.non_saturating()
    critic = jg.adversary(two_domains.patch(config), loss, lowering=config.lowering)
    game = two_domains.game(config, critic, networks, play)
    return two_domains.experiment(config, source, two_domains.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build, data)
