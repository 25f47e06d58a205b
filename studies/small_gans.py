"""Three studies of small GANs over many seeds: losses, the lottery of seeds, and lazy penalties.

    python studies/small_gans.py --sweep losses --data grid --steps 2000 --out runs/losses
    python studies/small_gans.py --sweep lottery --steps 600 --measure-every 200 --out runs/lottery
    python studies/small_gans.py --sweep lottery --data digits --steps 600 --out runs/lottery-digits
    python studies/small_gans.py --sweep lazy --data ring --steps 1000 --out runs/lazy-ring
    python studies/small_gans.py --sweep lazy --data grid --steps 1000 --out runs/lazy-grid
    python studies/small_gans.py --sweep lazy --data stacked:glyphs --size 8 --steps 600 --out runs/stacked

each plans a sweep and works on it with all cores; `python studies/summary.py losses runs/losses` and the like
write the tables in `results/`, whose heads say what each took.

`losses` is "Are GANs created equal?" (Lucic et al., 2018) in miniature: seven losses, each with the same
random learning rates, momenta and penalty weights. `lottery` moves the initialisation, the order of the data
and the noise apart, every value with every other, as "The FID Lottery" (2026) does for flows. `lazy` asks
whether R1 and R2 at every 8th step fail, as R3GAN's authors say (Huang et al., 2024), or not, as GAT has it
(2025). Penalties that are taken every n-th step count n times.

Dense networks with two hidden layers; D sees points or flat images. Adam with one learning rate for both
players, in turns; samples are from an average of G.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

import jaxgan as jg

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Config(jg.Settings):
    steps: int = 2500
    data: Literal["ring", "grid", "digits", "stacked:glyphs"] = "ring"
    loss: Literal["minimax", "non_saturating", "least_squares", "hinge", "wasserstein", "relativistic"] = (
        "non_saturating"
    )
    penalty: Literal["none", "r1", "r1+r2", "wgan_gp"] = "none"
    gamma: jg.NonNegative = 0.1
    """Weight of the penalty."""
    every: jg.Count = 1
    """Steps from one evaluation of the penalty to the next."""
    batch_size: int = 128
    lr: jg.NonNegative = 1e-3
    b1: jg.Share = 0.0
    b2: jg.Share = 0.99
    average: jg.Share = 0.99
    """Decay of the average of G's parameters."""
    width: jg.Count = 64
    """Units of each hidden layer."""
    z_size: jg.Count = 16
    log_every: int = 500
    save_every: int = 2500
    sample_every: int = 2500
    measure_every: jg.Natural = 500


LOSSES = (
    {"loss": "minimax", "penalty": "none"},
    {"loss": "non_saturating", "penalty": "none"},
    {"loss": "least_squares", "penalty": "none"},
    {"loss": "hinge", "penalty": "none"},
    {"loss": "wasserstein", "penalty": "wgan_gp"},
    {"loss": "non_saturating", "penalty": "r1"},
    {"loss": "relativistic", "penalty": "r1+r2"},
)


def losses() -> Iterator[Mapping[str, Any]]:
    """Seven losses, each with the same 12 random settings and 3 seeds."""
    ranges = {"lr": jg.sweep.log(1e-4, 1e-2), "b1": jg.sweep.uniform(0.0, 0.9)}
    for recipe in LOSSES:
        weights = {"gamma": jg.sweep.log(1e-2, 10.0)} if recipe["penalty"] != "none" else {}
        settings = jg.sweep.draws(12, 0, **ranges, **weights)
        yield from jg.sweep.product([recipe], settings, seed=range(3))


def lottery() -> Iterator[Mapping[str, Any]]:
    """Five losses, each with 4 initialisations, 4 orders of the data and 4 streams of noise, all crossed."""
    parts = {f"seed_{part}": range(4) for part in ("init", "data", "noise")}
    yield from jg.sweep.product([LOSSES[n] for n in (1, 2, 3, 5, 6)], **parts)


def lazy() -> Iterator[Mapping[str, Any]]:
    """Two losses, two penalties, taken at every step or at every 8th, with 16 seeds."""
    yield from jg.sweep.product(
        loss=["non_saturating", "relativistic"], penalty=["r1", "r1+r2"], every=[1, 8], seed=range(16)
    )


def build(config: Config, source: "jg.Source") -> jg.Experiment:
    import optax
    from jax.nn import leaky_relu

    match config.penalty:
        case "none":
            terms = []
        case "r1":
            terms = [jg.terms.r1(config.gamma)]
        case "r1+r2":
            terms = [jg.terms.r1(config.gamma), jg.terms.r2(config.gamma)]
        case "wgan_gp":
            terms = [jg.terms.wgan_gp(config.gamma)]
    points, widths = source.shape == (2,), (config.width, config.width)
    leaky = partial(leaky_relu, negative_slope=0.2)
    generator = jg.models.mlp.Generator(source.shape, widths, activation=leaky)
    game = jg.gan(
        jg.from_linen(generator.clone(final=jg.models.mlp.identity) if points else generator),
        jg.from_linen(jg.models.mlp.Discriminator(widths, activation=leaky)),
        latent=jg.latents.normal(config.z_size),
        objective=getattr(jg.objectives, config.loss)(),
        d_terms=terms if config.every == 1 else [jg.terms.lazily(term, config.every) for term in terms],
        lowering=config.lowering,
    )
    adam = optax.adam(config.lr, b1=config.b1, b2=config.b2)
    rule = jg.alternating(game, adam, adam, average=jg.ema(config.average))
    score = {"digits": of_digits, "stacked:glyphs": of_stacks}.get(config.data, of_points)

    def measure(moment: jg.Moment) -> Mapping[str, float]:
        return score(moment.sample(moment.state.generator, 2500), config)

    return jg.Experiment(rule, source, [jg.Hook(config.measure_every, measure)])


def of_points(samples: "np.ndarray", config: Config) -> Mapping[str, float]:
    """Returns the modes found, the share of samples near one, and the reverse KL of their weights."""
    modes = jg.load(config.data).modes
    assert modes is not None
    coverage = jg.metrics.mixture.mode_coverage(samples, *modes)
    return {name: coverage[name] for name in ("reverse_kl", "high_quality", "modes")}


def of_digits(samples: "np.ndarray", config: Config) -> Mapping[str, float]:
    """Returns the energy distance to held-out digits, of as many samples."""
    return {"energy": jg.metrics.energy.energy_distance(samples[:1500], held_out())}


@cache
def held_out() -> "np.ndarray":
    return jg.data.examples(jg.load("digits", split="test"), 1500)


def of_stacks(samples: "np.ndarray", config: Config) -> Mapping[str, float]:
    """Returns the modes found of 1000, and the reverse KL of their frequencies, as in `stacked.py`."""
    channels = samples.transpose(0, 3, 1, 2).reshape(3 * len(samples), -1)
    hundreds, tens, ones = classifier(config.size)(channels).reshape(-1, 3).T
    coverage = jg.metrics.mixture.label_coverage((hundreds * 10 + tens) * 10 + ones, 1000)
    return {name: coverage[name] for name in ("reverse_kl", "modes")}


@cache
def classifier(size: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    glyphs = jg.data.labelled(jg.load("glyphs", size), 3000)
    return KNeighborsClassifier(1).fit(glyphs["x"].reshape(3000, -1), glyphs["label"]).predict


if __name__ == "__main__":
    jg.main(Config, build)
