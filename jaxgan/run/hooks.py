"""What is asked at a step: hooks of each lane, stop rules of what was logged, and the scores of it."""

from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from itertools import takewhile
from typing import NamedTuple

import jax
import numpy as np

from jaxgan.errors import Refused
from jaxgan.run.experiment import Experiment, Hook, Moment, Stop
from jaxgan.run.log import Log
from jaxgan.run.run import Run
from jaxgan.run.stop import StopRule
from jaxgan.scale.processes import broadcast


def scheduled(every: int, step: int) -> bool:
    """Whether something is due at a step, every so many steps; never if that is 0.

    >>> scheduled(50, 100), scheduled(50, 101), scheduled(0, 0)
    (True, False, False)
    """
    return every > 0 and step % every == 0


class Looked(NamedTuple):
    """What a look at a step found: why lanes, by number, are to stop, and what `best` makes of the others."""

    stops: dict[int, str]
    scores: dict[str, float]


def look(
    run: Run,
    due: Sequence[Hook],
    moment: Callable[[int], Moment],
    step: int,
    still: Container[int],
    log: Log,
) -> Looked:
    """Asks the hooks that are due, the stop rules where anything is new on schedule, and `best`.

    `moment` is what hooks are shown of a lane, by its number.
    """
    experiment, names = run.experiment, run.names
    measured, stops = measured_by(due, moment, step, names, still, log)
    # of what a hook stops, other hooks may not have been asked
    whole = [{} if number in stops else own for number, own in enumerate(measured)]
    news = any(scheduled(every, step) for every in (run.settings.log_every, *(hook.every for hook in due)))
    if experiment.stops and news:
        stops = {**broadcast(partial(stopped_by, experiment.stops, log, len(names), still)), **stops}
    return Looked(stops, scores_of(experiment, step, dict(zip(names or [""], whole, strict=True))))


def measured_by(
    hooks: Sequence[Hook],
    moment: Callable[[int], Moment],
    step: int,
    names: Sequence[str],
    still: Container[int],
    log: Log,
) -> tuple[list[dict[str, float]], dict[int, str]]:
    """What hooks measure of each lane that moves, logged; and the lanes they stop, with the reasons.

    `moment` is what they are shown of a lane, by its number.
    """
    measured: list[dict[str, float]] = [{} for _ in names or [""]]
    stops: dict[int, str] = {}
    for hook in hooks:
        found: list[dict[str, float]] = [{} for _ in measured]
        for number in range(len(measured)):
            if number in still or number in stops:
                continue
            found[number], stop = broadcast(partial(_answer, hook, moment(number), measured[number]))
            if stop is not None:
                stops[number] = stop
        together = {name: [own.get(name) for own in found] for own in found for name in own}
        log.measured(step, together if names else found[0], hook.every)
        for own, new in zip(measured, found, strict=True):
            own.update(new)
    return measured, stops


def unable(name: str, why: Refused) -> Callable[[Moment], None]:
    """A hook that does nothing but say once why, for the run to go on."""
    said = False

    def call(moment: Moment) -> None:
        nonlocal said
        if not said:
            moment.note(name, {"names": [], "warnings": [str(why)]})
        said = True

    return call


def _answer(hook: Hook, moment: Moment, others: Container[str]) -> tuple[dict[str, float], str | None]:
    """What a hook measures beside what others have, and why it stops the run if it does."""
    try:
        numbers = hook.call(moment) or {}
    except Stop as stop:
        return {}, str(stop)
    if not isinstance(numbers, Mapping):
        raise Refused(f"a hook gives numbers by their names, or None, and not {numbers!r}")
    for name, x in numbers.items():
        if not isinstance(name, str):
            raise Refused(f"a hook gives numbers by their names, and {name!r} is no text")
        if not _is_number(x):
            raise Refused(f"a hook measured {name} as {x!r}, which is no number")
    if twice := sorted(name for name in numbers if name in others):
        raise Refused(f"two hooks call what they measure {', '.join(twice)}: rename what one of them gives")
    return {name: float(x) for name, x in numbers.items()}, None


def stopped_by(rules: Sequence[StopRule], log: Log, lanes: int, still: Container[int]) -> dict[int, str]:
    """The lanes that a rule stops: why, and the newest of the numbers that it does not look at."""
    stops: dict[int, str] = {}
    for number in range(max(lanes, 1)):
        if number in still:
            continue
        rows = log.history(number if lanes else None)
        latest = takewhile(lambda row: row.step == rows[-1].step, reversed(rows))  # noqa: B023 - used at once
        new = {name for row in latest for name in row.numbers}
        for rule in rules:
            due = rows and (not rule.reads or new.intersection(rule.reads))
            why = rule.why(rows) if due else None
            if why is not None:
                measured = (row.numbers for row in rows if row.kind == "measured")
                newest = {name: value for numbers in measured for name, value in numbers.items()}
                others = {name: x for name, x in newest.items() if name not in rule.reads}
                beside = ", ".join(f"{name} {float(x):.4g}" for name, x in others.items())
                stops.setdefault(number, why + (f" (beside it: {beside})" if beside else ""))
    return stops


def unmeasured(rules: Sequence[StopRule], log: Log) -> list[str]:
    """A line for each rule that looks at what neither the first line nor any hook has told of."""
    known = {name for row in log.history() for name in row.numbers}
    unknown = [name for rule in rules for name in rule.reads if name not in known]
    return [f"a stop rule waits for {name}, which nothing has measured so far" for name in unknown]


def scores_of(
    experiment: Experiment, step: int, measured: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """What `best` makes of each lane's numbers of this step; nothing where some it asks for were not due."""
    best = experiment.best
    numbers = {lane: own for lane, own in measured.items() if own}
    if best is None or not numbers:
        return {}
    try:
        scores = {lane: best(own) for lane, own in numbers.items()}
    except KeyError as name:
        if step == 0:  # where every hook is due: a wrong name
            there = ", ".join(sorted({name for own in numbers.values() for name in own}))
            raise Refused(f"`best` asks for {name}, which no hook has measured; there are {there}") from None
        return {}
    if wrong := [x for x in scores.values() if not _is_number(x)]:
        raise Refused(f"`best` gives a number, the higher the better, and not {wrong[0]!r}")
    return scores


def _is_number(x: object) -> bool:
    return isinstance(x, float | int | np.generic | np.ndarray | jax.Array) and np.size(x) == 1
