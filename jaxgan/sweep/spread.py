"""How much of the spread over seeds is initialisation, order of data, and noise, where the seed was split."""

import itertools
from collections.abc import Sequence

import numpy as np

from jaxgan.compare.components import Share, shares
from jaxgan.folder.settings import SPLIT
from jaxgan.metrics.metric import Estimate
from jaxgan.sweep.table import Table, Value, name_of

PARTS = {"seed_init": "initialisation", "seed_data": "order of the data", "seed_noise": "noise"}


def spreads(table: Table) -> dict[str, dict[str, Share]]:
    """Returns the shares of each part of the seed, by setting, of those whose parts are crossed."""
    crossed = {setting: _crossed(cells) for setting, cells in table.values.items()}
    return {
        name_of(dict(setting)): dict(shares(values, tuple(PARTS[name] for name in names)))
        for setting, (names, values) in crossed.items()
        if names
    }


def text(by_setting: dict[str, dict[str, Share]]) -> str:
    """Returns the shares as lines for a terminal, "" if there are none."""
    if not by_setting:
        return ""
    lines = ["share of the variance over seeds: of each part alone, and with its interactions"]
    for setting, parts in by_setting.items():
        lines += [f"  {setting}"]
        lines += [
            f"    {part:18} alone {words(share.alone):18} with interactions {words(share.total)}"
            for part, share in parts.items()
        ]
    return "\n".join(lines)


def _crossed(cells: Sequence[Value]) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns which parts of the seed differ, and values by them; () unless each combination came once."""
    names = tuple(name for name in SPLIT if len({cell.options.get(name) for cell in cells}) > 1)
    axes = [sorted({cell.options[name] for cell in cells}) for name in names]
    by_parts = {tuple(cell.options[name] for name in names): cell.value for cell in cells}
    shape = tuple(map(len, axes))
    if not names or not len(cells) == len(by_parts) == np.prod(shape):
        return (), np.empty(0)
    values = np.array([by_parts[index] for index in _combinations(axes)]).reshape(shape)
    return (names, values) if np.isfinite(values).all() and np.ptp(values) > 0 else ((), values)


def _combinations(axes: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    return list(itertools.product(*axes))


def words(share: Estimate) -> str:
    """Returns a share and its interval in percent."""
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"
