"""The axis of a metric in the charts of a sweep: logarithmic, or cut where a few cells lie far off."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.pictures.words import short


class Scale(NamedTuple):
    """The limits of an axis, and the values that lie beyond them."""

    low: float
    high: float
    logarithmic: bool
    beyond: tuple[float, ...]

    def clipped(self, x: Any) -> np.ndarray:
        """Returns values with those beyond the limits moved to the edge."""
        return np.clip(np.asarray(x, float), self.low, self.high)

    def apply(self, axes: Any, which: str) -> None:
        """Sets the x-axis or the y-axis."""
        if self.logarithmic:
            getattr(axes, f"set_{which}scale")("log")
        getattr(axes, f"set_{which}lim")(*self._padded)

    def share(self, x: float) -> float:
        """Returns how far between the limits a value is, from 0 to 1."""
        ends = np.array([self.low, float(self.clipped(x)), self.high])
        low, value, high = np.log(ends) if self.logarithmic else ends
        return float((value - low) / (high - low)) if high > low else 0.5

    @property
    def _padded(self) -> tuple[float, float]:
        if self.logarithmic:
            room = (self.high / self.low) ** 0.05
            return self.low / room, self.high * room
        room = (self.high - self.low) / 20
        return self.low - room, self.high + room

    @property
    def words(self) -> str:
        """What a note has to say of the axis, "" if nothing."""
        if not self.beyond:
            return ""
        farthest = max(self.beyond, key=lambda x: abs(x - (self.high if x > self.high else self.low)))
        return f"{len(self.beyond)} beyond the axis, drawn as triangles at its edge, up to {short(farthest)}"


def scale(values: Sequence[float], share: bool) -> Scale:
    """Returns the axis for values, of which only the finite count; a `share` is on a linear axis.

    It ends where a value is farther from the middle 90 % of the values than these are wide.

    >>> scale([1.0, 2.0, 3.0], False)[:3], scale([0.01, 1.0, 90.0], False).logarithmic
    ((1.0, 3.0, False), True)
    >>> scale([*range(100), 1e6], False).beyond
    (1000000.0,)
    """
    x = np.array([value for value in values if np.isfinite(value)], float)
    if not len(x):
        return Scale(0.0, 1.0, False, ())
    logarithmic = bool(not share and x.min() > 0 and x.max() > 100 * x.min())
    u = np.log10(x) if logarithmic else x
    low, high = np.quantile(u, [0.05, 0.95])
    width = float(high - low)
    inside = u[(u >= low - width) & (u <= high + width)] if width else u
    bounds = (float(inside.min()), float(inside.max()))
    if bounds[0] == bounds[1]:
        bounds = bounds[0] - 0.5, bounds[1] + 0.5
    logarithmic = logarithmic and bounds[1] - bounds[0] > 1
    if not logarithmic and u is not x:  # what made the range wide is beyond the axis
        inside = 10**inside
        bounds = float(inside.min()), float(inside.max())
    ends = (10 ** bounds[0], 10 ** bounds[1]) if logarithmic else bounds
    slack = 1e-9 * (abs(ends[0]) + abs(ends[1]))
    beyond = tuple(x[(x < ends[0] - slack) | (x > ends[1] + slack)].tolist())
    return Scale(*ends, logarithmic, beyond)
