"""The accuracy gate of 3D-GAN (Wu et al., 2016): D moves only while it is right at most 80 % of the time.

    python experiments/methods/accuracy_gate_gan.py

Kept: D's step is left out if its accuracy in the last batch was above 0.8. Changed: networks and optimisers
of `small.py`; accuracy is the share on the right side of the middle between the mean logits of real and fake;
a resting D keeps its optimiser's state too. `d/rate` is 0 where D rests.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    most: jg.Share = 0.8
    """Accuracy above which D rests."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        lowering=config.lowering,
    )
    adam, average = optax.adam(config.lr, b1=config.b1, b2=0.99), jg.ema(config.average)

    def rule(rates: jg.Rates) -> jg.Rule:
        return jg.alternating(game, adam, jg.scaled(adam, rates.d), d_steps=config.d_steps, average=average)

    return small.experiment(config, source, jg.by_feedback(rule, jg.paces.accuracy_gate(config.most)))


if __name__ == "__main__":
    jg.main(Config, build)
