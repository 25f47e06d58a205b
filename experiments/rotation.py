"""Does a GAN converge, and does its vector field still rotate there? The `digits` GAN during training.

    python experiments/rotation.py

    54 min on 2 cores of an Intel Xeon, most of both taken by other work; jax 0.10.2, 2026-11-25. Three seeds:
    with the penalty the eigenvalues of largest modulus are real at all times, from -13.1 +- 1.2 at step 100
    to -3.04 +- 0.21 at step 4000, and the fastest rotating pair slows down, from +-0.70i +- 0.03 at step 1000
    to +-0.54i +- 0.09. At step 100 it is +-1.14i for one seed; for the other two the search is refused, not
    converged after 600 products. What G could still gain alone falls from 0.45 to 0.23. Without the penalty,
    complex pairs dominate at step 100 and real ones later, the fastest pair speeds up, +-3.7i, 4.5i and 6.3i,
    half of the Jacobian is antisymmetric, and G's gap grows from 1.2 to 2.6. At step 4000 the path angle
    crosses 0 at the end point, or without the penalty at most 0.05 of the path before it: along the path both
    are attracting. Neither is a local Nash equilibrium: both players' own Hessians have negative eigenvalues,
    and some of J's have positive real parts (0.30; without the penalty, 4.2).

The GAN of `digits.py` is trained with its penalty, R1 and R2 at weight 1, and without. At some of the steps
all instruments are evaluated on a few batches, for all parameters of both players, about 200,000, and
training-mode losses: the antisymmetric share of the Jacobian, its eigenvalues of largest modulus, imaginary
part and real part (Arnoldi), the extreme eigenvalues of both players' own Hessians, what either could still
gain alone, and the path angle from the initialisation (Berard et al., 2020). `energy` is that of `digits.py`,
the quality of samples.

Writes `results/rotation.md` and `.json`, saved after each seed, and `pictures/rotation.png`; evaluations that
are already in the JSON file are not repeated.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import jaxgan as jg
from jaxgan.folder import files

if TYPE_CHECKING:  # --help does not wait for JAX
    from collections.abc import Iterator

HOME = Path(__file__).parent
COLUMNS = {
    "energy": "energy",
    "rotation": "turns",
    "spectrum/modulus": "modulus",
    "spectrum/imaginary": "imaginary",
    "spectrum/real": "real",
    "g/bottom": "G bottom",
    "g/top": "G top",
    "d/bottom": "D bottom",
    "d/top": "D top",
    "g/gap": "G's gap",
    "d/gap": "D's gap",
}


@dataclass(frozen=True)
class Config:
    steps: tuple[int, ...] = (100, 1000, 4000)
    """At which the instruments are evaluated, rising, from 1 on."""
    gammas: tuple[float, ...] = (1.0, 0.0)
    """Weights of R1 and R2."""
    seeds: int = 3
    batch_size: int = 64
    """Of the training."""
    look: int = 256
    """Batch size of the instruments."""
    width: int = 256
    """Units of each hidden layer."""
    eigenvalues: int = 8
    """How many of largest modulus."""
    products: int = 600
    """That each search for eigenvalues may take."""
    out: Path = HOME


def readings(config: Config, gamma: float, seeds: list[int]) -> Iterator[list[dict[str, Any]]]:
    """Yields, for each seed, a row of numbers per step."""
    import digits
    import jax
    import jax.numpy as jnp

    from jaxgan.instruments import diagnosis, path

    trained = replace(digits.Config(), batch_size=config.batch_size, gamma=gamma, width=config.width)
    source = jg.load(trained.data, trained.size)
    rule = digits.build(trained, source).rule
    game = rule.game
    held_out = jg.data.examples(jg.load(trained.data, trained.size, split="test"), 1500)
    draw = jg.sampler(game, source)

    def batches(state: jg.State, *layout: int) -> Any:
        return jg.data.batch(source, layout, source.arrays, state.key, state.step)

    @jax.jit
    def train(state: jg.State, until: int) -> jg.State:
        return jax.lax.fori_loop(
            state.step, until, lambda _, s: rule.update(s, batches(s, 1, 1, config.batch_size))[0], state
        )

    def evaluate(start: jg.State, state: jg.State) -> dict[str, Any]:
        examples = batches(state, 8, config.look)
        diagnosed = diagnosis.run_instruments(
            game, state, examples, k=config.eigenvalues, products=config.products
        )
        angle = path.path_angle(game, start, state, jax.tree.map(lambda x: x[0], examples))
        return {
            "energy": jg.metrics.energy.energy_distance(np.asarray(draw(state.generator, 1500, 0)), held_out),
            **diagnosed.numbers,
            "refused": diagnosed.refused,
            "eigenvalues": [[float(x.real), float(x.imag)] for x in diagnosed.spectrum],
            "path": {name: x.tolist() for name, x in angle._asdict().items()},
        }

    for seed in seeds:
        key = jax.random.key(seed)
        start = rule.init(
            key, jg.data.batch(source, (1, 1, config.batch_size), source.arrays, key, jnp.int32(0))
        )
        state, rows = start, []
        for step in config.steps:
            state = train(state, step)
            rows.append({"gamma": gamma, "seed": seed, "step": step, **evaluate(start, state)})
        yield rows


def spread(values: list[float], of: int) -> str:
    """Formats mean and standard deviation over seeds, and the number of seeds if not all have the number.

    >>> spread([1.0, 3.0], of=2), spread([1.0], of=3)
    ('2 ± 1.4', '1 (1 of 3)')
    """
    if not values:
        return ""
    deviation = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):.3g}{deviation}" + (f" ({len(values)} of {of})" if len(values) < of else "")


def table(rows: list[dict[str, Any]], config: Config) -> str:
    lines = [
        f"`experiments/rotation.py`, {', '.join(f'{k} {v}' for k, v in settings(config).items())}; mean and "
        "standard deviation over seeds.",
        "",
        f"| gamma | step | {' | '.join(COLUMNS.values())} |",
        "|" + "---|" * (2 + len(COLUMNS)),
    ]
    for gamma in config.gammas:
        for step in config.steps:
            here = [row for row in rows if (row["gamma"], row["step"]) == (gamma, step)]
            cells = [[row[name] for row in here if name in row] for name in COLUMNS]
            words = [spread(cell, len(here)) for cell in cells]
            lines.append(f"| {gamma:g} | {step} | {' | '.join(words)} |")
    refused = sorted({line for row in rows for line in row["refused"]})
    return "\n".join([*lines, *(["", *refused] if refused else [])]) + "\n"


def plot(rows: list[dict[str, Any]], config: Config, path: Path) -> None:
    """Plots the eigenvalues for each weight, and below them the path angle, with a colour per seed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    high, wide = 2 * len(config.gammas), len(config.steps)
    figure, axes = plt.subplots(
        high, wide, figsize=(2.4 * wide, 1.9 * high), layout="constrained", squeeze=False
    )
    for row in rows:
        i, j = 2 * config.gammas.index(row["gamma"]), config.steps.index(row["step"])
        colour = f"C{row['seed']}"
        points = np.asarray(row["eigenvalues"]).reshape(-1, 2)
        axes[i, j].plot(*points.T, "o", color=colour, markersize=2.5, alpha=0.7)
        axes[i + 1, j].plot(row["path"]["place"], row["path"]["cosine"], color=colour, lw=1)
    for i, gamma in enumerate(config.gammas):
        for j, step in enumerate(config.steps):
            above, below = axes[2 * i, j], axes[2 * i + 1, j]
            above.set_title(f"gamma {gamma:g}, step {step}", fontsize=8)
            above.axvline(0, color="black", lw=0.6)
            above.margins(0.15)
            below.axhline(0, color="black", lw=0.6)
            below.axvline(1, color="black", lw=0.6, ls=":")
        axes[2 * i, 0].set_ylabel("eigenvalues of J", fontsize=8)
        axes[2 * i + 1, 0].set_ylabel("cosine of path angle", fontsize=8)
    for panel in axes.flat:
        panel.tick_params(labelsize=7)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def settings(config: Config) -> dict[str, Any]:
    """Returns the options that all rows of a table must share."""
    return {name: value for name, value in asdict(config).items() if name != "out"}


