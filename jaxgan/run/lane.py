"""The lanes of a run: the seeds and values of options that are trained together."""

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
from jaxgan.folder.settings import SPLIT, Settings, check_seed
from jaxgan.games.game import Game, State
from jaxgan.parts.types import Key, PyTree
from jaxgan.rules.guard import Guard
from jaxgan.rules.hyperparameters import over_hparams
from jaxgan.rules.rule import Rule
from jaxgan.run.experiment import Experiment
from jaxgan.run.program import RuleOf, layout
from jaxgan.run.seeds import seeds_of, with_data_key

C = TypeVar("C", bound=Settings)
Build = Callable[[Any, Source], Experiment]
MAX_SEEDS = 100_000
"""The most seeds of one run: they are listed one by one."""
_SHARED = frozenset(field.name for field in dataclasses.fields(Settings))


class Lane(NamedTuple):
    """One of the runs that are trained together: its name, its seed, and its values of the --over options.

    `seed_parts` are those values that are seeds, such as seed_init; the others are numbers of the rule.
    """

    name: str
    seed: int
    values: dict[str, float]
    seed_parts: dict[str, int]

    def settings(self, settings: C) -> C:
        """Returns the options of this lane as a single run."""
        changes: dict[str, Any] = {
            "seeds": "",
            "over": (),
            "seed": self.seed,
            **self.seed_parts,
            **self.values,
        }
        return dataclasses.replace(settings, **changes)


def lanes(settings: Settings) -> tuple[Lane, ...]:
    """Returns the lanes that --seeds and --over ask for, () for a single run.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Config(Settings):
    ...     width: int = 8
    >>> [lane.name for lane in lanes(Config(seeds="0:2", over=("width=8,16",)))]
    ['seed=0,width=8', 'seed=1,width=8', 'seed=0,width=16', 'seed=1,width=16']
    """
    if not settings.seeds and not settings.over:
        return ()
    if settings.on_nan == "restore":
        raise Refused("--on-nan restore is for single runs, since lanes share their step: use stop or skip")
    seeds = parse_seeds(settings.seeds) if settings.seeds else (settings.seed,)
    over = [_parse_over(settings, text) for text in settings.over]
    names = [name for cells in over for name in cells[0]]
    if len(set(names)) < len(names):
        raise Refused(f"--over names an option twice: {' '.join(settings.over)}")
    grid = []
    for combination in itertools.product(*over):
        values = {name: value for part in combination for name, value in part.items()}
        for seed in seeds:
            name = ",".join([f"seed={seed}", *(f"{name}={value}" for name, value in values.items())])
            parts = {name: int(value) for name, value in values.items() if name in SPLIT}
            numbers = {name: value for name, value in values.items() if name not in SPLIT}
            grid.append(Lane(name, seed, numbers, parts))
    return tuple(grid)


def numbers(settings: Settings) -> dict[str, float]:
    """Returns the values of the first lane by which rules differ, {} if lanes differ in their seeds only."""
    members = lanes(settings)
    return members[0].values if members else {}


def parse_seeds(text: str) -> tuple[int, ...]:
    """Returns the seeds in a list of numbers and half-open ranges: 0:8 is 0 to 7, and 1,4,9 those three.

    >>> parse_seeds("0:3,10")
    (0, 1, 2, 10)
    >>> parse_seeds("3:0")
    Traceback (most recent call last):
    jaxgan.errors.Refused: --seeds 3:0 is not a list of seeds: give 0:8 for 0 to 7, or 1,4,9
    """
    try:
        ranges = [_range(part) for part in text.split(",")]
    except ValueError:
        ranges = []
    if not ranges or min(part.start for part in ranges) < 0 or max(part.stop for part in ranges) > 2**32:
        raise Refused(f"--seeds {text} is not a list of seeds: give 0:8 for 0 to 7, or 1,4,9")
    if (count := sum(map(len, ranges))) > MAX_SEEDS:
        raise Refused(f"--seeds {text} is {count:,} seeds: give at most {MAX_SEEDS:,}")
    seeds = tuple(itertools.chain(*ranges))
    if len(set(seeds)) < len(seeds):
        raise Refused(f"--seeds {text} names a seed twice")
    return seeds


