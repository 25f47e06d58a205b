"""WGAN-GP (Gulrajani et al., 2017): the Wasserstein distance, by a critic whose slope is drawn to 1.

    python experiments/methods/gradient_penalty.py
    python experiments/methods/gradient_penalty.py --one-sided

Kept: loss and penalty, of weight 10 on images and 0.1 on points as in the authors' code, 5 steps of the
critic per step of G, Adam with b1 0. Changed: networks of `small.py`, a larger learning rate for fewer steps,
an average of G. With `--one-sided` only slopes above 1 are penalised (Petzka et al., 2018).
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    b1: jg.Share = 0.0
    d_steps: jg.Count = 5
    penalty: jg.NonNegative = 0.0
    """Weight of the gradient penalty; 0 for 0.1 on points and 10 on images."""
    one_sided: bool = False
    """Whether slopes below 1 are free."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    penalty = config.penalty or (0.1 if len(source.shape) == 1 else 10.0)
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.wasserstein(),
        d_terms=[jg.terms.wgan_gp(penalty, one_sided=config.one_sided)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
