"""OT-GAN (Salimans et al., 2018): G minimises an energy distance of batches, of optimal transport.

    python experiments/methods/ot_gan.py
    python experiments/methods/ot_gan.py --loss sinkhorn

Kept: four independent half batches, the cosine distance of D's features as the cost, matchings held constant,
3 steps of G per step of D. `--loss sinkhorn` is the Sinkhorn divergence of whole batches (Genevay et al.,
2018), here of the same cost. Changed: networks and optimisers of `small.py`, an average of G, batches of 256
instead of thousands, an epsilon that falls to its value within the iterations.
"""

from dataclasses import dataclass
from typing import Literal

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    batch_size: int = 256
    g_steps: jg.Count = 3
    """Steps of G per step of D."""
    loss: Literal["ot", "sinkhorn"] = "ot"
    epsilon: jg.Positive = 0.01
    """Weight of the entropy; costs are between 0 and 2."""
    iterations: jg.Count = 50
    """Of Sinkhorn's algorithm."""
    features: jg.Count = 32
    """Size of the head whose distributions are compared."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax

    objective = jg.objectives.ot if config.loss == "ot" else jg.objectives.sinkhorn
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, heads=(("embedding", config.features),)),
        latent=small.latent(config, source),
        objective=objective(config.epsilon, config.iterations, head="embedding"),
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=config.b1, b2=0.99)
    average, d_steps, g_steps = jg.ema(config.average), config.d_steps, config.g_steps
    rule = jg.alternating(game, adam, adam, d_steps=d_steps, g_steps=g_steps, average=average)
    return small.experiment(config, source, rule)


if __name__ == "__main__":
    jg.main(Config, build)
