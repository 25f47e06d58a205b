"""A plot of every seed of the toy benchmark's light protocol as a dot.

    python experiments/toy_picture.py

draws `experiments/results/toy_benchmark.json` into `experiments/pictures/toy_benchmark.png`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toy_benchmark import LOSSES, Cell
from toy_table import COLUMNS, GOALS, Numbers

HERE = Path(__file__).parent
PANELS = [(data, name) for data in ("ring", "grid") for name in ("high_quality", "reverse_kl")]


def dots(cells: Mapping[str, Numbers], data: str, recipe: str, name: str) -> list[float]:
    """Returns one number of every seed that has it.

    >>> dots({"light/ring/r1/0": {"modes": 7.0}, "light/ring/r1/4": {"failed": "NaN"}}, "ring", "r1", "modes")
    [7.0]
    """
    seeds = (cells.get(Cell("light", data, recipe, seed).name, {}) for seed in range(10))
    return [numbers[name] for numbers in seeds if name in numbers]


def draw(
    cells: Mapping[str, Numbers], oracle: Mapping[str, Mapping[str, Sequence[Numbers]]], path: Path
) -> None:
    """Draws a panel per number and data set, with a row per recipe and the goal as a vertical line."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(PANELS), figsize=(11, 3.2), sharey=True, layout="constrained")
    rows = [*LOSSES, "true sampler"]
    for axes, (data, name) in zip(panels, PANELS, strict=True):
        column, goal = COLUMNS[name], getattr(GOALS[data], name)
        for row, recipe in enumerate(rows):
            true = [numbers[name] for numbers in next(iter(oracle[data].values()))]
            values = true if row == len(LOSSES) else dots(cells, data, recipe, name)
            colour = "#d55e00" if row == len(LOSSES) else "#0072b2"
            scaled = [column.times * value for value in values]
            axes.plot(scaled, [row] * len(scaled), "o", color=colour, alpha=0.45, ms=5, mew=0)
        axes.axvline(column.times * goal, color="#59636e", ls=":", lw=1)
        axes.set_title(f"{data}: {column.head}", fontsize=10, loc="left")
        axes.set_yticks(range(len(rows)), rows)
        if name == "reverse_kl":
            axes.set_xscale("log")
        else:
            axes.set_xticks([0, 50, 100])
        axes.grid(axis="y", lw=0.5, color="#c9ced6")
        axes.set_axisbelow(True)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0, labelsize=9)
    panels[0].invert_yaxis()
    figure.savefig(path, dpi=100)


def main() -> None:
    results: dict[str, Any] = json.loads((HERE / "results" / "toy_benchmark.json").read_text())
    draw(results["cells"], results["oracle"], HERE / "pictures" / "toy_benchmark.png")


if __name__ == "__main__":
    main()
