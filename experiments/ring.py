"""Eight narrow Gaussians on a ring: are all of them found, and is each hit exactly?

    python experiments/ring.py

    67 to 101 s on 2 cores of an AMD EPYC (Zen 5), shared with other work; jax 0.10.2, 2026-11-20. At the last
    step, mean and standard deviation of seeds 0 to 3, beside ten draws from the mixture itself:

        modes 8 (all four)    high_quality 97.45 +- 0.69 %    reverse_kl 0.0041 +- 0.0016
        true  8               98.83 +- 0.14 %                 0.0013 +- 0.0008

Dense networks and the relativistic loss with R1 and R2 (Jolicoeur-Martineau, 2019; Huang et al., 2024). The
weight of R1 and R2 falls geometrically, from a D that is smooth across the whole ring to one that can see a
mode's width; the learning rates fall by a cosine, and what is sampled is an average of G.

Measured on 2,500 samples (Lin et al., 2018), each at 3 standard deviations of its nearest mode or closer
being of high quality: `modes` with one or more, the share `high_quality`, and `reverse_kl` from uniform over
the modes. A perfect sampler has 98.89 % (1 - e^-4.5); more means modes that are too narrow. Less does not
rule that out: here the samples of high quality spread by 0.0069 +- 0.0003 around their mode's mean (in each
coordinate, of 20,000 samples), true ones by 0.0098.
"""

from dataclasses import dataclass
from typing import Literal

import jaxgan as jg


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 16000
    data: Literal["ring", "grid"] = "ring"
    """8 modes on a circle, or 25 on a lattice."""
    batch_size: int = 256
    lr: float = 1e-3
    """Adam's learning rate at the start, for both players."""
    lr_end: float = 1e-5
    """And after `horizon` steps."""
    gamma: float = 0.1
    """Weight of R1 and R2 at the start."""
    gamma_end: float = 1e-3
    """And after `horizon` steps."""
    horizon: int = 16000
    """Steps over which learning rate and weight fall."""
    average: float = 0.999
    """Decay of the average of G's parameters."""
    width: int = 128
    """Units of each hidden layer, three in either network."""
    z_size: int = 2
    """Numbers per latent, each normal."""
    log_every: int = 500
    save_every: int = 4000
    sample_every: int = 2000
    measure_every: int = 4000
    """Steps between measurements."""


def build(config: Config) -> jg.Experiment:
    import optax

    from jaxgan.data import mixtures
    from jaxgan.metrics.mixture import mode_coverage
    from jaxgan.models import mlp

    widths = (config.width,) * 3  # of ReLU units
    rate = config.gamma_end / config.gamma
    gamma = optax.exponential_decay(config.gamma, config.horizon, rate, end_value=config.gamma_end)
    game = jg.gan(
        jg.from_linen(mlp.Generator((2,), widths, final=mlp.identity)),
        jg.from_linen(mlp.Discriminator(widths)),
        latent=jg.latents.normal(config.z_size),
        objective=jg.objectives.relativistic(),
        d_terms=[jg.terms.r1(gamma), jg.terms.r2(gamma)],
        lowering=config.lowering,
    )
    lr = optax.cosine_decay_schedule(config.lr, config.horizon, alpha=config.lr_end / config.lr)
    adam = optax.adam(lr, b1=0.5, b2=0.99)
    rule = jg.alternating(game, adam, adam, average=jg.ema(config.average), lowering=config.lowering)

    match config.data:
        case "ring":
            mixture = mixtures.ring_mixture()
        case "grid":
            mixture = mixtures.grid_mixture()

    def measure(moment: jg.Moment) -> dict[str, float]:
        samples = moment.sample(moment.state.generator, 2500)
        return mode_coverage(samples, mixture.centres, mixture.sigma)

    hooks = [jg.Hook(config.measure_every, measure)]
    source = mixtures.sampled(mixture)
    return jg.Experiment(game, rule, source, hooks, best=lambda measured: measured["high_quality"])


if __name__ == "__main__":
    jg.main(Config, build)
