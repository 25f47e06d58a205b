"""Do the twins train as we do? Losses of both over several seeds, on W1 (drawn digits) and W4.

Each run gives two numbers, the mean losses of D and G over its last third. Over the seeds, ours and theirs
must agree within 3 standard errors of their difference. The seeds are fixed, so on one machine and with one
version of the libraries they do or they do not, every time.
"""

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.table import spread
from benchmarks.works import EXAMPLES, Work, work

SEEDS, UPDATES = 5, {"W1": 150, "W4": 500}


def ours(played: Work, seed: int, updates: int, images: np.ndarray | None) -> tuple[float, float]:
    """Mean losses (D, G) of jaxgan over the last third of so many updates."""
    import jax

    from benchmarks.ours import started

    state, update, given = started(played, seed=seed, images=images)
    found = []
    for _ in range(updates):
        state, metrics = update(state, given)
        found.append((metrics["d/adv"], metrics["g/adv"]))
    return _last_third(jax.device_get(found))


def theirs(played: Work, seed: int, updates: int, images: np.ndarray | None) -> tuple[float, float]:
    """The same of the tuned twin."""
    import torch

    from benchmarks.twins import trainer

    torch.manual_seed(seed)
    _, update = trainer(played, "tuned", images=images)
    return _last_third([tuple(float(loss) for loss in update()) for _ in range(updates)])


def apart_by(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The difference of two means in its standard errors (Welch, 1947).

    >>> apart_by([1.0, 3.0], [4.0, 6.0])
    2.1213203435596424
    """
    error = (statistics.variance(ours) / len(ours) + statistics.variance(theirs) / len(theirs)) ** 0.5
    return abs(statistics.mean(ours) - statistics.mean(theirs)) / error


def compared(name: str, seeds: int = SEEDS, updates: int = 0) -> list[dict[str, Any]]:
    """For D and G: the losses of ours and of theirs, and how far apart they are."""
    played, updates = work(name), updates or UPDATES[name]
    images = digits() if name == "W1" else None
    sides = [[side(played, seed, updates, images) for seed in range(seeds)] for side in (ours, theirs)]
    return [
        {
            "work": name,
            "player": player,
            "updates": updates,
            "ours": [run[i] for run in sides[0]],
            "theirs": [run[i] for run in sides[1]],
            "apart": apart_by([run[i] for run in sides[0]], [run[i] for run in sides[1]]),
        }
        for i, player in enumerate("DG")
    ]


def digits() -> np.ndarray:
    """Drawn digits as bytes [EXAMPLES, 28, 28, 1]."""
    from jaxgan.data import load
    from jaxgan.data.source import examples

    return np.round((examples(load("glyphs"), EXAMPLES) + 1) * 127.5).astype(np.uint8)


def measured() -> dict[str, Any]:
    """The part of the report."""
    found = [row for name in UPDATES for row in compared(name)]
    body = [
        [
            f"{row['work']}, loss of {row['player']}",
            spread(row["ours"], 3),
            spread(row["theirs"], 3),
            f"{row['apart']:.1f}",
        ]
        for row in found
    ]
    words = (
        f"Means over the last third of {UPDATES['W1']} updates of W1 on drawn digits and {UPDATES['W4']} of "
        f"W4, {SEEDS} seeds. Apart by: the difference in its standard errors; 3 or less passes for the same."
    )
    return {"head": ["", "jaxgan", "PyTorch", "apart by"], "body": body, "words": words, "found": found}


def _last_third(losses: Sequence[Sequence[float]]) -> tuple[float, float]:
    d, g = np.asarray(losses, np.float64)[-(len(losses) // 3) :].mean(axis=0)
    return float(d), float(g)
