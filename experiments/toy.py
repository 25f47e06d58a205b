"""One run of the published toy benchmark: a recipe on a mixture with known modes.

    python experiments/toy.py --data ring --recipe hinge --seed 3
    python experiments/toy.py --sweep light --out runs/light

The second makes all runs of a protocol, as one sweep; `results/toy_benchmark.md` has the results of `light`,
`many_dimensions`, `turns` and `pacgan`. By default, networks, latents and rates are
those of the unrolled GAN's demo (Metz et al., 2017): latents of 256 numbers, two hidden layers of 128 tanh
units in either network, Adam at 1e-3 for G and 1e-4 for D with b1 0.5, batches of 512, 25,000 steps.
PacGAN's own (Lin et al., 2018), by the authors' code: ReLU and BatchNorm in G against maxout in D, small
initial weights, simultaneous updates, 100,000 examples drawn once, and batches of 100 packs:

    python experiments/toy.py --network maxout --width 400 --init 0.02 --momentum 0.95 --z-size 2 \\
        --simultaneous --lr 1e-4 --d-lr 1e-4 --b1 0.8 --examples 100000 --steps 400000 \\
        --recipe pack2 --batch-size 200

In 1200 dimensions the demo's rates leave samples far from all modes: after 25,000 steps with 512 units the
median sample of `non_saturating`, `relativistic` and `pack2` was 33, 6 and 464 times as far from its nearest
mode as true samples are (seed 0). So there the networks are deeper, latents smaller, the rates equal, and
samples are from an average of G, since G itself circles around the modes; chosen with `relativistic`, by
seed 100:

    python experiments/toy.py --data gaussian_1200d --network relu --width 512 --z-size 2 --batch-size 128 \\
        --d-lr 1e-3 --gamma 10 --average 0.998 --steps 5000 --recipe relativistic

Recipes differ only in what their names say. `non_saturating`, `least_squares` and `hinge` are losses without
penalties; `pack2` and `pack4` are the first of these with a D that sees 2 or 4 examples at once; `r1` is the
first with R1 (Mescheder et al., 2018), and `relativistic` the relativistic loss with R1 and R2 (Huang et al.,
2024), all of weight `gamma`; `wgan_gp` has its usual weight of 10 and five steps of D per step of G
(Gulrajani et al., 2017), so it takes five times as long. The learning rates suit the first, and are ten times
higher for G than for D: this compares how losses bear these rates, not each at its best. Without `average`,
samples are from G at the last step.
"""

from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Literal, get_args

import jaxgan as jg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np


Recipe = Literal[
    "non_saturating", "least_squares", "hinge", "wgan_gp", "r1", "relativistic", "pack2", "pack4"
]
PAIRED = 1000  # samples, with as many true ones; pairing takes longer, the farther apart they are


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 25_000
    data: Literal["ring", "grid", "gaussian_1200d"] = "ring"
    """8 modes on a circle, 25 on a lattice, or 10 in a subspace of 700 dimensions."""
    recipe: Recipe = "non_saturating"
    network: Literal["tanh", "relu", "maxout"] = "tanh"
    """Two layers of tanh in G and D, or three of ReLU, or four of ReLU with BatchNorm in G and three of
    five-fold maxout, half as wide, in D."""
    batch_size: int = 512
    lr: jg.NonNegative = 1e-3
    """Adam's learning rate, for G."""
    d_lr: jg.NonNegative = 1e-4
    """And for D."""
    b1: jg.Share = 0.5
    """Adam's decay of the mean gradient, for both."""
    gamma: jg.NonNegative = 0.1
    """Weight of R1 and R2."""
    average: jg.Share = 0.0
    """Decay of an average of G's parameters, from which samples are taken; 0 for none."""
    width: jg.Count = 128
    """Units of each hidden layer."""
    init: float = 0.0
    """Standard deviation of the normal initial weights; 0 for LeCun's, by the number of inputs."""
    momentum: jg.Share = 0.9
    """Decay of BatchNorm's averages."""
    z_size: jg.Count = 256
    """Numbers per latent, each normal."""
    simultaneous: bool = False
    """Update both players at once, not D first."""
    examples: jg.Natural = 0
    """Size of a data set drawn once, to train on in epochs; 0 draws new examples for every batch."""
    log_every: int = 500
    save_every: int = 5000
    sample_every: int = 5000
    measure_every: jg.Natural = 5000
    """Steps between measurements."""


def light() -> "Iterator[Mapping[str, Any]]":
    """Every recipe at the demo's networks and rates, ten seeds."""
    yield from jg.sweep.product(data=["ring", "grid"], recipe=get_args(Recipe), seed=range(10))


def many_dimensions() -> "Iterator[Mapping[str, Any]]":
    """Three recipes in 1200 dimensions, three seeds."""
    shared = {
        "data": "gaussian_1200d", "network": "relu", "width": 512, "z_size": 2, "batch_size": 128,
        "d_lr": 1e-3, "gamma": 10.0, "average": 0.998, "steps": 5000,
    }  # fmt: skip
    recipes = ["non_saturating", "relativistic", "pack2"]
    yield from jg.sweep.product([shared], recipe=recipes, seed=range(3))


PACGAN = {"network": "maxout", "width": 400, "z_size": 2, "lr": 1e-4, "d_lr": 1e-4, "b1": 0.8}


