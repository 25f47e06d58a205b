"""MHGAN (Kavalerov et al., 2021): a hinge loss of K + 1 classes, the last of which is generated.

    python experiments/methods/mhgan.py

D classifies real examples by their class and generated ones as generated, by the hinge loss of Crammer &
Singer; G is classified as the class asked for, and matches the mean of D's features on real examples. Kept:
the losses and G's weights, 0.05 and 1. Changed: networks and optimisers of `small.py`, R1 on the margin
between the best class and generated, an average of G.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import small

import jaxgan as jg

if TYPE_CHECKING:
    import jax


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    g_weight: jg.NonNegative = 0.05
    """Of the multi-hinge loss in G's."""
    matching: jg.NonNegative = 1.0
    """Weight of feature matching."""
    gamma: jg.NonNegative = 1.0
    """Weight of R1."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax.numpy as jnp

    classes = small.classes(config, source)

    def matching(view: jg.View) -> "jax.Array":
        real, fake = (heads["features"][-1] for heads in (view.real_heads, view.fake_heads))
        real, fake = (h.reshape(len(h), -1).mean(axis=0) for h in (real, fake))
        distance = jnp.abs(view.lowering.average(real - fake)).mean()
        return jnp.full(view.keys.shape, config.matching * distance)

    def margin(output: jg.Output) -> "jax.Array":
        return output.heads["class"][:, :-1].max(axis=1) - output.heads["class"][:, -1]

    d = small.discriminator(config, source, heads=(("class", classes + 1),), features=True)
    game = jg.gan(
        small.generator(config, source),
        jg.heads.with_logit(d, margin),
        latent=small.latent(config, source),
        objective=jg.objectives.multi_hinge(g_weight=config.g_weight),
        d_terms=[jg.terms.r1(config.gamma)],
        g_terms=[jg.terms.stateless("matching", matching, whole=True)],
        conditioning=jg.conditioning.auxiliary(classes),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
