"""The table of a sweep for the libraries rliable and marl-eval, which want every run of every task.

If `data` is an axis of the sweep, each of its values is a task; else there is one task. To both libraries
higher is better: where `better` says "lower", give them the negative values.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.errors import Refused
from jaxgan.sweep.table import Table, Value, name_of

TASK = "data"


class Export(NamedTuple):
    """The text of a file, and the runs that are not in it, with the reason."""

    text: str
    left_out: tuple[str, ...]


def rliable(table: Table) -> Export:
    """Returns the matrices of rliable, setting -> [runs, tasks], as JSON: beside them what they hold.

    A run is in them if it has a value in every task, since a matrix has no gaps.
    """
    tasks, settings = _by_task(table)
    left_out, scores = [], {}
    for setting, runs in settings.items():
        full = {run: of for run, of in runs.items() if all(np.isfinite(_value(of.get(t))) for t in tasks)}
        left_out += [f"{setting}, {run}: no value in every task" for run in runs if run not in full]
        if full:
            scores[setting] = [[of[task].value for task in tasks] for of in full.values()]
    if not scores:
        raise Refused(f"no run has a value of {table.metric} in every task: there is nothing to export")
    content = {"metric": table.metric, "better": table.better, "tasks": tasks, "scores": scores}
    return Export(json.dumps(content, indent=1), tuple(left_out))


def marl_eval(table: Table) -> Export:
    """Returns the file of marl-eval: environment -> task -> algorithm -> run -> step -> values.

    The environment is the metric's name, and a setting is an algorithm. Only runs that every setting has, and
    steps that each of these runs has, are in it. `absolute_metrics` holds the value at the last step.
    """
    tasks, settings = _by_task(table)
    measured = {
        setting: {run for run, of in runs.items() if all(t in of and of[t].steps for t in tasks)}
        for setting, runs in settings.items()
    }
    shared = set.intersection(*measured.values())
    values = {
        setting: {run: of for run, of in runs.items() if run in shared} for setting, runs in settings.items()
    }
    every = [set(of[task].steps) for runs in values.values() for of in runs.values() for task in tasks]
    steps = sorted(set.intersection(*every)) if every else []
    if not steps:
        raise Refused(
            f"the settings have no run and step of {table.metric} in common, and marl-eval takes no others: "
            "give --by options whose settings have the same seeds"
        )
    left_out = [
        f"{setting}, {run}: not in every setting and task"
        for setting, runs in settings.items()
        for run in runs
        if run not in shared
    ]
    content = {
        table.metric: {
            task: {
                setting.replace(",", ""): {  # a comma is no part of a name there
                    run: _steps(of[task], steps, table.metric) for run, of in runs.items()
                }
                for setting, runs in values.items()
            }
            for task in tasks
        }
    }
    return Export(json.dumps(content, indent=1), tuple(left_out))


def _steps(cell: Value, steps: Sequence[int], metric: str) -> dict[str, Any]:
    numbers = {
        f"step_{n}": {"step_count": step, metric: [cell.steps[step]]} for n, step in enumerate(steps, 1)
    }
    return {**numbers, "absolute_metrics": {metric: [cell.steps[steps[-1]]]}}


def _by_task(table: Table) -> tuple[list[str], dict[str, dict[str, Mapping[str, Value]]]]:
    """Returns the tasks, and the cells by setting, run and task.

    A run is named by what else tells its cell from others: the seed, and options that are pooled.
    """
    settings: dict[str, dict[str, dict[str, Value]]] = {}
    cells = [cell for group in table.values.values() for cell in group]
    pooled = {name for name in cells[0].options if len({str(cell.options[name]) for cell in cells}) > 1}
    for setting, group in table.values.items():
        name = name_of({option: x for option, x in setting if option != TASK})
        for cell in group:
            run = {
                option: x
                for option, x in cell.options.items()
                if option == "seed" or (option in pooled - {TASK} - dict(setting).keys())
            }
            by_task = settings.setdefault(name, {}).setdefault(name_of(run).replace(", ", " "), {})
            by_task[str(cell.options.get(TASK, "all"))] = cell
    tasks = list(dict.fromkeys(task for runs in settings.values() for of in runs.values() for task in of))
    return tasks, settings  # type: ignore[return-value]


def _value(cell: Value | None) -> float:
    return np.nan if cell is None else cell.value
