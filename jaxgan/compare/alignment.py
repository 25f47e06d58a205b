"""Finds what methods have in common: the numbers measured in the same way, their seeds and their steps."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from jaxgan.compare.methods import Measure, Method, Seed
from jaxgan.errors import Refused
from jaxgan.pictures.words import count


class Alignment(NamedTuple):
    """The seeds over which one measure is compared, by method, and the steps at which all have it."""

    seeds: Mapping[str, Sequence[Seed]]
    failed: Mapping[str, Sequence[Any]]  # of these seeds, and of those that failed before they had a value
    steps: frozenset[int]
    notes: tuple[str, ...]


def common_measures(
    methods: Sequence[Method], metric: str | None, named: Collection[str] = ()
) -> tuple[list[Measure], dict[str, str]]:
    """Returns the measures that two methods or more have, and by name why the others are not compared.

    Only `metric` is compared, if given. Raises if it or one of `named` was not measured.
    """
    measures = dict.fromkeys(
        m for method in methods for seed in method.seeds for m, steps in seed.values.items() if steps
    )
    names = sorted({measure.name for measure in measures})
    for name in (*named, *([] if metric is None else [metric])):
        if name not in names:
            raise Refused(f"no run has measured {name!r}; measured: {', '.join(names) or 'nothing'}")
    # a name with a slash is a number of the training itself, compared only on request
    requested = {metric} if metric else {name for name in names if "/" not in name}
    having = {
        measure: [x for x in methods if _measured_seeds(x, measure) or _lost_seeds(x, measure)]
        for measure in measures
        if measure.name in requested
    }
    common = sorted(measure for measure, owners in having.items() if len(owners) > 1)
    others = sorted(requested - {measure.name for measure in common})
    return common, {name: _why_not_compared(name, having) for name in others}


def align(methods: Sequence[Method], measure: Measure) -> Alignment:
    """Returns the seeds to compare. An unfinished one is left out if it would cost the others a step."""
    measured = {method.name: _measured_seeds(method, measure) for method in methods}
    lost = {method.name: _lost_seeds(method, measure) for method in methods}
    complete = [set(s.values[measure]) for seeds in measured.values() for s in _complete(seeds, measure)]
    every = [set(seed.values[measure]) for seeds in measured.values() for seed in seeds]
    common = set.intersection(*complete) if complete else set.union(*every)
    missing = [s.name for m in methods for s in m.seeds if s not in measured[m.name] + lost[m.name]]
    notes = [f" ({measure.how}): without {', '.join(missing)}, not measured in this way"] if missing else []
    if not common:
        where = "; ".join(
            f"{_short_name(method)} at {', '.join(count(step) for step in sorted({*steps}))}"
            for method in methods
            if (steps := [step for seed in measured[method.name] for step in seed.values[measure]])
        )
        why = f": not compared, there is no step at which all have it ({where})"
        return Alignment({}, {}, frozenset(), (*notes, why))
    last = max(common)
    if last == 0 and any(max(steps) > 0 for steps in every):
        at_0 = ", ".join(s.name for seeds in measured.values() for s in seeds if max(s.values[measure]) == 0)
        why = (
            f": not compared, step 0 is the last at which all have it ({at_0 or 'their other steps differ'})"
        )
        return Alignment({}, {}, frozenset(), (*notes, why))
    ends = {max(steps) for steps in complete}
    if len(ends) > 1:
        notes.append(f": measured to steps {', '.join(map(count, sorted(ends)))}, compared at {count(last)}")
    aligned: dict[str, list[Seed]] = {name: [] for name in measured}
    left_out: dict[str, list[str]] = {}
    for name, seed in ((name, seed) for name, seeds in measured.items() for seed in seeds):
        by_step = seed.values[measure]
        if last in by_step or (seed.ended_early and max(by_step) < last):
            aligned[name].append(seed)
            continue
        why = f"{seed.unfinished}, measured to step {count(max(by_step))}"
        why = f"not measured at step {count(last)}" if seed.ended_early else why
        left_out.setdefault(why, []).append(seed.name)
    notes += [f": without {', '.join(seeds)}, {why}" for why, seeds in left_out.items()]
    full = [set(seed.values[measure]) for seeds in aligned.values() for seed in seeds if not seed.ended_early]
    return Alignment(
        {name: seeds for name, seeds in aligned.items() if seeds or lost[name]},
        {name: [s.key for s in (*seeds, *lost[name]) if s.failed] for name, seeds in aligned.items()},
        frozenset(set.intersection(*full) if full else common),
        tuple(notes),
    )


def _complete(seeds: Sequence[Seed], measure: Measure) -> list[Seed]:
    """Returns the seeds that decide how far to compare: those that finished, or else went farthest."""
    if finished := [seed for seed in seeds if seed.finished]:
        return finished
    farthest = max((max(seed.values[measure]) for seed in seeds), default=0)
    return [seed for seed in seeds if seed.unfinished and farthest in seed.values[measure]]


def _measured_seeds(method: Method, measure: Measure) -> list[Seed]:
    return [seed for seed in method.seeds if seed.values.get(measure)]


def _lost_seeds(method: Method, measure: Measure) -> list[Seed]:
    """Returns the seeds that failed before the number was measured in any way: in no mean, but counted."""
    measured = [
        [m for m, steps in seed.values.items() if steps and m.name == measure.name] for seed in method.seeds
    ]
    lost = [seed for seed, ways in zip(method.seeds, measured, strict=True) if seed.failed and not ways]
    # if no seed was measured in this way, failure explains that only if all seeds failed
    return lost if any(measure in ways for ways in measured) or len(lost) == len(method.seeds) else []


def _why_not_compared(name: str, having: Mapping[Measure, Sequence[Method]]) -> str:
    """Returns why a number is not compared: only one method has it, or each measured it in its own way."""
    ways: dict[str, list[str]] = {}
    for measure, methods in having.items():
        for method in methods if measure.name == name else ():
            ways.setdefault(_short_name(method), []).append(measure.how)
    if len(ways) == 1:
        return f": not compared, only {', '.join(ways)} has it"
    owners = [
        f"{owner}: {way}{f' and {len(more)} more ways' * bool(more)}" for owner, (way, *more) in ways.items()
    ]
    return f": not compared, no two methods measured it in the same way ({'; '.join(owners)})"


def _short_name(method: Method) -> str:
    """Returns the method's name, or its folders where that is shorter."""
    return min(method.name, ", ".join(dict.fromkeys(seed.run for seed in method.seeds)), key=len)
