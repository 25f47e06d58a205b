"""Which runs a run is made of: its seeds, and values of its numbers."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from jaxgan.data.source import batch, shapes
from jaxgan.errors import Refused
from jaxgan.games.game import State
from jaxgan.parts.types import Key, PyTree
from jaxgan.rules.guard import Guard
from jaxgan.rules.rule import Rule
from jaxgan.rules.tuned import over_hparams
from jaxgan.run.experiment import Experiment
from jaxgan.run.program import RuleOf, layout
from jaxgan.run.settings import Settings

C = TypeVar("C", bound=Settings)
Build = Callable[[Any], Experiment]


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

    >>> [lane.name for lane in lanes(Settings(seeds="0:2", over=("batch_size=32,64",)))]
    ['seed=0,batch_size=32', 'seed=1,batch_size=32', 'seed=0,batch_size=64', 'seed=1,batch_size=64']
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
        found = [seed for part in text.split(",") for seed in _range(part)]
    except ValueError:
        found = []
    if not found or min(found) < 0 or max(found) >= 2**32:
        raise Refused(f"--seeds {text} is no list of seeds: give 0:8 for 0 to 7, or 1,4,9")
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
    try:
        values = [type(now)(value) for value in listed.split(",")]
    except ValueError:
        raise Refused(f"--over {text}: {listed} is no list of numbers like {now}") from None
    if len(set(values)) < len(values):
        raise Refused(f"--over {text} names a value twice")
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
    raise Refused(f"{run} has {len(lanes)} lanes: give --lane with one of {listed}")


def alone(state: State, lane: Lane) -> State:
    """The state of one lane as that of a run of its own."""
    guard: Guard = state.rule
    inner = guard.inner.inner if lane.values else guard.inner
    return state.replace(rule=guard._replace(inner=inner))


def rule_of(build: Build, settings: Settings, experiment: Experiment) -> RuleOf:
    """The rule of a lane, by its own values.

    `build` runs while a program is compiled, with tracers in the place of the numbers; of what it builds only
    the rule is used.
    """
    if not settings.over:
        return lambda values: experiment.rule

    def of(values: Mapping[str, Any]) -> Rule:
        return build(dataclasses.replace(settings, **values)).rule

    return over_hparams(of)


def fits_over(build: Build, settings: Settings, experiment: Experiment) -> None:
    """Refuses, before anything runs, numbers that the recipe has to know while it is built."""
    if not settings.over:
        return
    values, source = lanes(settings)[0].values, experiment.source
    lay = layout(experiment, settings)
    of = rule_of(build, dataclasses.replace(settings, parallel="jit"), experiment)  # on one device, to see

    def begin_and_move(key: Key, arrays: PyTree, values: dict[str, Any]) -> State:
        batches = batch(source, lay, arrays, key, jnp.int32(0))
        return of(values).update(of(values).init(key, batches), batches)[0]

    def sample(values: dict[str, Any], generator: PyTree) -> PyTree:
        one = jnp.zeros(1, jnp.int32)
        game = build(dataclasses.replace(settings, parallel="jit", **values)).game
        return game.sample(generator, jax.random.key(0), one.astype(jnp.uint32), one)

    try:
        state = jax.eval_shape(begin_and_move, jax.random.key(0), shapes(source, lay), values)
        read = _read(jax.make_jaxpr(sample)(values, state.generator).jaxpr, len(values))
    except (jax.errors.JAXTypeError, TypeError, ValueError, Refused) as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refused(
            f"--over {', '.join(values)}: the experiment is not built of numbers it is only told later "
            f"({line}); train these one by one"
        ) from None
    if read:
        raise Refused(
            f"--over {', '.join(values)}: what is sampled depends on such a number beside the parameters; "
            "train these one by one"
        )


def _read(jaxpr: Any, count: int) -> bool:
    """Whether what a program returns depends on one of its first so many arguments."""
    needed = {id(x) for x in jaxpr.outvars}
    for equation in reversed(jaxpr.eqns):
        if any(id(x) in needed for x in equation.outvars):
            needed |= {id(x) for x in equation.invars}
    return any(id(x) in needed for x in jaxpr.invars[:count])
