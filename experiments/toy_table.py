"""The table of the toy benchmark: what was found, what the true sampler scores, and what was published."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jaxgan.data.mixtures import Mixture

Numbers = Mapping[str, Any]  # what one run measured, or why it failed, under "failed"


class Column(NamedTuple):
    """A number that runs measure: its heading, how it is written, and times what."""

    head: str
    form: str = "{:.1f}"
    times: float = 1.0


COLUMNS = {
    "modes": Column("modes of {modes}"),
    "high_quality": Column("high quality, %", times=100),
    "reverse_kl": Column("reverse KL", "{:.4f}"),
    "imbalance": Column("imbalance", "{:.3f}"),
    "width": Column("width", "{:.2f}"),
    "width_min": Column("narrowest", "{:.2f}"),
    "wasserstein": Column("W1", "{:.4f}"),
    "ten_sigma": Column("within 10 sigma, %", times=100),
    "ten_sigma_modes": Column("modes so"),
}
PUBLISHED = {
    "ring": {
        "GAN (Lin et al., 2018; 10 trials)": {
            "modes": "6.3 ± 0.5",
            "high_quality": "98.2",
            "reverse_kl": "0.45",
        },
        "PacGAN2 (the same)": {"modes": "7.9 ± 0.1", "high_quality": "95.6", "reverse_kl": "0.07"},
        "PacGAN4 (the same)": {"modes": "7.8 ± 0.1", "high_quality": "95.9", "reverse_kl": "0.07"},
        "Unrolled GAN (Srivastava et al., 2017; 5 runs)": {"modes": "7.6", "high_quality": "35.6"},
        "VEEGAN (the same)": {"modes": "8", "high_quality": "52.9"},
    },
    "grid": {
        "GAN (Lin et al., 2018; 10 trials)": {
            "modes": "17.3 ± 0.8",
            "high_quality": "94.8",
            "reverse_kl": "0.70",
        },
        "PacGAN2 (the same)": {"modes": "23.8 ± 0.7", "high_quality": "91.3", "reverse_kl": "0.13"},
        "PacGAN4 (the same)": {"modes": "24.8 ± 0.2", "high_quality": "93.6", "reverse_kl": "0.04"},
        "Unrolled GAN (Srivastava et al., 2017; 5 runs)": {"modes": "23.6", "high_quality": "16"},
        "VEEGAN (the same)": {"modes": "24.6", "high_quality": "40"},
    },
    "gaussian_1200d": {"VEEGAN (Srivastava et al., 2017)": {"ten_sigma_modes": "5.5", "ten_sigma": "28.3"}},
    "stacked:digits": {
        "DCGAN on MNIST (Lin et al., 2018)": {"modes": "99", "reverse_kl": "3.40"},
        "VEEGAN on MNIST (the same)": {"modes": "150", "reverse_kl": "2.95"},
        "PacDCGAN2 on MNIST (the same)": {"modes": "1000", "reverse_kl": "0.06"},
        "GAN with R1 and R2 on MNIST (Huang et al., 2024; one run)": {"modes": "693", "reverse_kl": "0.927"},
        "R3GAN on MNIST (the same)": {"modes": "1000", "reverse_kl": "0.078"},
    },
}
SAMPLES = {"ring": 2500, "grid": 2500, "gaussian_1200d": 2500, "stacked:digits": 26_000}
WORDS = """\
Numbers are those of the last step, of 2,500 samples or, of stacked digits, 26,000: mean and 95 % interval of
the mean over training seeds (Student's t). A sample is of high quality within 3 sigma of a mode, or in more
dimensions within the radius that holds as much, and a mode counts with one. The rest is of samples of high
quality: KL(q || uniform) of their modes' weights q; the total variation of q from uniform; and their spread
around their mode's own mean, to the true one, for the median mode and for the narrowest. W1 is the mean
distance of 1,000 samples to as many true ones, paired exactly. Runs that failed, by a loss that is not
finite, are counted, but not in the means.

What was published is of other implementations and, but for PacGAN's protocol, of other networks."""


def linspace_ring() -> "Mixture":
    """The ring as public code often has it: `linspace(0, 2 pi, 8)` gives the first centre twice, so seven.

    >>> len({tuple(centre) for centre in linspace_ring().centres.round(6) + 0.0})
    7
    """
    import numpy as np

    from jaxgan.data.mixtures import ring_mixture

    angle = np.linspace(0, 2 * np.pi, 8)
    return ring_mixture()._replace(centres=np.stack([np.cos(angle), np.sin(angle)], axis=1))


def covariance_ring() -> "Mixture":
    """The ring where sigma was passed on as a covariance: its deviation is ten times what is said.

    >>> covariance_ring().sigma
    0.1
    """
    from jaxgan.data.mixtures import ring_mixture

    return ring_mixture(sigma=ring_mixture().sigma ** 0.5)


def oracles(data: str, draws: int = 10) -> dict[str, list[dict[str, float]]]:
    """What the true sampler scores, and for the ring what samplers with either of the usual mistakes do."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import stacked
    import toy

    from jaxgan.data import load
    from jaxgan.data.mixtures import sampled
    from jaxgan.data.source import labelled

    source = load(data)
    if source.modes is None:
        draws = draws if source.size is None else min(draws, source.size // stacked.SAMPLES)
        starts = range(0, draws * stacked.SAMPLES, stacked.SAMPLES)
        images = (labelled(source, stacked.SAMPLES, start)["x"] for start in starts)
        return {"oracle: the training pictures": [stacked.counted(x, data) for x in images]}
    samplers = {"oracle: the true sampler": source}
    if data == "ring":
        samplers["mistaken: centres at `linspace(0, 2 pi, 8)`"] = sampled(linspace_ring())
        samplers["mistaken: sigma as a covariance"] = sampled(covariance_ring())

    def draw(sampler: Any, seed: int) -> "np.ndarray":
        return np.asarray(sampler.take(sampler.arrays, jax.random.key(seed), jnp.arange(2500))["x"])

    return {
        name: [toy.scored(draw(sampler, 1 + seed), source) for seed in range(draws)]
        for name, sampler in samplers.items()
    }


def spread(values: Sequence[float], column: Column) -> str:
    """Mean and 95 % interval of the mean, by Student's t.

    >>> spread([1.0, 2.0, 3.0], Column("", times=10))
    '20.0 ± 24.8'
    """
    from scipy.stats import t

    values = [column.times * value for value in values]
    middle = column.form.format(mean(values))
    if len(values) < 2:
        return middle
    half = t.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return f"{middle} ± {column.form.format(half)}"


def table(data: str, runs: Mapping[str, Sequence[Numbers]], oracle: Mapping[str, Sequence[Numbers]]) -> str:
    """One table: the runs of each recipe on these data, then what they are to be held against."""
    from jaxgan.data import load
    from jaxgan.metrics.mixture import perfect

    modes, n = load(data).classes, SAMPLES[data]
    shown = {name: COLUMNS[name] for name in COLUMNS if name in next(iter(oracle.values()))[0]}
    lines = [
        f"| | seeds | {' | '.join(column.head.format(modes=modes) for column in shown.values())} |",
        "|---" * (len(shown) + 2) + "|",
    ]

    def row(what: str, found: Sequence[Numbers]) -> None:
        good = [numbers for numbers in found if "failed" not in numbers]
        count = f"{len(found)}, {len(found) - len(good)} failed" if len(good) < len(found) else len(found)
        values = [spread([own[name] for own in good], shown[name]) if good else "" for name in shown]
        lines.append(f"| {what} | {count} | {' | '.join(values)} |")

    for recipe, found in runs.items():
        if found:
            row(recipe, found)
    for what, draws in oracle.items():
        row(f"*{what}*", draws)
    floor = {
        name: COLUMNS[name].form.format(COLUMNS[name].times * x) for name, x in perfect(modes, n).items()
    }
    lines.append(f"| *what it scores on average* | | {' | '.join(floor.get(name, '') for name in shown)} |")
    for what, values in PUBLISHED[data].items():
        lines.append(f"| published: {what} | | {' | '.join(values.get(name, '') for name in shown)} |")
    return "\n".join(lines)
