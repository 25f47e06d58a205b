"""A plot of every seed of the toy benchmark's light protocol as a dot.

    python experiments/toy_picture.py

draws `results/toy_benchmark.json`, of runs of `toy.py`, into `pictures/toy_benchmark.png`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LOSSES = ("non_saturating", "least_squares", "hinge", "r1", "relativistic", "pack2", "pack4", "wgan_gp")
PANELS = [(data, name) for data in ("ring", "grid") for name in ("high_quality", "reverse_kl")]
HEADS = {"high_quality": "high quality, %", "reverse_kl": "reverse KL"}
FACTORS, GOALS = {"high_quality": 100, "reverse_kl": 1}, {"high_quality": 0.95, "reverse_kl": 0.01}

Numbers = Mapping[str, Any]  # what one run measured, or why it failed, under "failed"


def dots(cells: Mapping[str, Numbers], data: str, recipe: str, name: str) -> list[float]:
    """Returns one number of every seed that has it.

    >>> dots({"light/ring/r1/0": {"modes": 7.0}, "light/ring/r1/4": {"failed": "NaN"}}, "ring", "r1", "modes")
    [7.0]
    """
    seeds = (cells.get(f"light/{data}/{recipe}/{seed}", {}) for seed in range(10))
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
        factor = FACTORS[name]
        for row, recipe in enumerate(rows):
            true = [numbers[name] for numbers in next(iter(oracle[data].values()))]
            values = true if row == len(LOSSES) else dots(cells, data, recipe, name)
            colour = "#d55e00" if row == len(LOSSES) else "#0072b2"
            scaled = [factor * value for value in values]
            axes.plot(scaled, [row] * len(scaled), "o", color=colour, alpha=0.45, ms=5, mew=0)
        axes.axvline(factor * GOALS[name], color="#59636e", ls=":", lw=1)
        axes.set_title(f"{data}: {HEADS[name]}", fontsize=10, loc="left")
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