def turns() -> "Iterator[Mapping[str, Any]]":
    """PacGAN's networks and rates, but updates in turns and other initial weights."""
    shared = {**PACGAN, "batch_size": 100, "steps": 100_000}
    recipes = ["non_saturating", "pack2"]
    yield from jg.sweep.product([shared], data=["ring", "grid"], recipe=recipes, seed=range(3))


def pacgan() -> "Iterator[Mapping[str, Any]]":
    """PacGAN's own protocol: batches of 100 packs, whether of one or of two."""
    shared = {
        **PACGAN, "init": 0.02, "momentum": 0.95, "simultaneous": True, "examples": 100_000, "steps": 400_000,
    }  # fmt: skip
    packs = jg.sweep.zip_(recipe=["non_saturating", "pack2"], batch_size=[100, 200])
    yield from jg.sweep.product([shared], packs, data=["ring", "grid"], seed=range(3))


def score(samples: "np.ndarray", source: "jg.Source") -> dict[str, float]:
    """Returns the benchmark's metrics of samples, by the modes of their source."""
    assert source.modes is not None
    coverage = jg.metrics.mixture.mode_coverage(samples, *source.modes)
    if source.shape == (2,):
        return {
            **coverage,
            "wasserstein": jg.metrics.plane.wasserstein(samples[:PAIRED], jg.data.examples(source, PAIRED)),
        }
    nearest = jg.metrics.mixture.mode_coverage(samples, *source.modes, radius=inf)
    published = jg.metrics.mixture.mode_coverage(samples, *source.modes, radius=jg.metrics.mixture.TEN_SIGMA)
    return {
        **coverage,
        "distance": distance(samples, source.modes),
        "nearest_modes": nearest["modes"],
        "nearest_kl": nearest["reverse_kl"],
        "ten_sigma": published["high_quality"],
        "ten_sigma_modes": published["modes"],
    }


def distance(samples: "np.ndarray", modes: "jg.data.Modes") -> float:
    """Returns the distance of the median sample to its nearest centre, relative to that of true samples.

    >>> import numpy as np
    >>> from jaxgan.data import Modes
    >>> distance(np.array([[0.0, 6.0], [9.0, 6.0]]), Modes(np.array([[0.0, 0.0], [9.0, 0.0]]), 1.5, 4))
    2.0
    """
    import numpy as np
    from scipy.spatial.distance import cdist

    median = float(np.median(cdist(samples, modes.centres).min(axis=1)))
    return median / (modes.sigma * modes.dimensions**0.5)


def data(config: Config) -> "jg.Source":
    """Loads the mixture itself, or a fixed set of its examples, none of which `score` compares with."""
    mixture = jg.load(config.data)
    if not config.examples:
        return mixture
    return jg.data.arrays.arrays(**jg.data.labelled(mixture, config.examples, PAIRED))._replace(
        modes=mixture.modes
    )


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import flax.linen as nn
    import optax

    axis, width = config.lowering.axis, config.width
    init = nn.initializers.normal(config.init) if config.init else nn.initializers.lecun_normal()
    dense = partial(jg.models.mlp.Generator, source.shape, final=jg.models.mlp.identity, kernel_init=init)
    critic = partial(jg.models.mlp.Discriminator, kernel_init=init)
    match config.network:
        case "tanh":
            generator, discriminator = (make((width,) * 2, activation=nn.tanh) for make in (dense, critic))
        case "relu":
            generator, discriminator = (make((width,) * 3) for make in (dense, critic))
        case "maxout":
            generator = dense((width,) * 4, norm="batch", momentum=config.momentum, axis=axis)
            discriminator = critic((width // 2,) * 3, pieces=5)

    objective, terms, packing, d_steps = jg.objectives.non_saturating(), [], 1, 1
    match config.recipe:
        case "least_squares":
            objective = jg.objectives.least_squares()
        case "hinge":
            objective = jg.objectives.hinge()
        case "wgan_gp":
            objective, terms, d_steps = jg.objectives.wasserstein(), [jg.terms.wgan_gp()], 5
        case "r1":
            terms = [jg.terms.r1(config.gamma)]
        case "relativistic":
            objective = jg.objectives.relativistic()
            terms = [jg.terms.r1(config.gamma), jg.terms.r2(config.gamma)]
        case "pack2":
            packing = 2
        case "pack4":
            packing = 4

    game = jg.gan(
        jg.from_linen(generator),
        jg.from_linen(discriminator),
        latent=jg.latents.normal(config.z_size),
        objective=objective,
        d_terms=terms,
        packing=packing,
        lowering=config.lowering,
    )
    g_tx, d_tx = optax.adam(config.lr, b1=config.b1), optax.adam(config.d_lr, b1=config.b1)
    average = jg.ema(config.average) if config.average else None
    if config.simultaneous and d_steps > 1:
        raise jg.Refused(f"{config.recipe} has {d_steps} steps of D to one of G: leave --simultaneous out")
    alternating = partial(jg.alternating, d_steps=d_steps)
    rule = (jg.simultaneous if config.simultaneous else alternating)(game, g_tx, d_tx, average=average)

    def measure(moment: jg.Moment) -> dict[str, float]:
        return score(moment.sample(moment.state.generator, 2500), jg.load(config.data))

    hooks = [jg.Hook(config.measure_every, measure)]
    return jg.Experiment(rule, source, hooks)


if __name__ == "__main__":
    jg.main(Config, build, data)
