"""Logged numbers as curves short enough to draw."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.compare.record import Rows
from jaxgan.pictures.words import count

POINTS = 500
"""As many as a line may have: a screen shows no more."""


class Curve(NamedTuple):
    """A number over the steps: its median over lanes, and the lowest and highest of them; all [n]."""

    steps: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray


def curve(members: Sequence[Rows], name: str) -> Curve | None:
    """The curve of a number over these lanes, None where no row has it; what is not finite is a gap.

    >>> from jaxgan.folder.rows import Row
    >>> lanes = [[Row(1, "measured", {"x": x})] for x in (0.0, 2.0, np.nan)]
    >>> [float(line[0]) for line in curve(lanes, "x")]
    [1.0, 1.0, 0.0, 2.0]
    """
    found: dict[int, list[float]] = {}
    for rows in members:
        for row in rows:
            if name in row.numbers:
                values = found.setdefault(row.step, [])
                x = row.numbers[name]
                values += [x] if np.isfinite(x) else []
    if not found:
        return None
    steps = np.array(sorted(found))
    gap = [np.nan]
    lines = [
        np.array([of(found[step] or gap) for step in steps.tolist()]) for of in (np.median, np.min, np.max)
    ]
    places = np.unique(np.concatenate([kept(line) for line in lines[: 1 if len(members) == 1 else 3]]))
    return Curve(steps[places], *(line[places] for line in lines))


def fewer(members: Sequence[Rows], name: str) -> str:
    """From where on a curve is of fewer lanes, those that stand still having no more numbers.

    >>> from jaxgan.folder.rows import Row
    >>> lanes = [[Row(step, "measured", {"x": 0.0}) for step in steps] for steps in ([1, 2], [1])]
    >>> fewer(lanes, "x")
    'after step 1 of 1 of 2 lanes'
    """
    there = [[row.step for row in rows if np.isfinite(row.numbers.get(name, np.nan))] for rows in members]
    ends = [max(steps, default=0) for steps in there]
    earlier = sorted({*ends} - {max(ends)})
    left = [f"{sum(x > end for x in ends)} of {len(ends)} lanes" for end in earlier]
    return ", ".join(f"after step {count(end)} of {lanes}" for end, lanes in zip(earlier, left, strict=True))


def kept(y: np.ndarray, points: int = POINTS) -> np.ndarray:
    """Which points of a line to draw: all of them or, of a longer one, the lowest and highest of every piece.

    So no spike is lost; the first and the last are among them, and a gap stays one.

    >>> y = np.zeros(10_000)
    >>> y[1234] = 7.0
    >>> places = kept(y)
    >>> len(places) <= 500, float(y[places].max()), places[[0, -1]].tolist()
    (True, 7.0, [0, 9999])
    """
    if len(y) <= points:
        return np.arange(len(y))
    found = [0, len(y) - 1]
    for piece in np.array_split(np.arange(len(y)), points // 4):
        there = np.isfinite(y[piece])
        if there.any():
            found += [piece[there][y[piece[there]].argmin()], piece[there][y[piece[there]].argmax()]]
        if not there.all():
            found.append(piece[~there][0])
    return np.unique(found)


def names(members: Sequence[Rows]) -> list[str]:
    """Every number that the rows hold, in the order of their names."""
    return sorted({name for rows in members for row in rows for name in row.numbers})


def cut(curves: Sequence[Curve]) -> tuple[float, float] | None:
    """Where to end an axis whose curves begin far off, None where all of them fits.

    The first tenth of a run may dwarf all that comes later: then the axis shows the later part.

    >>> steps = np.arange(100)
    >>> falls = np.where(steps < 5, 1000.0, 1.0 + steps / 100)
    >>> low, high = cut([Curve(steps, falls, falls, falls)])
    >>> low < 1.05, high > 1.99, high < 3
    (True, True, True)
    """
    shown = [c.steps >= c.steps[-1] / 10 for c in curves]  # of each its own: one that ended soon is seen too
    every = _ends([np.concatenate([c.low, c.high]) for c in curves])
    later = _ends(
        [np.concatenate([c.low[part], c.high[part]]) for c, part in zip(curves, shown, strict=True)]
    )
    if every is None or later is None or max(int(part.sum()) for part in shown) < 3:
        return None
    reach = later[1] - later[0]
    if reach == 0 or every[1] - every[0] <= 4 * reach:
        return None
    return later[0] - reach / 10, later[1] + reach / 10


def _ends(lines: Sequence[np.ndarray]) -> tuple[float, float] | None:
    y = np.concatenate(lines)
    y = y[np.isfinite(y)]
    return (float(y.min()), float(y.max())) if len(y) else None


class Panel(NamedTuple):
    """Numbers that belong on one pair of axes."""

    title: str
    names: tuple[str, ...]

    @property
    def of_health(self) -> bool:
        """Whether it tells how the run is rather than how good."""
        return self.title in _HEALTH or self.title.startswith("Spectral norms")


def panels(found: Sequence[str]) -> list[Panel]:
    """The pairs of axes for these numbers: what is known to belong together, and each other number alone.

    >>> [panel.title for panel in panels(["d/adv", "g/adv", "d/spectral/a", "d/spectral/b", "score"])]
    ['Losses', 'Spectral norms of D', 'score']
    """
    left = [
        name for name in found if name not in ("images_per_s", "data_wait") and not name.endswith("_real")
    ]
    left += [name for name in found if name.endswith("_real") and name.removesuffix("_real") not in found]
    made = []
    for title, wanted in _TOGETHER.items():
        own = tuple(name for name in wanted if name in left)
        made += [Panel(title, own)] if own else []
        left = [name for name in left if name not in own]
    for who in "gd":
        own = tuple(name for name in left if name.startswith(f"{who}/spectral/"))
        made += [Panel(f"Spectral norms of {who.upper()}", own)] if own else []
        left = [name for name in left if name not in own]
    return made + [Panel(name, (name,)) for name in left]


_HEALTH = {"Accuracy of D", "Norms of the gradients", "Update / weight", "diversity", "g/average", "skipped"}
_TOGETHER: Mapping[str, tuple[str, ...]] = {
    "Losses": ("d/adv", "g/adv"),
    "Logits of D, on average": ("d/real", "d/fake"),
    "Accuracy of D": ("d/acc_real", "d/acc_fake"),
    "Norms of the gradients": ("d/grad", "g/grad"),
    "Update / weight": ("d/update", "g/update"),
    "Penalties": ("d/r1", "d/r2"),
}
