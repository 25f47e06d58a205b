"""What happens at a step besides training: hooks measure, stop rules decide, and `best` scores."""

from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from itertools import takewhile

import jax
import numpy as np

from jaxgan.errors import Refused
from jaxgan.run.experiment import Experiment, Hook, Moment, Stop
from jaxgan.run.log import Log
from jaxgan.run.run import Run
from jaxgan.run.stop import StopRule
from jaxgan.scale.processes import broadcast


def scheduled(every: int, step: int) -> bool:
    """Returns whether `step` is a multiple of `every`; never if that is 0.

    >>> scheduled(50, 100), scheduled(50, 101), scheduled(0, 0)
    (True, False, False)
    """
    return every > 0 and step % every == 0


def run_hooks(
    run: Run,
    due: Sequence[Hook],
    moment: Callable[[int], Moment],
    step: int,
    halted: Container[int],
    log: Log,
) -> tuple[dict[int, str], dict[str, float]]:
    """Calls the hooks that are due, the stop rules if there are new scheduled rows, and `best`.

    Returns why lanes are to stop, by number, and the scores of the others, by name. `moment` maps the number
    of a lane to what its hooks are called with.
    """
    experiment, names = run.experiment, run.names
    measured, stops = measure_lanes(due, moment, step, names, halted, log)
    # where one hook stopped a lane, the hooks after it were not called
    complete = [{} if number in stops else numbers for number, numbers in enumerate(measured)]
    intervals = run.settings.log_every, *(hook.every for hook in due)
    if experiment.stops and any(scheduled(every, step) for every in intervals):
        stops = {**broadcast(partial(find_stops, experiment.stops, log, len(names), halted)), **stops}
    return stops, scores_of(experiment, step, dict(zip(names or [""], complete, strict=True)))


def measure_lanes(
    hooks: Sequence[Hook],
    moment: Callable[[int], Moment],
    step: int,
    names: Sequence[str],
    halted: Container[int],
    log: Log,
) -> tuple[list[dict[str, float]], dict[int, str]]:
    """Calls the hooks for each lane that still trains, and logs what they measure.

    Returns the numbers of each lane, and the reasons why hooks stop lanes.
    """
    measured: list[dict[str, float]] = [{} for _ in names or [""]]
    stops: dict[int, str] = {}
    for hook in hooks:
        results: list[dict[str, float]] = [{} for _ in measured]
        for number in range(len(measured)):
            if number in halted or number in stops:
                continue
            results[number], reason = broadcast(partial(_call, hook, moment(number), measured[number]))
            if reason is not None:
                stops[number] = reason
        columns = {name: [lane.get(name) for lane in results] for numbers in results for name in numbers}
        log.write_measured(step, columns if names else results[0], hook.every)
        for numbers, new in zip(measured, results, strict=True):
            numbers.update(new)
    return measured, stops


def warning_hook(name: str, why: Refused) -> Callable[[Moment], None]:
    """Returns a hook that measures nothing and warns once, so that the run can go on."""
    warned = False

    def call(moment: Moment) -> None:
        nonlocal warned
        if not warned:
            moment.note(name, {"names": [], "warnings": [str(why)]})
        warned = True

    return call


def _call(hook: Hook, moment: Moment, others: Container[str]) -> tuple[dict[str, float], str | None]:
    """Returns what a hook measures, and why it stops the run if it does; `others` are names already used."""
    try:
        numbers = hook.call(moment) or {}
    except Stop as stop:
        return {}, str(stop)
    if not isinstance(numbers, Mapping):
        raise Refused(f"a hook must return a dict of numbers by name, or None, not {numbers!r}")
    for name, x in numbers.items():
        if not isinstance(name, str):
            raise Refused(f"a hook must return a dict of numbers by name, but {name!r} is not a string")
        if not _is_number(x):
            raise Refused(f"a hook measured {name} as {x!r}, which is not a number")
    if twice := sorted(name for name in numbers if name in others):
        raise Refused(f"two hooks measure {', '.join(twice)}: rename the number that one of them returns")
    return {name: float(x) for name, x in numbers.items()}, None


def find_stops(rules: Sequence[StopRule], log: Log, lanes: int, halted: Container[int]) -> dict[int, str]:
    """Returns the lanes that a rule stops, with its reason and the newest numbers that it does not read."""
    stops: dict[int, str] = {}
    for number in range(max(lanes, 1)):
        if number in halted:
            continue
        rows = log.history(number if lanes else None)
        latest = takewhile(lambda row: row.step == rows[-1].step, reversed(rows))  # noqa: B023 - used at once
        new = {name for row in latest for name in row.numbers}
        for rule in rules:
            due = rows and (not rule.reads or new.intersection(rule.reads))
            reason = rule.why(rows) if due else None
            if reason is not None:
                measured = (row.numbers for row in rows if row.kind == "measured")
                newest = {name: value for numbers in measured for name, value in numbers.items()}
                others = {name: x for name, x in newest.items() if name not in rule.reads}
                beside = ", ".join(f"{name} {float(x):.4g}" for name, x in others.items())
                stops.setdefault(number, reason + (f" (beside it: {beside})" if beside else ""))
    return stops


def missing_names(rules: Sequence[StopRule], log: Log) -> list[str]:
    """Returns a warning for each name that a rule reads and that neither training nor a hook has logged."""
    known = {name for row in log.history() for name in row.numbers}
    missing = [name for rule in rules for name in rule.reads if name not in known]
    return [f"a stop rule reads {name}, which nothing has measured so far" for name in missing]


def scores_of(
    experiment: Experiment, step: int, measured: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Returns the score of each lane by `best`; empty if it needs a number that was not due at this step."""
    best = experiment.best
    complete = {lane: numbers for lane, numbers in measured.items() if numbers}
    if best is None or not complete:
        return {}
    try:
        scores = {lane: best(numbers) for lane, numbers in complete.items()}
    except KeyError as name:
        if step == 0:  # every hook is due at step 0, so the name is wrong
            known = ", ".join(sorted({name for numbers in complete.values() for name in numbers}))
            raise Refused(f"`best` asks for {name}, which no hook has measured; there are {known}") from None
        return {}
    if wrong := [x for x in scores.values() if not _is_number(x)]:
        raise Refused(f"`best` must return a number, the higher the better, not {wrong[0]!r}")
    return scores


def _is_number(x: object) -> bool:
    return isinstance(x, float | int | np.generic | np.ndarray | jax.Array) and np.size(x) == 1
