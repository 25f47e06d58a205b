"""InfoGAN (Chen et al., 2016): parts of the latent that D can read off G's examples, and so get a meaning.

    python experiments/methods/infogan.py

The latent is noise, a class of ten and two uniform numbers; a head of D predicts the class and the numbers,
and both players maximise the likelihood of the true ones. No labels. Kept: the codes of the paper for MNIST,
the losses, weights 1 and 0.1. Changed: networks and optimisers of `small.py`, no hidden layer of the head's
own, R1, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    classes: jg.Count = 10
    """Of the discrete code."""
    numbers: jg.Count = 2
    """In the continuous code."""
    weight: jg.NonNegative = 1.0
    """Of the discrete code's cross entropy."""
    continuous_weight: jg.NonNegative = 0.1
    """Of the continuous code's negative log-likelihood."""
    gamma: jg.NonNegative = 1.0
    """Weight of R1."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    kind, style = {"kind": config.classes}, {"style": config.numbers}
    task = jg.heads.codes(kind, style, config.weight, config.continuous_weight)
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, heads=task.heads),
        latent=jg.latents.parts(
            noise=small.latent(config, source),
            kind=jg.latents.categorical(config.classes),
            style=jg.latents.uniform(config.numbers),
        ),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(config.gamma), *task.d_terms],
        g_terms=task.g_terms,
        conditioning=jg.conditioning.unconditional(flat=True),
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
