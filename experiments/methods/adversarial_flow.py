"""Adversarial flow (Lin et al., 2025): G moves noise to data in one step, by a map that moves it little.

    python experiments/methods/adversarial_flow.py
    python experiments/methods/adversarial_flow.py --line --transport 0

Kept: latents of the same shape as the examples, the cost (G(z) - z)^2 whose weight falls, the relativistic
loss with R1, R2 and centred logits. Changed: points and dense networks, exact penalties, no normalisation of
gradients. `--transport 0` is a GAN, which learns any of the maps from the noise to the data.

`excess` is how far the map is from optimal: its mean squared distance less that of the best assignment of the
same 500 latents to the same 500 samples.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import small

import jaxgan as jg

if TYPE_CHECKING:
    import jax
    import numpy as np


@dataclass(frozen=True)
class Config(small.Config):
    line: bool = False
    """Train on five Gaussians on a line instead of `data`."""
    transport: jg.NonNegative = 0.2
    """Weight of the transport cost at the start."""
    half_life: jg.Positive = 300.0
    """Steps of G in which this weight halves."""
    gamma: jg.NonNegative = 0.1
    """Weight of R1 and R2."""
    centring: jg.NonNegative = 0.01
    """Weight of the squared sum of a pair's logits."""


def data(config: Config) -> "jg.Source":
    import numpy as np

    from jaxgan.data import mixtures

    if not config.line:
        return jg.load(config.data, config.size)
    return mixtures.sampled(mixtures.Mixture(np.linspace(-2, 2, 5)[:, None], sigma=0.05))


def excess(z: "np.ndarray", x: "np.ndarray") -> float:
    """Returns the mean squared distance from z to x [N, D], less that of the best assignment."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    costs = np.square(z[:, None] - x[None]).sum(axis=-1)
    rows, columns = linear_sum_assignment(costs)
    return float(np.diagonal(costs).mean() - costs[rows, columns].mean())


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import jax
    import numpy as np

    if len(source.shape) != 1:
        raise jg.Refused(f"adversarial_flow moves points: take ring, grid or --line, not {config.data}")

    def transport(step: "jax.Array") -> "jax.Array":
        return config.transport * 0.5 ** (step / config.half_life)

    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source),
        latent=jg.latents.normal(source.shape[0]),
        objective=jg.objectives.relativistic(),
        d_terms=[
            jg.terms.r1(config.gamma),
            jg.terms.r2(config.gamma),
            jg.terms.centring(config.centring),
        ],
        g_terms=[jg.terms.transport_cost(transport)],
        lowering=config.lowering,
    )

    def measure(moment: jg.Moment) -> dict[str, float]:
        g, looks = moment.state.generator, moment.game.looks
        assert looks.latents is not None
        assert looks.decode is not None
        z = looks.latents(g, jax.random.split(jax.random.key(0), 500))
        return {"excess": excess(np.asarray(z), np.asarray(looks.decode(g, z, {})))}

    experiment = small.experiment(config, source, small.rule(config, game))
    return experiment._replace(hooks=[*experiment.hooks, jg.Hook(config.measure_every, measure)])


if __name__ == "__main__":
    jg.main(Config, build, data=data)
