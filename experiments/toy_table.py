"""The table of the toy benchmark: what was found, what the true sampler scores, and what was published."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jaxgan.data import mixtures

Numbers = Mapping[str, Any]  # what one run measured, or why it failed, under "failed"


class Goal(NamedTuple):
    """What every seed of a recipe is to reach."""

    modes: int
    high_quality: float
    reverse_kl: float


GOALS = {"ring": Goal(8, 0.95, 0.01), "grid": Goal(25, 0.95, 0.01), "stacked:digits": Goal(1000, 0.0, 0.04)}
FEW = 5  # seeds: of fewer all that is said of their spread is the range


class Column(NamedTuple):
    """A number that runs measure: its heading, how it is written, and times what."""

    head: str
    form: str = "{:.1f}"
    times: float = 1.0


COLUMNS = {
    "modes": Column("modes of {modes}"),
    "high_quality": Column("high quality, %", times=100),
    "reverse_kl": Column("reverse KL", "{:.4f}"),
    "even_kl": Column("of as many even ones", "{:.4f}"),
    "imbalance": Column("imbalance", "{:.3f}"),
    "width": Column("width", "{:.2f}"),
    "width_min": Column("narrowest", "{:.2f}"),
    "wasserstein": Column("W1", "{:.4f}"),
    "distance": Column("distance", "{:.2f}"),
    "nearest_modes": Column("modes nearest"),
    "nearest_kl": Column("reverse KL so", "{:.4f}"),
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
the mean over training seeds (Student's t), or of fewer than five seeds their range. A sample is of high
quality within 3 sigma of a mode, or in more dimensions within the radius that holds as much, and a mode
counts with one. The rest is of samples of high quality: KL(q || uniform) of their modes' weights q, which few
samples raise, so beside it what as many would score on average that are spread evenly; the total variation of
q from uniform; and their spread around their mode's own mean, to the true one, for the median mode and for
the narrowest, of runs that have two samples in one. W1 is the mean distance of 1,000 samples to as many true
ones, paired exactly. Of 1200 dimensions all samples tell something too: how far the median one lies from its
nearest mode, to what true ones lie; how many modes are the nearest of some sample, and the reverse KL of
these weights; and within 10 sigma, as it was published, which holds nothing of modes whose sigma is that of
one coordinate. Runs that failed, by a loss that is not finite, are counted, but not in the means.

The goal is all modes, 95 % of high quality and a reverse KL of 0.01 at most, of stacked digits all modes and
0.04: on how many seeds it was reached, and the worst seed in each of the three.

Recipes of five seeds or more are told apart, below their table, by t-tests seed by seed, at p < 0.05 after
Holm's correction for the number of pairs. Those that are not may still differ, by less than ten seeds show.

What was published is of other implementations and, but where PacGAN is named, of other networks."""


def linspace_ring() -> "mixtures.Mixture":
    """The ring as public code often has it: `linspace(0, 2 pi, 8)` gives the first centre twice, so seven.

    >>> len({tuple(centre) for centre in linspace_ring().centres.round(6) + 0.0})
    7
    """
    import numpy as np

    from jaxgan.data import mixtures

    angle = np.linspace(0, 2 * np.pi, 8)
    return mixtures.ring_mixture()._replace(centres=np.stack([np.cos(angle), np.sin(angle)], axis=1))


def covariance_ring() -> "mixtures.Mixture":
    """The ring where sigma was passed on as a covariance: its deviation is ten times what is said.

    >>> covariance_ring().sigma
    0.1
    """
    from jaxgan.data import mixtures

    return mixtures.ring_mixture(sigma=mixtures.ring_mixture().sigma ** 0.5)


