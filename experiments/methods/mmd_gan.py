"""MMD-GAN (Li et al., 2017; Binkowski et al., 2018): G matches the distribution of D's features.

    python experiments/methods/mmd_gan.py
    python experiments/methods/mmd_gan.py --loss repulsive --bounds

Kept: the unbiased MMD^2 of 16 features, which G minimises and D maximises; rational quadratic kernels and
the gradient penalty of weight 10 on the witness function (Binkowski et al.), or with `--kernel rbf` the
mixture of Gaussian kernels (Li et al.); `--loss repulsive` has D's other loss, a Gaussian kernel of width 1
and spectral norm, and `--bounds` its bounds (Wang et al., 2019). Changed: networks and optimisers of
`small.py`, an average of G, one step of D per step of G, no autoencoder in D.
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
    bounds: bool = False
    """Whether D stops moving real examples apart, and generated ones together, in the repulsive loss."""
    weight: jg.NonNegative = 10.0
    """Of the gradient penalty of the attractive loss."""
    features: jg.Count = 16
    """Size of the head whose distributions are compared."""


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    kernels, repulsive = jg.objectives.kernels, config.loss == "repulsive"
    kernel = kernels.rbf() if config.kernel == "rbf" else kernels.rational_quadratic()
    objective = jg.objectives.mmd(kernel, head="embedding")
    if repulsive:
        far, near = kernels.bounded_rbf(most=4.0), kernels.bounded_rbf(least=0.25)
        bounds = {"of_real": far, "of_fake": near} if config.bounds else {}
        objective = jg.objectives.repulsive_mmd(kernels.rbf([1.0]), head="embedding", **bounds)
    norm = "spectral" if repulsive else "none"
    game = jg.gan(
        small.generator(config, source),
        small.discriminator(config, source, heads=(("embedding", config.features),), norm=norm),
        latent=small.latent(config, source),
        objective=objective,
        d_terms=[] if repulsive else [jg.terms.witness_gp(kernel, config.weight, head="embedding")],
        lowering=config.lowering,
    )
    return small.experiment(config, source, small.rule(config, game))


if __name__ == "__main__":
    jg.main(Config, build)
