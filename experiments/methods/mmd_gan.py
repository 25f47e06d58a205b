"""MMD-GAN (Li et al., 2017; Binkowski et al., 2018): G matches the distribution of D's features.

    python experiments/methods/mmd_gan.py
    python experiments/methods/mmd_gan.py --loss repulsive

Kept: the unbiased MMD^2 of 16 features, which G minimises and D maximises; rational quadratic kernels and
the gradient penalty of weight 10 on the witness function (Binkowski et al.), or with `--kernel rbf` the
mixture of Gaussian kernels (Li et al.); `--loss repulsive` has D's other loss, a Gaussian kernel of width 1
and spectral norm (Wang et al., 2019). Changed: networks and optimisers of `small.py`, an average of G, one
step of D per step of G, no autoencoder in D, and no bounds on the distances of the repulsive loss.
"""

from dataclasses import dataclass
from typing import Literal

import small

import jaxgan as jg


@dataclass(frozen=True)
class Config(small.Config):
    loss: Literal["attractive", "repulsive"] = "attractive"
    """What D minimises: minus MMD^2, or similarities of real examples less those of fake ones."""
    kernel: Literal["rational_quadratic", "rbf"] = "rational_quadratic"
    """Of the attractive loss."""
    weight: jg.NonNegative = 10.0
    """Of the gradient penalty of the attractive loss."""
    features: jg.Count = 16
    """Size of the head whose distributions are compared."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    kernels, repulsive = jg.objectives.kernels, config.loss == "repulsive"
    kernel = kernels.rbf() if config.kernel == "rbf" else kernels.rational_quadratic()
    if repulsive:
        kernel = kernels.rbf([1.0])
    make = jg.objectives.repulsive_mmd if repulsive else jg.objectives.mmd
    norm = "spectral" if repulsive else "none"
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, heads=(("embedding", config.features),), norm=norm),
        latent=small.latent(config, source),
        objective=make(kernel, head="embedding"),
        d_terms=[] if repulsive else [jg.terms.witness_gp(kernel, config.weight, head="embedding")],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
