"""Semi-supervised GAN (Salimans et al., 2016): D classifies, from a few labels and many examples without.

    python experiments/methods/sgan.py

D has an output for each class, and log sum exp of them is its logit; it learns the class from the few real
examples whose label is known, and real from generated from all. Kept: D's loss. Changed: networks and
optimisers of `small.py`, G's non-saturating loss instead of feature matching, R1, an average of G.

`right` is the share of held-out examples that D classifies right.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    data: str = "digits"
    labels: jg.Count = 5
    """Known labels of each class."""
    weight: jg.NonNegative = 1.0
    """Of the cross entropy of the class."""
    gamma: jg.NonNegative = 1.0
    """Weight of R1."""


def data(config: Config) -> "jg.Source":
    return jg.data.few_labels(jg.load(config.data, config.size), config.labels)


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax

    classes = source.leaves["label"].kind.classes
    task = jg.heads.semi_supervised(classes, config.weight)
    d = jg.heads.any_class(small.discriminator(config, source, heads=task.heads))
    game = jg.gan(
        small.generator(config, source),
        d,
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.r1(config.gamma), *task.d_terms],
        conditioning=jg.conditioning.unconditional(terms=("label",)),
        lowering=config.lowering,
    )
    experiment = small.experiment(config, source, small.rule(config, game))
    classify = jax.jit(lambda side, x: d.apply(*side, x)[0].heads["class"].argmax(axis=1))

    def right(moment: jg.Moment) -> dict[str, float]:
        assert source.held_out is not None
        examples = jg.data.labelled(source.held_out(), 2000)
        classes = classify(moment.state.d.side, examples["x"])
        return {"right": float((classes == examples["label"]).mean())}

    return experiment._replace(hooks=[*experiment.hooks, jg.Hook(config.measure_every, right)])


if __name__ == "__main__":
    jg.main(Config, build, data)
