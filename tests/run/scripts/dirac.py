"""Dirac-GAN with R1 as a run, whose spectrum is known."""

from dataclasses import dataclass

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 4
    batch_size: int = 8
    save_every: int = 1
    sample_every: int = 0
    lr: float = 0.1
    gamma: float = 0.6
    start: float = 1.0
    best_at: int = 2
    """The step that scores best."""


def data(config: Config) -> "jg.Source":
    import numpy as np

    from jaxgan.data.arrays import arrays

    return arrays(np.zeros((64, 1), np.float32))


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    from jaxgan.games.toy import dirac

    game = dirac(
        jg.objectives.minimax(),
        d_terms=[jg.terms.r1(config.gamma)],
        start=(config.start, config.start),
        lowering=config.lowering,
    )
    sgd = optax.sgd(config.lr)
    rule = jg.alternating(game, sgd, sgd)

    def scored(moment: jg.Moment) -> dict[str, float]:
        return {"score": -abs(moment.step - config.best_at)}

    return jg.Experiment(rule, source, [jg.Hook(1, scored)], best=lambda measured: measured["score"])
