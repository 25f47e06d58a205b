"""Lists of cells, each the options in which one run of a sweep differs from the others.

A script's function that yields them is chosen by name, `--sweep losses`:

    def losses():
        yield from jg.sweep.product(loss=["hinge", "relativistic"], gamma=[0.1, 1.0])
        yield {"loss": "wasserstein", "d_steps": 5}
"""

import itertools
import math
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxgan.errors import Refused

Cell = Mapping[str, Any]
"""Option -> value. What it does not name is as on the command line."""
Cells = tuple[dict[str, Any], ...]


class Range(NamedTuple):
    """Values to draw from, evenly between two bounds, or evenly between their logarithms."""

    low: float
    high: float
    in_logarithms: bool = False

    def at(self, share: float) -> float:
        """Returns the value at this share of the way from low to high, with six digits.

        >>> uniform(0, 8).at(0.25), log(1e-4, 1e-2).at(0.5)
        (2.0, 0.001)
        """
        if self.in_logarithms:
            value = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        else:
            value = self.low + share * (self.high - self.low)
        return float(f"{value:.6g}")


def uniform(low: float, high: float) -> Range:
    """Returns an axis of numbers that are drawn uniformly from [low, high)."""
    if not low < high:
        raise Refused(f"uniform({low:g}, {high:g}) is empty: give the lower bound first")
    return Range(low, high)


def log(low: float, high: float) -> Range:
    """Returns an axis of numbers whose logarithm is drawn uniformly, as suits a learning rate."""
    if not 0 < low < high:
        raise Refused(f"log({low:g}, {high:g}): both bounds must be above 0, the lower one first")
    return Range(low, high, in_logarithms=True)


def product(*lists: Iterable[Cell], **axes: Iterable[Any]) -> Cells:
    """Returns every combination of cells of the lists and values of the axes.

    >>> product(loss=["hinge", "wasserstein"], seed=range(2))[1]
    {'loss': 'hinge', 'seed': 1}
    >>> len(product(zip_(lr=[1e-4, 1e-3], b1=[0.0, 0.5]), seed=range(5)))
    10
    """
    parts = [list(cells) for cells in lists] + [[{name: x} for x in axis] for name, axis in axes.items()]
    return tuple(_merged(chosen) for chosen in itertools.product(*parts))


def zip_(**axes: Iterable[Any]) -> Cells:
    """Returns the first values of all axes together, then the second ones, and so on.

    >>> zip_(lr=[1e-4, 1e-3], b1=[0.0, 0.5])
    ({'lr': 0.0001, 'b1': 0.0}, {'lr': 0.001, 'b1': 0.5})
    """
    values = {name: list(axis) for name, axis in axes.items()}
    if len({len(axis) for axis in values.values()}) > 1:
        lengths = ", ".join(f"{name} {len(axis)}" for name, axis in values.items())
        raise Refused(f"zip_ takes axes of one length, not of {lengths}")
    return tuple(dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True))


def chain(*lists: Iterable[Cell]) -> Cells:
    """Returns the cells of several lists, one after another; a cell that is in two of them comes once.

    >>> chain(product(lr=[1e-3, 1e-4]), product(lr=[1e-4], b1=[0.5]), [{"lr": 1e-3}])
    ({'lr': 0.001}, {'lr': 0.0001}, {'lr': 0.0001, 'b1': 0.5})
    """
    cells: list[dict[str, Any]] = []
    for cell in itertools.chain(*lists):
        if dict(cell) not in cells:
            cells.append(dict(cell))
    return tuple(cells)


def draws(n: int, seed: int = 0, **ranges: Range) -> Cells:
    """Returns cells whose options are drawn at random: for one seed, more draws begin with the same ones.

    >>> draws(2, lr=log(1e-5, 1e-2)) == draws(5, lr=log(1e-5, 1e-2))[:2]
    True
    """
    if n < 1:
        raise Refused(f"--draws must be at least 1, not {n}")
    return tuple(
        {
            name: axis.at(np.random.default_rng([seed, number, zlib.crc32(name.encode())]).random())
            for name, axis in ranges.items()
        }
        for number in range(n)
    )


def _merged(chosen: Iterable[Cell]) -> dict[str, Any]:
    cell: dict[str, Any] = {}
    for part in chosen:
        if twice := cell.keys() & part.keys():
            raise Refused(f"the sweep names {sorted(twice)[0]} twice")
        cell |= part
    return cell