def oracles(data: str, draws: int = 10) -> dict[str, list[dict[str, float]]]:
    """What the true sampler scores, and for the ring what samplers with either of the usual mistakes do."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import stacked
    import toy

    from jaxgan.data import labelled, load, mixtures

    source = load(data)
    if source.modes is None:
        draws = draws if source.size is None else min(draws, source.size // stacked.SAMPLES)
        starts = range(0, draws * stacked.SAMPLES, stacked.SAMPLES)
        images = (labelled(source, stacked.SAMPLES, start)["x"] for start in starts)
        return {"oracle: the training pictures": [stacked.counted(x, data) for x in images]}
    samplers = {"oracle: the true sampler": source}
    if data == "ring":
        samplers["mistaken: centres at `linspace(0, 2 pi, 8)`"] = mixtures.sampled(linspace_ring())
        samplers["mistaken: sigma as a covariance"] = mixtures.sampled(covariance_ring())

    def draw(sampler: Any, seed: int) -> "np.ndarray":
        return np.asarray(sampler.take(sampler.arrays, jax.random.key(seed), jnp.arange(2500))["x"])

    return {
        name: [toy.scored(draw(sampler, 1 + seed), source) for seed in range(draws)]
        for name, sampler in samplers.items()
    }


def spread(values: Sequence[float], column: Column) -> str:
    """Mean and 95 % interval of the mean, by Student's t; of few the range.

    >>> spread([1.0, 2.0, 3.0], Column("", times=10))
    '20.0 (10.0 to 30.0)'
    >>> spread([1.0, 2.0, 3.0, 4.0, 5.0], Column(""))
    '3.0 ± 2.0'
    """
    from scipy.stats import t

    values = [column.times * value for value in values]
    if not values:
        return ""
    low, middle, high = (column.form.format(x) for x in (min(values), mean(values), max(values)))
    if len(values) < FEW:
        return middle if low == high else f"{middle} ({low} to {high})"
    half = t.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return f"{middle} ± {column.form.format(half)}"


def table(data: str, runs: Mapping[str, Sequence[Numbers]], oracle: Mapping[str, Sequence[Numbers]]) -> str:
    """One table: the runs of each recipe on these data, then what they are to be held against."""
    from jaxgan.data import load
    from jaxgan.metrics import mixture

    modes, n, goal = load(data).classes, SAMPLES[data], GOALS.get(data)
    measured = {*next(iter(oracle.values()))[0]}
    known = measured | ({"even_kl"} if "high_quality" in measured else set())
    shown = {name: COLUMNS[name] for name in COLUMNS if name in known}
    heads = ["", "seeds", *(["goal met", "worst seed"] if goal else [])]
    heads += [column.head.format(modes=modes) for column in shown.values()]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]

    def row(what: str, found: Sequence[Numbers]) -> None:
        good = [numbers for numbers in found if "failed" not in numbers]
        count = (
            f"{len(found)}, {len(found) - len(good)} failed" if len(good) < len(found) else f"{len(found)}"
        )
        told = [f"{sum(reached(goal, own) for own in good)} of {len(found)}", worst(good)] if goal else []
        values = [spread(list(of_runs(name, good, modes, n)), shown[name]) for name in shown]
        lines.append(f"| {' | '.join([what, count, *told, *values])} |")

    for recipe, found in runs.items():
        if found:
            row(recipe, found)
    for what, draws in oracle.items():
        row(f"*{what}*", draws)
    near = round(n * mixture.WITHIN) if "high_quality" in measured else n
    floor = {
        name: COLUMNS[name].form.format(COLUMNS[name].times * x)
        for name, x in mixture.perfect(modes, near).items()
    }
    apart = [""] * (3 if goal else 1)
    for what, cells in {"*what it scores on average*": floor, **published(data)}.items():
        lines.append(f"| {' | '.join([what, *apart, *(cells.get(name, '') for name in shown)])} |")
    return "\n".join(lines)


def machines(runs: Mapping[str, Sequence[Numbers]]) -> str:
    """A line on what the runs were played on, and how many of them.

    >>> machines({"r1": [{"on": "Apple M4"}, {"on": "NVIDIA H100"}], "hinge": [{"on": "Apple M4"}]})
    'Played on: Apple M4 (2 runs), NVIDIA H100 (1 run).'
    """
    counts = Counter(own["on"] for found in runs.values() for own in found)
    told = ", ".join(f"{what} ({n} {'run' if n == 1 else 'runs'})" for what, n in counts.items())
    return f"Played on: {told}."


def published(data: str) -> dict[str, Mapping[str, str]]:
    """The rows that others have published."""
    return {f"published: {what}": cells for what, cells in PUBLISHED[data].items()}


def of_runs(name: str, runs: Sequence[Numbers], modes: int, n: int) -> Iterator[float]:
    """One column of the runs that have it: no width where no mode has two samples to tell it by."""
    from jaxgan.metrics import mixture

    for own in runs:
        if name == "even_kl":
            if near := round(n * own["high_quality"]):
                yield mixture.perfect(modes, near)["reverse_kl"]
        elif not name.startswith("width") or own[name] > 0:
            yield own[name]


def reached(goal: Goal, own: Numbers) -> bool:
    """Whether a run has reached the goal.

    >>> reached(GOALS["ring"], {"modes": 8.0, "high_quality": 0.96, "reverse_kl": 0.011})
    False
    """
    quality = own.get("high_quality", 1.0)
    return (
        own["modes"] >= goal.modes and quality >= goal.high_quality and own["reverse_kl"] <= goal.reverse_kl
    )


def worst(runs: Sequence[Numbers]) -> str:
    """The worst of the runs in each number of the goal.

    >>> worst([{"modes": 8.0, "reverse_kl": 0.011}, {"modes": 7.0, "reverse_kl": 0.009}])
    '7.0, 0.0110'
    """
    ends = {"modes": min, "high_quality": min, "reverse_kl": max}
    found = {name: [own[name] for own in runs if name in own] for name in ends}
    cells = [
        COLUMNS[name].form.format(COLUMNS[name].times * ends[name](values))
        for name, values in found.items()
        if values
    ]
    return ", ".join(cells)