def main(config: Config) -> None:
    if list(config.steps) != sorted({*config.steps}) or min(config.steps, default=0) < 1:
        raise jg.Refused(
            f"--steps {' '.join(map(str, config.steps))} must rise from 1 on: a run is evaluated as it trains"
        )
    results, pictures = config.out / "results", config.out / "pictures"
    results.mkdir(parents=True, exist_ok=True)
    pictures.mkdir(exist_ok=True)
    path, options = results / "rotation.json", json.loads(json.dumps(settings(config)))
    saved = json.loads(path.read_text()) if path.exists() else {"options": options, "rows": []}
    if saved["options"] != options:
        raise jg.Refused(f"{path} has results of other options: name another folder with --out")
    rows = saved["rows"]

    def write_results() -> None:
        files.write(results / "rotation.md", table(rows, config))
        plot(rows, config, pictures / "rotation.png")

    for gamma in config.gammas:
        done = {row["seed"] for row in rows if row["gamma"] == gamma}
        for new in readings(config, gamma, [seed for seed in range(config.seeds) if seed not in done]):
            rows += new
            files.write(path, json.dumps(saved) + "\n")
            write_results()
    write_results()
    print(table(rows, config))


if __name__ == "__main__":
    import sys

    import tyro

    try:
        main(tyro.cli(Config, description=__doc__, use_underscores=False))
    except jg.Refused as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
