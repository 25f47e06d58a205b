"""What `--sweep` says, as cells of a script's options."""

import dataclasses
import difflib
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, get_type_hints

import msgspec

from jaxgan.errors import Refused
from jaxgan.folder.ranges import check_ranges
from jaxgan.folder.settings import SPLIT, Settings, check_seed
from jaxgan.run.lane import parse_seeds
from jaxgan.sweep.cells import Cells, Range, draws, log, product, uniform

PER_RUN = frozenset({"out", "seeds", "over", "devices", "data_devices", "parallel", "lanes"})
"""Options that the plan of a sweep decides, so that none of them is an axis."""
_RANDOM = re.compile(r"(log|uniform)\(([^,()]+),([^,()]+)\)")


def declared(
    config_type: type[Settings],
    text: str,
    functions: Mapping[str, Any],
    count: int | None = None,
    seed: int = 0,
) -> Cells:
    """Returns the cells of `NAME=A,B,... NAME=log(1e-5,1e-2) FUNCTION`: every combination.

    A word without "=" is one of the script's `functions` that yields cells. `count` draws of the axes that
    are ranges are combined with all the rest.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Config(Settings):
    ...     loss: str = "hinge"
    ...     lr: float = 1e-3
    >>> cells = declared(Config, "loss=hinge,wasserstein seed=0:3", {})
    >>> len(cells), cells[-1]
    (6, {'loss': 'wasserstein', 'seed': 2})
    """
    lists, axes, ranges = parsed(config_type, text, functions)
    if ranges and count is None:
        raise Refused(f"--sweep {next(iter(ranges))}=...: say how many values to draw, by --draws N")
    if count is not None and not ranges:
        raise Refused("--draws is for axes such as lr=log(1e-5,1e-2), and --sweep has none")
    if ranges:
        check_seed(seed)
        drawn = draws(count or 0, seed, **ranges)
        lists.append([typed(config_type, cell) for cell in drawn])
    cells = product(*lists, **axes)
    if not cells:
        raise Refused(f"--sweep {text!r} has no cells")
    return cells


class Parsed(NamedTuple):
    """What `--sweep` names: lists of cells, axes of values, and ranges to draw from."""

    lists: list[Iterable[Mapping[str, Any]]]
    axes: dict[str, list[Any]]
    ranges: dict[str, Range]


def parsed(config_type: type[Settings], text: str, functions: Mapping[str, Any]) -> Parsed:
    """Returns what `--sweep` names, before anything is drawn or combined.

    >>> parsed(Settings, "batch_size=8,16 seed=0:2", {}).axes
    {'batch_size': [8, 16], 'seed': [0, 1]}
    """
    lists: list[Iterable[Mapping[str, Any]]] = []
    axes: dict[str, list[Any]] = {}
    ranges: dict[str, Range] = {}
    for word in _words(text):
        name, equals, listed = word.partition("=")
        if not equals:
            lists.append(_yielded(config_type, word, functions))
            continue
        name = _option(config_type, name)
        if name in axes or name in ranges:
            raise Refused(f"--sweep names {name} twice")
        if (match := _RANDOM.fullmatch(listed)) is not None:
            ranges[name] = _range(config_type, name, match)
        else:
            axes[name] = _values(config_type, name, listed)
    return Parsed(lists, axes, ranges)


def _words(text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Refused(f"--sweep {text!r}: {error}") from None
    if not words:
        raise Refused("--sweep is empty: give NAME=A,B,... or the name of a function that yields cells")
    return words


def _yielded(config_type: type[Settings], name: str, functions: Mapping[str, Any]) -> Cells:
    function: Callable[[], Iterable[Any]] | None = functions.get(name)
    if not callable(function):
        raise Refused(
            f"--sweep {name}: the script has no function {name}; give one that yields cells, or NAME=A,B,..."
        )
    cells = []
    for cell in function():
        if not isinstance(cell, Mapping):
            raise Refused(f"{name}() must yield options as a dict, not {cell!r}")
        cells.append(typed(config_type, {_option(config_type, key): x for key, x in cell.items()}))
    if not cells:
        raise Refused(f"{name}() yields no cells")
    return tuple(cells)


def _option(config_type: type[Settings], name: str) -> str:
    """Returns the field of this name; refuses one that does not exist or cannot be an axis."""
    known = [field.name for field in dataclasses.fields(config_type)]
    field = name.replace("-", "_")
    if field not in known:
        near = difflib.get_close_matches(field, known, 1)
        raise Refused(
            f"--sweep: there is no option {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        )
    if field in PER_RUN:
        raise Refused(f"--sweep cannot vary {name}: the plan of a sweep decides it; seeds go by seed=0:8")
    return field


def _range(config_type: type[Settings], name: str, match: re.Match[str]) -> Range:
    kind = get_type_hints(config_type)[name]
    if kind not in (int, float):
        raise Refused(f"--sweep {name}={match[0]}: only numbers are drawn, and {name} is none")
    try:
        low, high = float(match[2]), float(match[3])
    except ValueError:
        raise Refused(f"--sweep {name}={match[0]}: the bounds must be numbers") from None
    return {"log": log, "uniform": uniform}[match[1]](low, high)


def _values(config_type: type[Settings], name: str, listed: str) -> list[Any]:
    if name in ("seed", *SPLIT):
        try:
            return list(parse_seeds(listed))
        except Refused as error:
            raise Refused(str(error).replace("--seeds ", f"--sweep {name}=")) from None
    values = [typed(config_type, {name: text})[name] for text in listed.split(",")]
    if len(set(values)) < len(values):
        raise Refused(f"--sweep {name}={listed} names a value twice")
    return values


def typed(config_type: type[Settings], cell: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values with the types of the `Config`; refuses other types and values out of range."""
    plain = get_type_hints(config_type)
    typed = {}
    for name, value in cell.items():
        if plain[name] is int and isinstance(value, float):
            value = round(value)
        if plain[name] is bool and value in ("True", "False"):
            value = value == "True"
        try:
            typed[name] = msgspec.convert(value, plain[name], strict=False)
        except msgspec.ValidationError as error:
            raise Refused(f"--sweep {name}={value}: {str(error).partition(' - at')[0]}") from None
    check_ranges(dataclasses.replace(config_type(), **typed))
    return typed
