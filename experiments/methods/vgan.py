"""VGAN (Peng et al., 2019): D judges a random code of bounded information, by the variational bottleneck.

    python experiments/methods/vgan.py

Kept: the code's divergence on half real and half fake inputs, the bound of 0.1, its weight that adapts, a
code that is drawn for both players as in the authors' code. Changed: a dense D and a smaller code, Adam
instead of RMSprop, a faster rate of the weight, no gradient penalty, an average of G.
"""

from dataclasses import dataclass

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    capacity: jg.NonNegative = 0.1
    """Bound of the mean divergence of the code, in nats."""
    rate: jg.NonNegative = 1e-3
    """Rate of the weight of the divergence."""
    code: jg.Count = 64
    """Numbers of the code."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    from functools import partial

    from flax import linen as nn

    from jaxgan.models import bottleneck

    leaky = partial(nn.leaky_relu, negative_slope=0.2)
    dense = [layer for _ in range(3) for layer in (nn.Dense(config.width), leaky)]
    trunk = nn.Sequential([lambda x: x.reshape(x.shape[0], -1), *dense])
    game = jg.gan(
        small.generator(config, source),
        jg.from_linen(bottleneck.Discriminator(trunk, config.code)),
        latent=small.latent(config, source),
        objective=jg.objectives.non_saturating(),
        d_terms=[jg.terms.bottleneck(config.capacity, config.rate)],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