def _range(part: str) -> range:
    start, colon, stop = part.partition(":")
    seeds = range(int(start), int(stop)) if colon else range(int(start), int(start) + 1)
    if not seeds:
        raise ValueError(part)
    return seeds


def _parse_over(settings: Settings, text: str) -> list[dict[str, float]]:
    """Returns the values in NAME=A,B,..., or of options that vary together, lr:b1=1e-3:0.5,1e-4:0.9."""
    names, equals, listed = text.partition("=")
    rows = [part.split(":") for part in listed.split(",")]
    if any(len(row) != len(names.split(":")) for row in rows):
        raise Refused(f"--over {text}: give each option a value, as in lr:b1=1e-3:0.5,1e-4:0.9")
    columns = [
        _parse_values(settings, f"{name}{equals}{','.join(column)}")
        for name, column in zip(names.split(":"), zip(*rows, strict=True), strict=True)
    ]
    cells = [{name: values[number] for name, values in columns} for number in range(len(rows))]
    if any(cell in cells[:number] for number, cell in enumerate(cells)):
        raise Refused(f"--over {text} names a value twice")
    return cells


def _parse_values(settings: Settings, text: str) -> tuple[str, list[float]]:
    """Returns the option and its values in NAME=A,B,..."""
    name, equals, listed = text.partition("=")
    name = name.replace("-", "_")
    fields = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    default = 0 if name in SPLIT else fields.get(name)
    if not equals or isinstance(default, bool) or not isinstance(default, int | float) or name == "seed":
        numbers = ", ".join(n for n, x in fields.items() if type(x) is float)
        raise Refused(
            f"--over {text}: give NAME=A,B,... with an option that is a number ({numbers}); "
            "for seeds use --seeds"
        )
    if name in _SHARED - set(SPLIT):
        raise Refused(
            f"--over {text}: all lanes share --{name.replace('_', '-')}; train these as separate runs"
        )
    try:
        values = [type(default)(value) for value in listed.split(",")]
    except ValueError:
        raise Refused(f"--over {text}: {listed} is not a list of numbers like {default}") from None
    if name in SPLIT:
        for value in values:
            check_seed(int(value), name)
        return name, values
    largest = np.iinfo(np.int32).max if isinstance(default, int) else float(np.finfo(np.float32).max)
    if bad := [value for value in values if not abs(value) <= largest]:  # so that NaN is bad too
        raise Refused(f"--over {text}: {bad[0]} is not a finite number of 32 bits, as lanes need")
    for value in values:
        changes: dict[str, Any] = {name: value}
        check_ranges(dataclasses.replace(settings, **changes))
    return name, values


def lane_index(lanes: tuple[Lane, ...], name: str, run: Any) -> int:
    """Returns the index of the lane of this name, 0 for a single run and no name.

    Raises Refused if there is no such lane, or if no name is given and there are lanes.
    """
    if name and not lanes:
        raise Refused(f"{run} is a single run, without lanes")
    names = [lane.name for lane in lanes] or [""]
    if name in names:
        return names.index(name)
    problem = f"no lane {name}: give one of" if name else f"{len(lanes)} lanes: give --lane with one of"
    raise Refused(f"{run} has {problem} {' '.join(names)}")


def as_single_run(state: State, lane: Lane, settings: Settings) -> State:
    """Returns the state of one lane as that of a single run of these settings.

    A lane that failed is at the step whose update failed, in the state before it, whatever step the other
    lanes have reached.
    """
    seeds = seeds_of(settings)
    guard: Guard = state.rule
    inner = guard.inner.inner if lane.values else guard.inner
    step = state.step if int(guard.failed) < 0 else guard.failed
    data_key = None if seeds.data == seeds.noise else state.data_key
    rule = guard._replace(inner=inner, failed=jnp.int32(-1))
    return with_data_key(state.replace(step=step, rule=rule), data_key)


