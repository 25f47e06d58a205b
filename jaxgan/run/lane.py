"""Which runs a run is made of: its seeds, and values of its numbers."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters.partial_eval import dce_jaxpr

from jaxgan.data.source import Source, array_shapes, batch
from jaxgan.errors import Refused
from jaxgan.folder.ranges import check_ranges
from jaxgan.folder.settings import Settings
from jaxgan.games.game import Game, State
from jaxgan.parts.types import Key, PyTree
from jaxgan.rules.guard import Guard
from jaxgan.rules.hyperparameters import over_hparams
from jaxgan.rules.rule import Rule
from jaxgan.run.experiment import Experiment
from jaxgan.run.program import RuleOf, layout

C = TypeVar("C", bound=Settings)
Build = Callable[[Any, Source], Experiment]
MOST = 100_000
"""Seeds, which are listed one by one."""
_SHARED = frozenset(field.name for field in dataclasses.fields(Settings))


class Lane(NamedTuple):
    """One of the runs that are trained as one: its name, its seed, its own values of options."""

    name: str
    seed: int
    values: dict[str, float]

    def settings(self, settings: C) -> C:
        """The options of this run alone."""
        own: dict[str, Any] = {"seeds": "", "over": (), "seed": self.seed, **self.values}
        return dataclasses.replace(settings, **own)


def lanes(settings: Settings) -> tuple[Lane, ...]:
    """The lanes that were asked for, none where the run is a single one.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Config(Settings):
    ...     width: int = 8
    >>> [lane.name for lane in lanes(Config(seeds="0:2", over=("width=8,16",)))]
    ['seed=0,width=8', 'seed=1,width=8', 'seed=0,width=16', 'seed=1,width=16']
    """
    if not settings.seeds and not settings.over:
        return ()
    if settings.on_nan == "restore":
        raise Refused("--on-nan restore is of a single run: lanes share their step; take stop or skip")
    asked = seeds(settings.seeds) if settings.seeds else (settings.seed,)
    over = [_values(settings, text) for text in settings.over]
    if len({name for name, _ in over}) < len(over):
        raise Refused(f"--over names an option twice: {' '.join(settings.over)}")
    found = []
    for chosen in itertools.product(*(values for _, values in over)):
        values = {name: value for (name, _), value in zip(over, chosen, strict=True)}
        for seed in asked:
            name = ",".join([f"seed={seed}", *(f"{name}={value}" for name, value in values.items())])
            found.append(Lane(name, seed, values))
    return tuple(found)


def seeds(text: str) -> tuple[int, ...]:
    """0:8 is 0 to 7, and 1,4,9 those three; both go together.

    >>> seeds("0:3,10")
    (0, 1, 2, 10)
    >>> seeds("3:0")
    Traceback (most recent call last):
    jaxgan.errors.Refused: --seeds 3:0 is no list of seeds: give 0:8 for 0 to 7, or 1,4,9
    """
    try:
        spans = [_range(part) for part in text.split(",")]
    except ValueError:
        spans = []
    if not spans or min(span.start for span in spans) < 0 or max(span.stop for span in spans) > 2**32:
        raise Refused(f"--seeds {text} is no list of seeds: give 0:8 for 0 to 7, or 1,4,9")
    if (count := sum(map(len, spans))) > MOST:
        raise Refused(f"--seeds {text} is {count:,} seeds: give at most {MOST:,}")
    found = [seed for span in spans for seed in span]
    if len(set(found)) < len(found):
        raise Refused(f"--seeds {text} names a seed twice")
    return tuple(found)


def _range(part: str) -> range:
    start, colon, stop = part.partition(":")
    span = range(int(start), int(stop)) if colon else range(int(start), int(start) + 1)
    if not span:
        raise ValueError(part)
    return span


def _values(settings: Settings, text: str) -> tuple[str, list[float]]:
    """The option and its values in NAME=A,B,..."""
    name, equals, listed = text.partition("=")
    name = name.replace("-", "_")
    fields = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    now = fields.get(name)
    if not equals or isinstance(now, bool) or not isinstance(now, int | float) or name == "seed":
        numbers = ", ".join(n for n, x in fields.items() if type(x) is float)
        raise Refused(
            f"--over {text}: give NAME=A,B,... of an option that is a number ({numbers}); seeds go by --seeds"
        )
    if name in _SHARED:
        raise Refused(
            f"--over {text}: all lanes share their {name.replace('_', '-')}; train these one by one"
        )
    try:
        values = [type(now)(value) for value in listed.split(",")]
    except ValueError:
        raise Refused(f"--over {text}: {listed} is no list of numbers like {now}") from None
    most = np.iinfo(np.int32).max if isinstance(now, int) else float(np.finfo(np.float32).max)
    if bad := [value for value in values if not abs(value) <= most]:  # so that NaN is bad too
        raise Refused(f"--over {text}: {bad[0]} is no finite number of 32 bits, as lanes hold them")
    if len(set(values)) < len(values):
        raise Refused(f"--over {text} names a value twice")
    for value in values:
        own: dict[str, Any] = {name: value}
        check_ranges(dataclasses.replace(settings, **own))
    return name, values


def named(lanes: tuple[Lane, ...], name: str, run: Any) -> int:
    """The number of the lane of this name; refused where there is none, or none is named among several."""
    if not lanes and not name:
        return 0
    for number, lane in enumerate(lanes):
        if lane.name == name:
            return number
    listed = " ".join(lane.name for lane in lanes)
    if not lanes:
        raise Refused(f"{run} is a single run, without lanes")
    if name:
        raise Refused(f"{run} has no lane {name}, but {listed}")
    raise Refused(f"{run} has {len(lanes)} lanes: give --lane with one of {listed}")


def alone(state: State, lane: Lane) -> State:
    """The state of one lane as that of a run of its own.

    A lane that stands still is as it was before the step that failed, whatever step the others have reached.
    """
    guard: Guard = state.rule
    inner = guard.inner.inner if lane.values else guard.inner
    step = state.step if int(guard.failed) < 0 else guard.failed
    return state.replace(step=step, rule=guard._replace(inner=inner, failed=jnp.int32(-1)))


def rule_of(build: Build, settings: Settings, experiment: Experiment) -> RuleOf:
    """The rule of a lane, by its own values.

    `build` runs while a program is compiled, with tracers in the place of the numbers; of what it builds only
    the rule is used.
    """
    if not settings.over:
        return lambda values: experiment.rule

    def of(values: Mapping[str, Any]) -> Rule:
        return build(dataclasses.replace(settings, **values), experiment.source).rule

    return over_hparams(of)


def games(build: Build, settings: Settings, source: Source) -> tuple[Game, ...]:
    """Each lane's own game, of one device, where lanes have their own values; refused as the script does."""
    if not settings.over:
        return ()
    one_device = dataclasses.replace(settings, parallel="jit")

    @cache  # what looks at a game is compiled for it
    def game(values: tuple[tuple[str, float], ...]) -> Game:
        own: dict[str, Any] = dict(values)
        try:  # what the script says of plain numbers it cannot say of tracers
            return build(dataclasses.replace(one_device, **own), source).rule.game
        except Refused as error:
            told = ", ".join(f"{name}={value}" for name, value in values)
            raise Refused(f"--over {told}: {error}") from None

    return tuple(game(tuple(lane.values.items())) for lane in lanes(settings))


