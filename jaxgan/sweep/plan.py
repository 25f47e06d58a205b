"""Cells planned into packs: those of one program that differ in seeds and numbers are lanes of one run."""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxgan.folder.settings import SPLIT
from jaxgan.sweep.cells import Cell

LANES = 64
"""The most lanes of a pack, where nobody says otherwise."""

Numbers = Callable[[Cell, Sequence[str]], frozenset[str]]
"""Of a cell and the names of options, those that may differ between lanes of its program."""


class Pack(NamedTuple):
    """Cells that are trained as one run: what they share, and every combination of `values` and `seeds`."""

    shared: Mapping[str, Any]
    values: tuple[Mapping[str, float], ...]  # ({},) where only seeds differ
    seeds: tuple[int, ...]

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The options of each of its runs.

        >>> Pack({"loss": "hinge"}, ({"lr": 0.1},), (0, 1)).cells[1]
        {'loss': 'hinge', 'lr': 0.1, 'seed': 1}
        """
        return [{**self.shared, **numbers, "seed": seed} for numbers in self.values for seed in self.seeds]

    @property
    def options(self) -> dict[str, Any]:
        """The options of the run that trains them.

        >>> Pack({"loss": "hinge"}, ({"lr": 0.1, "b1": 0.5}, {"lr": 0.2, "b1": 0.9}), (0, 1, 4)).options
        {'loss': 'hinge', 'seeds': '0:2,4', 'over': ('lr:b1=0.1:0.5,0.2:0.9',)}
        >>> Pack({"loss": "hinge"}, ({},), (3,)).options
        {'loss': 'hinge', 'seed': 3}
        """
        names = list(self.values[0])
        if not names and len(self.seeds) == 1:
            return {**self.shared, "seed": self.seeds[0]}
        listed = ",".join(":".join(repr(numbers[name]) for name in names) for numbers in self.values)
        over = {"over": (f"{':'.join(names)}={listed}",)} if names else {}
        return {**self.shared, "seeds": _spans(self.seeds), **over}

    @property
    def program(self) -> str:
        """An identifier of its compiled program."""
        return json.dumps([self.shared, sorted(self.values[0])], sort_keys=True)

    @property
    def name(self) -> str:
        """The name of its folder: what its cells share, and a digest of what they are.

        >>> Pack({"loss": "hinge"}, ({},), (3,)).name
        'loss=hinge-d80439'
        """
        digest = hashlib.sha256(json.dumps(self.cells, sort_keys=True).encode()).hexdigest()[:6]
        text = ",".join(f"{name}={value}" for name, value in self.shared.items()) or "all"
        return f"{''.join(c if c.isalnum() or c in '=,._-' else '_' for c in text)[:80]}-{digest}"


def planned(cells: Iterable[Cell], numbers: Numbers, workers: int, lanes: int = LANES) -> list[Pack]:
    """Returns packs of at most `lanes` cells, and at least two per worker if there are enough cells.

    Each cell names its seed and the same options as the others.

    >>> cells = [{"loss": loss, "seed": seed} for loss in ("hinge", "wasserstein") for seed in range(4)]
    >>> [pack.options["seeds"] for pack in planned(cells, lambda cell, names: frozenset(), workers=2)]
    ['0:2', '2:4', '0:2', '2:4']
    """
    cells = list(cells)
    blocks = [block for group in _programs(cells, numbers) for block in _blocks(*group)]
    least = -(-2 * workers // max(len(blocks), 1))
    return [pack for block in blocks for pack in _cut(block, max(least, -(-len(block.cells) // lanes)))]


def setting(cell: Cell) -> dict[str, Any]:
    """Returns the options of a cell without its seeds.

    >>> setting({"lr": 0.1, "seed": 3})
    {'lr': 0.1}
    """
    return {name: value for name, value in cell.items() if name not in _SEEDS}


_SEEDS = frozenset({"seed", *SPLIT})


def surviving(packs: Iterable[Pack], kept: Iterable[Cell], workers: int, lanes: int = LANES) -> list[Pack]:
    """Returns packs of those cells of the packs whose settings are kept, as many as `planned` would make.

    >>> packs = [Pack({}, ({"lr": 0.1}, {"lr": 0.2}), (0, 1)), Pack({}, ({"lr": 0.3},), (0, 1))]
    >>> surviving(packs, [{"lr": 0.2}, {"lr": 0.3}], workers=1, lanes=64)[1].options
    {'seeds': '0:2', 'over': ('lr=0.3',)}
    """
    chosen = {_key(each, ()) for each in kept}
    blocks: dict[tuple[str, tuple[int, ...]], Pack] = {}
    for pack in packs:
        values = tuple(x for x in pack.values if _key(setting({**pack.shared, **x}), ()) in chosen)
        if values:
            before = blocks.get((pack.program, pack.seeds), pack._replace(values=()))
            blocks[pack.program, pack.seeds] = before._replace(values=(*before.values, *values))
    least = -(-2 * workers // max(len(blocks), 1))
    return [
        pack._replace(values=part)
        for pack in blocks.values()
        for part in _parts(pack.values, max(least, -(-len(pack.cells) // lanes)))
    ]


def _programs(cells: list[Cell], numbers: Numbers) -> list[tuple[dict[str, Any], frozenset[str], list[Cell]]]:
    """Returns what the cells of each program share, the names of the numbers that differ, and its cells."""
    differing = {name for cell in cells for name, value in cell.items() if value != cells[0][name]}
    usable = {name for name in differing - {"seed"} if all(_is_number(cell[name]) for cell in cells)}
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(_key(cell, usable | {"seed"}), []).append(cell)
    programs = []
    for group in groups.values():
        varying = sorted(name for name in usable if any(cell[name] != group[0][name] for cell in group))
        lanes = numbers(group[0], varying) if varying else frozenset()
        parts: dict[str, list[Cell]] = {}
        for cell in group:
            parts.setdefault(_key(cell, lanes | {"seed"}), []).append(cell)
        for part in parts.values():
            shared = {name: x for name, x in part[0].items() if name not in lanes | {"seed"}}
            programs.append((shared, lanes, part))
    return programs


def _blocks(shared: dict[str, Any], lanes: frozenset[str], cells: list[Cell]) -> list[Pack]:
    """Returns the cells as few packs, each of which is every combination of some values and some seeds."""
    seeds: dict[str, list[int]] = {}
    values: dict[str, dict[str, float]] = {}
    for cell in cells:
        numbers = {name: cell[name] for name in cell if name in lanes}
        values[json.dumps(numbers)] = numbers
        seeds.setdefault(json.dumps(numbers), []).append(cell["seed"])
    alike: dict[tuple[int, ...], list[dict[str, float]]] = {}
    for key, listed in seeds.items():
        alike.setdefault(tuple(sorted(listed)), []).append(values[key])
    return [Pack(shared, tuple(numbers), listed) for listed, numbers in alike.items()]


def _cut(block: Pack, parts: int) -> list[Pack]:
    """Returns the block in about `parts` parts, cut along its longer side."""
    if len(block.values) >= len(block.seeds):
        return [block._replace(values=part) for part in _parts(block.values, parts)]
    return [block._replace(seeds=part) for part in _parts(block.seeds, parts)]


def _parts(items: tuple[Any, ...], parts: int) -> list[tuple[Any, ...]]:
    parts = min(parts, len(items))
    ends = [len(items) * number // parts for number in range(parts + 1)]
    return [items[start:end] for start, end in itertools.pairwise(ends)]


def _key(cell: Cell, apart: Iterable[str]) -> str:
    return json.dumps({name: value for name, value in cell.items() if name not in apart}, sort_keys=True)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _spans(seeds: Sequence[int]) -> str:
    """Returns seeds in the format of `--seeds`."""
    spans: list[list[int]] = []
    for seed in sorted(seeds):
        if spans and spans[-1][1] == seed:
            spans[-1][1] += 1
        else:
            spans.append([seed, seed + 1])
    return ",".join(f"{start}:{end}" if end - start > 1 else str(start) for start, end in spans)
