"""Do the PyTorch twins train as jaxgan does? Losses of both over several seeds, on W1 (drawn digits) and W4.

Each run gives two numbers, the mean losses of D and G over its last third. Over the seeds, ours and theirs
must agree within 3 standard errors of their difference. The seeds are fixed, so the result is reproducible on
one machine with one version of the libraries.
"""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.table import spread
from benchmarks.works import EXAMPLES, Work, work

SEEDS, UPDATES = 5, {"W1": 150, "W4": 500}


def ours(work: Work, seed: int, updates: int, images: np.ndarray | None) -> tuple[float, float]:
    """Returns the mean losses (D, G) of jaxgan over the last third of so many updates."""
    import jax

    from benchmarks.ours import start

    state, update, arrays = start(work, seed=seed, images=images)
    losses = []
    for _ in range(updates):
        state, metrics = update(state, arrays)
        losses.append((metrics["d/adv"], metrics["g/adv"]))
    return _last_third(jax.device_get(losses))


def theirs(work: Work, seed: int, updates: int, images: np.ndarray | None) -> tuple[float, float]:
    """Returns the same for the tuned twin."""
    import torch

    from benchmarks.twins import trainer

    torch.manual_seed(seed)
    _, update = trainer(work, "tuned", images=images)
    return _last_third([tuple(float(loss) for loss in update()) for _ in range(updates)])


def standard_errors(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Returns the difference of two means in its standard errors (Welch, 1947).

    >>> standard_errors([1.0, 3.0], [4.0, 6.0])
    2.1213203435596424
    """
    error = (statistics.variance(ours) / len(ours) + statistics.variance(theirs) / len(theirs)) ** 0.5
    return abs(statistics.mean(ours) - statistics.mean(theirs)) / error


def compare(name: str, seeds: int = SEEDS, updates: int = 0) -> list[dict[str, Any]]:
    """Returns for D and G the losses of ours and theirs, and their difference in standard errors."""
    updates = updates or UPDATES[name]
    images = digits() if name == "W1" else None
    sides = [[side(work(name), seed, updates, images) for seed in range(seeds)] for side in (ours, theirs)]
    return [
        {
            "work": name,
            "player": player,
            "updates": updates,
            "ours": [run[i] for run in sides[0]],
            "theirs": [run[i] for run in sides[1]],
            "apart": standard_errors([run[i] for run in sides[0]], [run[i] for run in sides[1]]),
        }
        for i, player in enumerate("DG")
    ]


def digits() -> np.ndarray:
    """Returns drawn digits as bytes [EXAMPLES, 28, 28, 1]."""
    from jaxgan.data import load
    from jaxgan.data.source import examples

    return np.round((examples(load("glyphs"), EXAMPLES) + 1) * 127.5).astype(np.uint8)


def measure() -> dict[str, Any]:
    """Returns this part of the report."""
    rows = [row for name in UPDATES for row in compare(name)]
    body = [
        [
            f"{row['work']}, loss of {row['player']}",
            spread(row["ours"], 3),
            spread(row["theirs"], 3),
            f"{row['apart']:.1f}",
        ]
        for row in rows
    ]
    words = (
        f"Means over the last third of {UPDATES['W1']} updates of W1 on drawn digits and {UPDATES['W4']} of "
        f"W4, {SEEDS} seeds. Apart by: the difference in its standard errors; 3 or less counts as equal."
    )
    return {"head": ["", "jaxgan", "PyTorch", "apart by"], "body": body, "words": words, "found": rows}


def _last_third(losses: Sequence[Sequence[float]]) -> tuple[float, float]:
    d, g = np.asarray(losses, np.float64)[-(len(losses) // 3) :].mean(axis=0)
    return float(d), float(g)
