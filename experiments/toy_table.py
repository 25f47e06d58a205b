"""The table of the toy benchmark: results, scores of the true sampler, and published numbers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jaxgan.data import mixtures

Numbers = Mapping[str, Any]  # what one run measured, or why it failed, under "failed"


class Goal(NamedTuple):
    """What every seed of a recipe should reach."""

    modes: int
    high_quality: float
    reverse_kl: float


GOALS = {"ring": Goal(8, 0.95, 0.01), "grid": Goal(25, 0.95, 0.01), "stacked:digits": Goal(1000, 0.0, 0.04)}
FEW = 5  # seeds: with fewer, the table shows the range instead of an interval


class Column(NamedTuple):
    """A column: its heading, number format, and the factor of its unit."""

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
Numbers are from the last step, on 2,500 samples or, for stacked digits, 26,000: mean and 95 % interval of the
mean over training seeds (Student's t), or the range for fewer than five seeds. A sample is of high quality
within 3 sigma of a mode, or in more dimensions within the radius of equal probability; a mode is found if it
has one such sample. The other numbers are over samples of high quality: KL(q || uniform) of the modes'
weights q, and, since few samples raise it, the average for as many samples from a uniform q; the total
variation of q from uniform; and the spread around the mode's own mean relative to the true one, for the
median mode and the narrowest, in runs with two samples in a mode. W1 is the mean distance of 1,000 samples to
as many true ones, paired exactly. In 1200 dimensions there are numbers over all samples too: the distance of
the median sample to its nearest mode, relative to that of true samples; how many modes are the nearest of
some sample, and the reverse KL of these weights; and the share within 10 sigma, as published, which is 0 for
modes whose sigma is that of one coordinate. Runs that failed, by a loss that is not finite, are counted, but
are not part of the means.

The goal is all modes, 95 % of high quality and a reverse KL of 0.01 at most, for stacked digits all modes and
0.04: the table has the number of seeds that reached it, and the worst seed in each of the three.

Below a table, recipes with five seeds or more are compared by paired t-tests over seeds, at p < 0.05 after
Holm's correction for the number of pairs. Others may still differ, by less than ten seeds can show.

Published numbers are of other implementations and, except for PacGAN, of other networks."""


def linspace_ring() -> "mixtures.Mixture":
    """The ring of much public code: `linspace(0, 2 pi, 8)` has the first centre twice, so only seven modes.

    >>> len({tuple(centre) for centre in linspace_ring().centres.round(6) + 0.0})
    7
    """
    import numpy as np

    from jaxgan.data import mixtures

    angle = np.linspace(0, 2 * np.pi, 8)
    return mixtures.ring_mixture()._replace(centres=np.stack([np.cos(angle), np.sin(angle)], axis=1))


def covariance_ring() -> "mixtures.Mixture":
    """The ring with sigma passed as a covariance: its standard deviation is ten times too large.

    >>> covariance_ring().sigma
    0.1
    """
    from jaxgan.data import mixtures

    return mixtures.ring_mixture(sigma=mixtures.ring_mixture().sigma ** 0.5)


def oracles(data: str, draws: int = 10) -> dict[str, list[dict[str, float]]]:
    """Returns scores of the true sampler, and for the ring of samplers with either of two usual mistakes."""
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
        return {"oracle: the training pictures": [stacked.mode_scores(x, data) for x in images]}
    samplers = {"oracle: the true sampler": source}
    if data == "ring":
        samplers["mistaken: centres at `linspace(0, 2 pi, 8)`"] = mixtures.sampled(linspace_ring())
        samplers["mistaken: sigma as a covariance"] = mixtures.sampled(covariance_ring())

    def draw(sampler: Any, seed: int) -> "np.ndarray":
        return np.asarray(sampler.take(sampler.arrays, jax.random.key(seed), jnp.arange(2500))["x"])

    return {
        name: [toy.score(draw(sampler, 1 + seed), source) for seed in range(draws)]
        for name, sampler in samplers.items()
    }