def rule_of(build: Build, settings: Settings, experiment: Experiment) -> RuleOf:
    """Returns a function from the --over values of a lane to its rule.

    `build` is called while a program is traced, with tracers as values; only the rule it returns is used.
    """
    if not numbers(settings):
        return lambda values: experiment.rule

    def traced_rule(values: Mapping[str, Any]) -> Rule:
        return build(dataclasses.replace(settings, **values), experiment.source).rule

    return over_hparams(traced_rule)


def games(build: Build, settings: Settings, source: Source) -> tuple[Game, ...]:
    """Returns the game of each lane, for one device; () if they share one. Raises what `build` raises."""
    if not numbers(settings):
        return ()
    one_device = dataclasses.replace(settings, parallel="jit")

    @cache  # lanes of the same values share a game, and so what is compiled for it
    def game(items: tuple[tuple[str, float], ...]) -> Game:
        values: dict[str, Any] = dict(items)
        try:  # checks of `build` that cannot be made on tracers are made here, on plain numbers
            return build(dataclasses.replace(one_device, **values), source).rule.game
        except Refused as error:
            listed = ", ".join(f"{name}={value}" for name, value in items)
            raise Refused(f"--over {listed}: {error}") from None

    return tuple(game(tuple(lane.values.items())) for lane in lanes(settings))


def check_over(build: Build, settings: Settings, experiment: Experiment) -> None:
    """Refuses, before anything runs, --over options that cannot be traced, or that no update depends on."""
    if not (values := numbers(settings)):
        return
    one_device, source = dataclasses.replace(settings, parallel="jit"), experiment.source
    lay = layout(experiment, settings)
    leaves = {name: source.leaves[name] for name in experiment.game.given}
    traced_rule = rule_of(build, one_device, experiment)

    def init_and_update(values: dict[str, Any], key: Key, arrays: PyTree) -> State:
        batches, rule = batch(source, lay, arrays, key, jnp.int32(0)), traced_rule(values)
        state = rule.update(rule.init(key, batches), batches)[0]
        return state.replace(rule=state.rule.inner)  # without the values themselves

    def sample(values: dict[str, Any], key: Key, generator: PyTree) -> PyTree:
        given = {name: jnp.zeros((1, *leaf.shape), leaf.dtype) for name, leaf in leaves.items()}
        return traced_rule(values).game.sample(generator, key, jnp.zeros(1, jnp.uint32), given)

    key = jax.random.key(0)
    args = values, key, array_shapes(source, lay)
    try:
        of_update = depends_on(init_and_update, *args)
        of_samples = depends_on(sample, values, key, jax.eval_shape(init_and_update, *args).generator)
    except Exception as error:  # of any kind: the script has just been built of plain numbers
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refused(
            f"--over {', '.join(values)}: the experiment cannot be built with a traced value ({line}); "
            "train these as separate runs"
        ) from None
    if of_samples:
        raise Refused(
            f"--over {', '.join(of_samples)}: samples depend on it, and not only through the parameters; "
            "train these as separate runs"
        )
    if unused := [name for name in values if name not in of_update]:
        raise Refused(
            f"--over {', '.join(unused)}: no update depends on it, so its lanes would be the same run"
        )


def depends_on(program: Callable[..., PyTree], values: Mapping[str, Any], *more: PyTree) -> list[str]:
    """Returns the names of the `values` that the result of `program(values, *more)` depends on.

    >>> depends_on(jax.jit(lambda values, x: values["rate"] * x), {"rate": 2.0, "size": 3}, 1.0)
    ['rate']
    """
    jaxpr = jax.make_jaxpr(program)(values, *more).jaxpr
    _, used = dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return [name for name, needed in zip(sorted(values), used, strict=False) if needed]
