"""MSGAN (Mao et al., 2019): G is asked to move its fakes apart as its latents are.

    python experiments/methods/msgan.py

Kept: the term, the reciprocal of a ratio of distances, of weight 1; `--of-means` is the authors' code, whose
distances are means over the batch before the ratio is taken. Changed: unconditional, where the paper is about
conditional games; the partner of a latent is its neighbour in the batch; networks and optimisers of
`small.py`, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    seeking: jg.NonNegative = 1.0
    """Weight of the term."""
    of_means: bool = True
    """Whether distances are averaged before the ratio is taken, not after."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        g_terms=[jg.terms.mode_seeking(config.seeking, of_means=config.of_means)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
