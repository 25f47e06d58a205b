"""Logged numbers as curves with few enough points to draw, grouped into panels."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.compare.record import Rows
from jaxgan.pictures.words import count

POINTS = 500
"""The most points of a line: a screen shows no more."""


class Curve(NamedTuple):
    """A number over the steps: its median, minimum and maximum over lanes; all [n]."""

    steps: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


def curve(members: Sequence[Rows], name: str) -> Curve | None:
    """Returns the curve of a number, None where no row has it; values that are not finite are gaps.

    >>> from jaxgan.folder.rows import Row
    >>> lanes = [[Row(1, "measured", {"x": x})] for x in (0.0, 2.0, np.nan)]
    >>> [float(line[0]) for line in curve(lanes, "x")]
    [1.0, 1.0, 0.0, 2.0]
    """
    values: dict[int, list[float]] = {}
    for rows in members:
        for row in rows:
            if name in row.numbers:
                x = row.numbers[name]
                values.setdefault(row.step, []).extend([x] if np.isfinite(x) else [])
    return curve_of(values, len(members)) if values else None


def curve_of(values: Mapping[int, Sequence[float]], members: int) -> Curve:
    """Returns the curve of values by step, of so many members; a step without values is a gap.

    >>> line = curve_of({0: [1.0, 2.0, 6.0], 100: [2.0]}, 3)
    >>> line.median.tolist(), line.high.tolist()
    ([2.0, 2.0], [6.0, 2.0])
    """
    steps = np.array(sorted(values))
    lines = [
        np.array([reduce(values[step] or [np.nan]) for step in steps.tolist()])
        for reduce in (np.median, np.min, np.max)
    ]
    distinct = lines[: 1 if members == 1 else 3]
    indices = np.unique(np.concatenate([thin(line) for line in distinct]))
    return Curve(steps[indices], *(line[indices] for line in lines))


def missing_lanes(members: Sequence[Rows], name: str) -> str:
    """Returns from which step on a curve is of fewer lanes, because the others no longer train.

    >>> from jaxgan.folder.rows import Row
    >>> lanes = [[Row(step, "measured", {"x": 0.0}) for step in steps] for steps in ([1, 2], [1])]
    >>> missing_lanes(lanes, "x")
    'after step 1 of 1 of 2 lanes'
    """
    ends = [
        max((row.step for row in rows if np.isfinite(row.numbers.get(name, np.nan))), default=0)
        for rows in members
    ]
    return ", ".join(
        f"after step {count(end)} of {sum(x > end for x in ends)} of {len(ends)} lanes"
        for end in sorted({*ends} - {max(ends)})
    )


def thin(y: np.ndarray, points: int = POINTS) -> np.ndarray:
    """Returns the indices of the points of a line to draw: of a long one the extremes of every piece.

    No spike is lost; the first and the last point are kept, and a gap stays one.

    >>> y = np.zeros(10_000)
    >>> y[1234] = 7.0
    >>> indices = thin(y)
    >>> len(indices) <= 500, float(y[indices].max()), indices[[0, -1]].tolist()
    (True, 7.0, [0, 9999])
    """
    if len(y) <= points:
        return np.arange(len(y))
    indices = [0, len(y) - 1]
    for piece in np.array_split(np.arange(len(y)), points // 4):
        finite = np.isfinite(y[piece])
        if finite.any():
            indices += [piece[finite][y[piece[finite]].argmin()], piece[finite][y[piece[finite]].argmax()]]
        if not finite.all():
            indices.append(piece[~finite][0])
    return np.unique(indices)


def names(members: Sequence[Rows]) -> list[str]:
    """Returns the names of all numbers in the rows, sorted."""
    return sorted({name for rows in members for row in rows for name in row.numbers})


def axis_limits(curves: Sequence[Curve]) -> tuple[float, float] | None:
    """Returns where to cut the y-axis if the first tenth of a run dwarfs the later part, else None.

    >>> steps = np.arange(100)
    >>> falls = np.where(steps < 5, 1000.0, 1.0 + steps / 100)
    >>> low, high = axis_limits([Curve(steps, falls, falls, falls)])
    >>> low < 1.05, high > 1.99, high < 3
    (True, True, True)
    """
    later = [c.steps >= c.steps[-1] / 10 for c in curves]  # each by its own length: a short one is shown too
    full_range = _range([np.concatenate([c.low, c.high]) for c in curves])
    later_range = _range(
        [np.concatenate([c.low[part], c.high[part]]) for c, part in zip(curves, later, strict=True)]
    )
    if full_range is None or later_range is None or max(int(part.sum()) for part in later) < 3:
        return None
    (low, high), size = later_range, later_range[1] - later_range[0]
    if size == 0 or full_range[1] - full_range[0] <= 4 * size:
        return None
    return low - size / 10, high + size / 10


def _range(lines: Sequence[np.ndarray]) -> tuple[float, float] | None:
    y = np.concatenate(lines)
    y = y[np.isfinite(y)]
    return (float(y.min()), float(y.max())) if len(y) else None


class Panel(NamedTuple):
    """Numbers that are drawn on one pair of axes."""

    title: str
    names: tuple[str, ...]

    @property
    def is_health(self) -> bool:
        """Whether it shows the health of the training rather than the quality of samples."""
        return self.title in _HEALTH or self.title.startswith("Spectral norms")


def panels(names: Sequence[str]) -> list[Panel]:
    """Groups numbers into panels: those that are known to belong together, and each other number alone.

    >>> [panel.title for panel in panels(["d/adv", "g/adv", "d/spectral/a", "d/spectral/b", "score"])]
    ['Losses', 'Spectral norms of D', 'score']
    """
    oracles = [name for name in names if name.endswith("_real")]
    guesses = [name for name in names if "_of_" in name and name.partition("_of_")[0] in names]
    remaining = [name for name in names if name not in ("images_per_s", "data_wait", *oracles, *guesses)]
    remaining += [name for name in oracles if name.removesuffix("_real") not in names]
    groups = {title: tuple(name for name in group if name in remaining) for title, group in _TOGETHER.items()}
    for player in "gd":
        norms = tuple(name for name in remaining if name.startswith(f"{player}/spectral/"))
        groups[f"Spectral norms of {player.upper()}"] = norms
    grouped = {name for group in groups.values() for name in group}
    return [Panel(title, group) for title, group in groups.items() if group] + [
        Panel(name, (name,)) for name in remaining if name not in grouped
    ]


_HEALTH = {"Accuracy of D", "Norms of the gradients", "Update / weight", "diversity", "g/average", "skipped"}
_TOGETHER: Mapping[str, tuple[str, ...]] = {
    "Losses": ("d/adv", "g/adv"),
    "Logits of D, on average": ("d/real", "d/fake"),
    "Accuracy of D": ("d/acc_real", "d/acc_fake"),
    "Norms of the gradients": ("d/grad", "g/grad"),
    "Update / weight": ("d/update", "g/update"),
    "Penalties": ("d/r1", "d/r2"),
}