def spread(values: Sequence[float], column: Column) -> str:
    """Formats mean and 95 % interval of the mean, by Student's t; for fewer than FEW values, their range.

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
    """Returns one table: the runs of each recipe on these data, then the numbers to compare them with."""
    from jaxgan.data import load
    from jaxgan.metrics import mixture

    modes, n, goal = load(data).classes, SAMPLES[data], GOALS.get(data)
    measured = {*next(iter(oracle.values()))[0]}
    names = measured | ({"even_kl"} if "high_quality" in measured else set())
    columns = {name: column for name, column in COLUMNS.items() if name in names}
    heads = ["", "seeds", *(["goal met", "worst seed"] if goal else [])]
    heads += [column.head.format(modes=modes) for column in columns.values()]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]

    def row(title: str, seeds: Sequence[Numbers]) -> None:
        finite = [numbers for numbers in seeds if "failed" not in numbers]
        failed = len(seeds) - len(finite)
        count = f"{len(seeds)}, {failed} failed" if failed else f"{len(seeds)}"
        goals = [f"{sum(reached(goal, x) for x in finite)} of {len(seeds)}", worst(finite)] if goal else []
        cells = [spread(list(column_of(name, finite, modes, n)), columns[name]) for name in columns]
        lines.append(f"| {' | '.join([title, count, *goals, *cells])} |")

    for recipe, seeds in runs.items():
        if seeds:
            row(recipe, seeds)
    for sampler, draws in oracle.items():
        row(f"*{sampler}*", draws)
    high_quality = round(n * mixture.WITHIN) if "high_quality" in measured else n
    expected = {
        name: COLUMNS[name].form.format(COLUMNS[name].times * x)
        for name, x in mixture.perfect(modes, high_quality).items()
    }
    empty = [""] * (3 if goal else 1)
    for title, cells in {"*what it scores on average*": expected, **published(data)}.items():
        lines.append(f"| {' | '.join([title, *empty, *(cells.get(name, '') for name in columns)])} |")
    return "\n".join(lines)


def machines(runs: Mapping[str, Sequence[Numbers]]) -> str:
    """Returns a line with the machines that the runs were made on, and the number of runs on each.

    >>> machines({"r1": [{"on": "Apple M4"}, {"on": "NVIDIA H100"}], "hinge": [{"on": "Apple M4"}]})
    'Played on: Apple M4 (2 runs), NVIDIA H100 (1 run).'
    """
    counts = Counter(numbers["on"] for seeds in runs.values() for numbers in seeds)
    words = ", ".join(f"{machine} ({n} {'run' if n == 1 else 'runs'})" for machine, n in counts.items())
    return f"Played on: {words}."


def published(data: str) -> dict[str, Mapping[str, str]]:
    """Returns the rows of published numbers."""
    return {f"published: {title}": cells for title, cells in PUBLISHED[data].items()}


def column_of(name: str, runs: Sequence[Numbers], modes: int, n: int) -> Iterator[float]:
    """Yields one column of the runs that have it; a run without two samples in a mode has no width."""
    from jaxgan.metrics import mixture

    for numbers in runs:
        if name == "even_kl":
            if high_quality := round(n * numbers["high_quality"]):
                yield mixture.perfect(modes, high_quality)["reverse_kl"]
        elif not name.startswith("width") or numbers[name] > 0:
            yield numbers[name]


def reached(goal: Goal, numbers: Numbers) -> bool:
    """Whether a run has reached the goal.

    >>> reached(GOALS["ring"], {"modes": 8.0, "high_quality": 0.96, "reverse_kl": 0.011})
    False
    """
    return (
        numbers["modes"] >= goal.modes
        and numbers.get("high_quality", 1.0) >= goal.high_quality
        and numbers["reverse_kl"] <= goal.reverse_kl
    )


def worst(runs: Sequence[Numbers]) -> str:
    """Returns the worst of the runs in each number of the goal.

    >>> worst([{"modes": 8.0, "reverse_kl": 0.011}, {"modes": 7.0, "reverse_kl": 0.009}])
    '7.0, 0.0110'
    """
    ends = {"modes": min, "high_quality": min, "reverse_kl": max}
    columns = {name: [numbers[name] for numbers in runs if name in numbers] for name in ends}
    cells = [
        COLUMNS[name].form.format(COLUMNS[name].times * ends[name](values))
        for name, values in columns.items()
        if values
    ]
    return ", ".join(cells)
