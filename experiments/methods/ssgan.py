"""Self-supervised GAN (Chen et al., 2019): D also tells by how many quarter turns an image was rotated.

    python experiments/methods/ssgan.py

D learns the turns of real images, G makes images whose turns D can tell; the adversarial loss is of upright
images only. No labels. Kept: the losses and their weights, 1 and 0.2. Changed: networks and optimisers of
`small.py`, a turn drawn for every image instead of a quarter of the batch each, R1 instead of spectral norm,
an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    weight: jg.NonNegative = 1.0
    """Of the cross entropy of turns in D's loss."""
    g_weight: jg.NonNegative = 0.2
    """The same in G's loss."""
    gamma: jg.NonNegative = 1.0
    """Weight of R1."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    task = jg.heads.rotation(config.weight, config.g_weight)
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, heads=task.heads),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(config.gamma), *task.d_terms],
        g_terms=task.g_terms,
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
