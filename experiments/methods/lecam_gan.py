"""LeCam GAN (Tseng et al., 2021): D's logits are kept near running means of those of the other side.

    python experiments/methods/lecam_gan.py

Kept: the paper's regularisation and hinge loss; `--one-sided` is the authors' code, which pulls a logit only
while it is beyond the mean. Changed: networks and optimisers of `small.py`, the weight for them, an average
of G, a start after 100 steps.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    lecam: jg.NonNegative = 0.3
    """Weight of the regularisation."""
    decay: jg.Share = 0.99
    """Decay of the means of the logits."""
    start: jg.Natural = 100
    """Steps of D before the regularisation starts."""
    one_sided: bool = False
    """Whether a logit is pulled only while it is beyond the mean."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.hinge(),
        d_terms=[
            jg.terms.lecam(config.lecam, config.decay, config.start, one_sided=config.one_sided),
        ],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