def fits_over(build: Build, settings: Settings, experiment: Experiment) -> None:
    """Refuses, before anything runs, numbers that the script builds by, and those that nothing depends on."""
    if not settings.over:
        return
    one_device = dataclasses.replace(settings, parallel="jit")
    values, source = lanes(settings)[0].values, experiment.source
    lay = layout(experiment, settings)
    leaves = {name: source.leaves[name] for name in experiment.game.given}
    of = rule_of(build, one_device, experiment)

    def begin_and_move(values: dict[str, Any], key: Key, arrays: PyTree) -> State:
        batches = batch(source, lay, arrays, key, jnp.int32(0))
        state = of(values).update(of(values).init(key, batches), batches)[0]
        return state.replace(rule=state.rule.inner)  # without the values themselves

    def sampled(values: dict[str, Any], key: Key, generator: PyTree) -> PyTree:
        one = jnp.zeros(1, jnp.int32)
        told = {name: jnp.zeros((1, *leaf.shape), leaf.dtype) for name, leaf in leaves.items()}
        return of(values).game.sample(generator, key, one.astype(jnp.uint32), told)

    key = jax.random.key(0)
    given = values, key, array_shapes(source, lay)
    try:
        moved = depends_on(begin_and_move, *given)
        drawn = depends_on(sampled, values, key, jax.eval_shape(begin_and_move, *given).generator)
    except Exception as error:  # of any kind: the script has just been built of plain numbers
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refused(
            f"--over {', '.join(values)}: the experiment is not built of numbers it is only told later "
            f"({line}); train these one by one"
        ) from None
    if drawn:
        raise Refused(
            f"--over {', '.join(drawn)}: what is sampled depends on such a number beside the parameters; "
            "train these one by one"
        )
    if idle := [name for name in values if name not in moved]:
        raise Refused(
            f"--over {', '.join(idle)}: no update depends on it, so its lanes would be the same run"
        )


def depends_on(program: Callable[..., PyTree], values: Mapping[str, Any], *more: PyTree) -> list[str]:
    """The names of the numbers `values` that what `program(values, *more)` returns depends on.

    >>> depends_on(jax.jit(lambda values, x: values["rate"] * x), {"rate": 2.0, "size": 3}, 1.0)
    ['rate']
    """
    jaxpr = jax.make_jaxpr(program)(values, *more).jaxpr
    _, used = dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return [name for name, needed in zip(sorted(values), used, strict=False) if needed]
