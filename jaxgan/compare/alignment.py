"""What methods have in common: numbers measured alike, the seeds that have them, and the steps of all."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from jaxgan.compare.methods import Measure, Method, Trained
from jaxgan.errors import Refused
from jaxgan.pictures.words import count


class Shared(NamedTuple):
    """The seeds that one measure is compared over, by method, and the steps at which all have it."""

    seeds: Mapping[str, Sequence[Trained]]
    failed: Mapping[str, Sequence[int]]  # of them, and of those that failed before they had it
    steps: frozenset[int]
    notes: tuple[str, ...]


def measures(
    all_methods: Sequence[Method], metric: str | None, named: Collection[str] = ()
) -> tuple[list[Measure], dict[str, str]]:
    """The measures that two methods or more have, and why the others are not compared, by name.

    `metric` alone is looked at, where it is given; it and what else is `named` must have been measured.
    """
    every = dict.fromkeys(
        m for method in all_methods for seed in method.seeds for m, steps in seed.values.items() if steps
    )
    names = sorted({measure.name for measure in every})
    for name in (*named, *([] if metric is None else [metric])):
        if name not in names:
            there = ", ".join(names) or "nothing measured at all"
            raise Refused(f"no run has measured {name!r}; there is {there}")
    # with a slash it is of the training itself, and compared only where it is asked for
    asked = {metric} if metric else {name for name in names if "/" not in name}
    having = {m: [x for x in all_methods if _has(x, m) or _gone(x, m)] for m in every if m.name in asked}
    found = [measure for measure, who in having.items() if len(who) > 1]
    alone = asked - {measure.name for measure in found}
    return sorted(found), {name: _apart(name, having) for name in sorted(alone)}


def shared(all_methods: Sequence[Method], measure: Measure) -> Shared:
    """The seeds to compare. One that is not finished is left out where it would cost the others a step."""
    having = {method.name: _has(method, measure) for method in all_methods}
    lost = {method.name: _gone(method, measure) for method in all_methods}
    lasting = [set(seed.values[measure]) for seeds in having.values() for seed in _lasting(seeds, measure)]
    every = [set(seed.values[measure]) for seeds in having.values() for seed in seeds]
    common = set.intersection(*lasting) if lasting else set.union(*every)
    lacking = [s.place for m in all_methods for s in m.seeds if s not in having[m.name] + lost[m.name]]
    notes = [f" ({measure.how}): without {', '.join(lacking)}, not measured so"] if lacking else []
    if not common:
        there = "; ".join(
            f"{_called(method)} at {', '.join(count(step) for step in sorted({*own}))}"
            for method in all_methods
            if (own := [step for seed in having[method.name] for step in seed.values[measure]])
        )
        why = f": not compared, there is no step at which all have it ({there})"
        return Shared({}, {}, frozenset(), (*notes, why))
    last = max(common)
    if last == 0 and any(max(own) > 0 for own in every):
        stay = ", ".join(s.place for of in having.values() for s in of if max(s.values[measure]) == 0)
        why = f": not compared, step 0 is the last at which all have it ({stay or 'at others they differ'})"
        return Shared({}, {}, frozenset(), (*notes, why))
    ends = {max(own) for own in lasting}
    if len(ends) > 1:
        notes.append(f": measured to steps {', '.join(map(count, sorted(ends)))}, compared at {count(last)}")
    seeds = {name: [s for s in of if _there(s.values[measure], last, s.over)] for name, of in having.items()}
    behind: dict[str, list[str]] = {}
    for seed in (s for name, of in having.items() for s in of if s not in seeds[name]):
        at = seed.values[measure]
        why = f"{seed.unfinished}, measured to step {count(max(at))}"
        why = f"not measured at step {count(last)}" if seed.over else why
        behind.setdefault(why, []).append(seed.place)
    notes += [f": without {', '.join(places)}, {why}" for why, places in behind.items()]
    full = [set(seed.values[measure]) for of in seeds.values() for seed in of if not seed.over]
    return Shared(
        {name: of for name, of in seeds.items() if of or lost[name]},
        {name: [s.seed for s in (*of, *lost[name]) if s.failed] for name, of in seeds.items()},
        frozenset(set.intersection(*full) if full else common),
        tuple(notes),
    )


def _there(steps: Collection[int], last: int, over: bool) -> bool:
    """Whether a seed that was measured at these steps has a number to compare at the last one."""
    return last in steps or (over and max(steps) < last)


def _lasting(seeds: Sequence[Trained], measure: Measure) -> list[Trained]:
    """The seeds that say how far to compare: those that finished, or else those that came farthest."""
    if finished := [seed for seed in seeds if seed.finished]:
        return finished
    farthest = max((max(seed.values[measure]) for seed in seeds), default=0)
    return [seed for seed in seeds if seed.unfinished and farthest in seed.values[measure]]


def _has(method: Method, measure: Measure) -> list[Trained]:
    """The seeds that have been measured so."""
    return [seed for seed in method.seeds if seed.values.get(measure)]


def _gone(method: Method, measure: Measure) -> list[Trained]:
    """The seeds that have failed before the number was measured in any way: in no mean, but they count."""
    ways = [
        [m for m, steps in seed.values.items() if steps and m.name == measure.name] for seed in method.seeds
    ]
    lost = [seed for seed, own in zip(method.seeds, ways, strict=True) if seed.failed and not own]
    # where no seed was measured so, it is for that they failed only if all of them did
    return lost if any(measure in own for own in ways) or len(lost) == len(method.seeds) else []


def _apart(name: str, having: Mapping[Measure, Sequence[Method]]) -> str:
    """Why a number is not compared: one method alone has it, or each in its own way."""
    ways: dict[str, list[str]] = {}
    for measure, who in having.items():
        if measure.name == name:
            for method in who:
                ways.setdefault(_called(method), []).append(measure.how)
    if len(ways) == 1:
        return f": not compared, only {', '.join(ways)} has that"
    told = [f"{who}: {how}{f' and {len(more)} more ways' * bool(more)}" for who, (how, *more) in ways.items()]
    return f": not compared, no two methods have that measured alike ({'; '.join(told)})"


def _called(method: Method) -> str:
    """Its name, or its folders where that is shorter."""
    return min(method.name, ", ".join(dict.fromkeys(seed.run for seed in method.seeds)), key=len)
