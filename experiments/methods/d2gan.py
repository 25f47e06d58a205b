"""D2GAN (Nguyen et al., 2017): one critic is rewarded by real examples, another by fakes.

    python experiments/methods/d2gan.py

Kept: both critics are positive, softplus of their logits; G minimises -E D1(G) + b E log D2(G), at the best
critics a KL(p | q) + b KL(q | p) and a constant, so that G neither misses modes nor invents them. Changed:
logarithms of softplus are taken without computing softplus, which may be 0; networks and optimisers of
`small.py`, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    alpha: jg.Positive = 1.0
    """Weight of log D1(x): of KL(p | q)."""
    beta: jg.Positive = 1.0
    """Weight of log D2(G): of KL(q | p)."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    def critic(objective: jg.Objective) -> jg.Adversary:
        return jg.adversary(small.discriminator(config, source), objective, lowering=config.lowering)

    critics = {
        "real": critic(jg.objectives.real_rewarded(config.alpha)),
        "fake": critic(jg.objectives.fake_rewarded(config.beta)),
    }
    game = jg.generator_game(
        jg.several(critics),
        small.generator(config, source),
        latent=small.latent(config, source),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
