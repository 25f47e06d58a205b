"""GMAN: two critics of the same fakes, of which the harsher has more weight in G's loss.

    python experiments/methods/two_critics.py --seeds 0:3
    python experiments/methods/two_critics.py --seeds 0:3 --critics fine

    303, 172 and 240 s for the three seeds on 2 cores of an AMD EPYC (Zen 5), far busier with other work;
    jax 0.10.2, 2026-11-29. At the last step, mean and standard deviation of seeds 0 to 2:

        both    modes 8.0 +- 0.0   high_quality 0.756 +- 0.005   reverse_kl 0.084 +- 0.071
        plain   modes 8.0 +- 0.0   high_quality 0.761 +- 0.020   reverse_kl 0.008 +- 0.004
        fine    modes 4.7 +- 1.5   high_quality 0.779 +- 0.159   reverse_kl 0.760 +- 0.256

    Adding the plain critic repairs the fine one's failures; adding the fine one to the plain gains nothing.

Each critic has its own game against G. G minimises the sum of w_i V_i, with V_i its loss against critic i and
w = softmax(strictness V): 0 is the mean, and the larger, the more the harshest critic dominates (Durugkar et
al., 2017). Changed: the critics differ in their inputs, not in dropout: points for `plain`, points with their
sines and cosines for `fine`; G's loss is the non-saturating one; no gradient flows through the weights; the
data are eight narrow Gaussians on a ring. `--critics plain` or `fine` has only that one.

Measured on 2,500 samples as in `ring.py`: `modes` found, the share `high_quality` within 3 standard
deviations of one, and `reverse_kl` of the modes' weights from uniform.
"""

from dataclasses import dataclass
from typing import Any, Literal

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 2000
    data: Literal["ring", "grid"] = "ring"
    """8 modes on a circle, or 25 on a lattice."""
    critics: Literal["both", "plain", "fine"] = "both"
    """Which critics to use."""
    strictness: jg.NonNegative = 1.0
    """Strength of the preference for the harsher critic."""
    batch_size: int = 256
    lr: jg.NonNegative = 1e-3
    """Adam's learning rate, for all players."""
    gamma: jg.NonNegative = 0.1
    """Weight of R1, of each critic."""
    width: jg.Count = 64
    """Units of each hidden layer, three in any network."""
    octaves: jg.Natural = 6
    """Of the sines that the fine critic sees."""
    z_size: jg.Count = 2
    """Numbers per latent, each normal."""
    log_every: int = 100
    measure_every: jg.Natural = 500
    """Steps between measurements."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import flax.linen as nn
    import jax
    import jax.numpy as jnp
    import optax

    from jaxgan.metrics import mixture
    from jaxgan.models import mlp

    def waves(x: "jax.Array") -> "jax.Array":
        """x [B, 2] -> x with its sines and cosines, of the angular frequencies 1, 2, 4, ..."""
        angle = (x[:, :, None] * 2.0 ** jnp.arange(config.octaves)).reshape(len(x), -1)
        return jnp.concatenate([x, jnp.sin(angle), jnp.cos(angle)], axis=1)

    widths = (config.width,) * 3

    def critic(module: nn.Module) -> jg.Adversary:
        return jg.adversary(
            jg.from_linen(module),
            jg.objectives.non_saturating(),
            d_terms=[jg.terms.r1(config.gamma)],
            lowering=config.lowering,
        )

    plain = mlp.Discriminator(widths)
    critics = {"plain": critic(plain), "fine": critic(nn.Sequential([waves, mlp.Discriminator(widths)]))}
    critics = {name: module for name, module in critics.items() if config.critics in (name, "both")}

    def weights(losses: "jax.Array", views: Any) -> "jax.Array":
        return jax.lax.stop_gradient(jg.harsher(config.strictness)(losses, views))

    game = jg.generator_game(
        jg.several(critics, weights),
        jg.from_linen(mlp.Generator(source.shape, widths, final=mlp.identity)),
        latent=jg.latents.normal(config.z_size),
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=0.5, b2=0.99)
    rule = jg.alternating(game, adam, adam, average=jg.ema(0.99))

    def measure(moment: jg.Moment) -> dict[str, float]:
        assert source.modes is not None
        coverage = mixture.mode_coverage(moment.sample(moment.state.generator, 2500), *source.modes)
        return {name: coverage[name] for name in ("modes", "high_quality", "reverse_kl")}

    return jg.Experiment(rule, source, [jg.Hook(config.measure_every, measure)])


if __name__ == "__main__":
    jg.main(Config, build)
