"""Where the lanes of a run lie, and how they move: one after another, or side by side in one program.

A run without lanes is one lane that is not called so. What a checkpoint holds is the same either way.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P
from jax.stages import Compiled, Lowered

from jaxgan.folder.settings import Settings
from jaxgan.games.game import State
from jaxgan.parts.types import PyTree
from jaxgan.rules.guard import Guard
from jaxgan.run.devices import looped, named_means, sharing
from jaxgan.run.experiment import Experiment
from jaxgan.run.feed import Stream, Streams, feeder
from jaxgan.run.lane import Lane
from jaxgan.run.program import RuleOf, layout, lowered, starter
from jaxgan.scale.devices import DATA, data_mesh, data_parallel, distribute, replicated
from jaxgan.scale.lanes import LANE, lane_mesh, lane_parallel, shardings, stack, take_lane

Held = Any  # the state of a run as it lies on devices: only its placement looks into it
Update = Callable[[Held, PyTree], tuple[Held, PyTree]]


class Placement(NamedTuple):
    """A run laid out over devices.

    `begin`: (change) -> the state of step 0, what each lane begins with passed through `change`.
    `at`, `ahead`: (held, step) -> the arrays of one step, or the stream of those from it on.
    `compiling`: (held, arrays) -> a function that waits for the compiled update (held, arrays) -> (held,
    metrics), which is traced at once and compiled in a thread of its own.
    `saved`, `restored`: to the state as a checkpoint holds it, and back.
    `run`: (held, number) -> the state of one lane, on one device.
    `read`: metrics, or the guard of a state, on the host; with a leading axis of lanes where there are any.
    `guard`: (held) -> what `read` is to be given to see which lanes stand still.
    `marked`: (held, number, failed, step) -> the same, but the lane stands still from `failed`, or moves on
    if that is -1; `step` is None or another step to be at.
    """

    begin: Callable[[Callable[[State], State]], Held]
    at: Callable[[Held, int], PyTree]
    ahead: Callable[[Held, int], Stream | Streams]
    compiling: Callable[[Held, PyTree], Callable[[], Update]]
    saved: Callable[[Held], State]
    restored: Callable[[State], Held]
    run: Callable[[Held, int], State]
    read: Callable[[PyTree], Any]
    guard: Callable[[Held], PyTree]
    marked: Callable[[Held, int, int, int | None], Held]


def placement(
    experiment: Experiment, settings: Settings, lanes: tuple[Lane, ...], rule_of: RuleOf
) -> Placement:
    """The placement that was asked for; refused where there is none such."""
    devices, data = sharing(settings, len(lanes))
    place = one_after_another if looped(settings, len(lanes)) else side_by_side
    return place(experiment, settings, lanes, rule_of, devices, data)


def one_after_another(
    experiment: Experiment,
    settings: Settings,
    lanes: tuple[Lane, ...],
    rule_of: RuleOf,
    devices: list[jax.Device],
    data: int,
) -> Placement:
    """Every lane is a state of its own, on a row of devices; a row has its lanes in turn."""
    members = lanes or (Lane("", settings.seed, {}),)
    rows = [data_mesh(devices[i : i + data]) for i in range(0, len(devices), data)][: len(members)]
    mesh_of = [rows[i % len(rows)] for i in range(len(members))]
    experiment = experiment._replace(rule=rule_of(members[0].values))
    feed = feeder(experiment.source, layout(experiment, settings), settings)
    feeds = [feed(replicated(mesh), NamedSharding(mesh, P(None, DATA))) for mesh in rows]
    fed = [feeds[i % len(rows)] for i in range(len(members))]

    def begin(change: Callable[[State], State]) -> Held:
        init = starter(experiment, settings, rule_of)

        def first(i: int) -> State:
            key = distribute(jax.random.key(members[i].seed), replicated(mesh_of[i]))
            state = change(init(key, fed[i].at(key, 0), members[i].values))
            return jax.device_put(state, replicated(mesh_of[i]))

        return tuple(first(i) for i in range(len(members)))

    def at(held: Held, step: int) -> PyTree:
        return tuple(of.at(state.key, step) for of, state in zip(fed, held, strict=True))

    def ahead(held: Held, step: int) -> Streams:
        return Streams([of.ahead(state.key, step) for of, state in zip(fed, held, strict=True)])

    def compiling(held: Held, arrays: PyTree) -> Callable[[], Update]:
        named_means(experiment, settings, held[0], rows[0])
        # what is inlined is traced for the first row and looked up for the others: not by threads at once
        inlined = jax.jit(experiment.rule.update, inline=True)
        once = experiment._replace(rule=experiment.rule._replace(update=inlined))

        def for_row(i: int) -> Lowered:
            spread = partial(data_parallel, mesh=rows[i], way=settings.parallel)
            return lowered(once, settings, held[i], arrays[i], spread, replicated(rows[i]))

        waiting = _compiled_beside([for_row(i) for i in range(len(rows))])

        def compiled() -> Update:
            programs = waiting()

            def update(held: Held, arrays: PyTree) -> tuple[Held, PyTree]:
                moved = [programs[i % len(rows)](held[i], arrays[i]) for i in range(len(members))]
                return tuple(state for state, _ in moved), tuple(metrics for _, metrics in moved)

            return update

        return compiled

    def saved(held: Held) -> State:
        if not lanes:
            return held[0]
        return jax.jit(stack)(tuple(jax.device_put(state, replicated(rows[0])) for state in held))

    def restored(state: State) -> Held:
        if not lanes:
            return (state,)
        return tuple(jax.device_put(take_lane(state, i), replicated(mesh)) for i, mesh in enumerate(mesh_of))

    def read(small: PyTree) -> Any:
        each = jax.device_get(small)
        return jax.tree.map(lambda *x: np.stack(x), *each) if lanes else each[0]

    def marked(held: Held, number: int, failed: int, step: int | None) -> Held:
        state = held[number]
        state = state.replace(rule=state.rule._replace(failed=jnp.int32(failed)))
        state = state if step is None else state.replace(step=jnp.int32(step))
        state = jax.device_put(state, replicated(mesh_of[number]))
        return (*held[:number], state, *held[number + 1 :])

    return Placement(
        begin=begin,
        at=at,
        ahead=ahead,
        compiling=compiling,
        saved=saved,
        restored=restored,
        run=lambda held, number: here(held[number]),
        read=read,
        guard=lambda held: tuple(_small(state.rule) for state in held),
        marked=marked,
    )


def side_by_side(
    experiment: Experiment,
    settings: Settings,
    lanes: tuple[Lane, ...],
    rule_of: RuleOf,
    devices: list[jax.Device],
    data: int,
) -> Placement:
    """All lanes are one state, in one program."""
    mesh = lane_mesh(devices, data)
    everyone = replicated(mesh)
    experiment = experiment._replace(rule=rule_of(lanes[0].values))
    keys = jax.vmap(jax.random.key)(jnp.array([member.seed for member in lanes], jnp.uint32))
    feed = feeder(experiment.source, layout(experiment, settings), settings)
    fed = feed(everyone, NamedSharding(mesh, P(LANE, None, DATA)))

    def begin(change: Callable[[State], State]) -> Held:
        init, arrays = starter(experiment, settings, rule_of), fed.at(keys, 0)

        def first(i: int) -> State:
            own = here(arrays if experiment.source.read is None else choose(arrays, i))
            return change(init(keys[i], own, lanes[i].values))

        state = stack([first(i) for i in range(len(lanes))])
        return distribute(state, shardings(state, mesh))

    def compiling(held: State, arrays: PyTree) -> Callable[[], Update]:
        spread = partial(lane_parallel, mesh=mesh, way=settings.parallel)
        where = (shardings(held, mesh), NamedSharding(mesh, P(LANE)))
        waiting = _compiled_beside([lowered(experiment, settings, held, arrays, spread, where)])
        return lambda: waiting()[0]

    gather = jax.jit(lambda tree: tree, out_shardings=everyone)
    pick = jax.jit(take_lane, out_shardings=everyone)
    choose = jax.jit(lambda tree, i: jax.tree.map(lambda leaf: leaf[i], tree), out_shardings=everyone)

    def marked(held: State, number: int, failed: int, step: int | None) -> State:
        rule = held.rule._replace(failed=held.rule.failed.at[number].set(failed))
        held = held.replace(rule=rule)
        held = held if step is None else held.replace(step=jnp.int32(step))
        return jax.device_put(held, shardings(held, mesh))

    return Placement(
        begin=begin,
        at=lambda held, step: fed.at(keys, step),
        ahead=lambda held, step: fed.ahead(keys, step),
        compiling=compiling,
        saved=lambda held: held,
        restored=lambda state: state,
        run=lambda held, number: here(pick(held, number)),
        read=lambda small: jax.device_get(gather(small)),
        guard=lambda held: _small(held.rule),
        marked=marked,
    )


def here(state: PyTree) -> PyTree:
    """What every device holds the whole of, as one device of this process holds it."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), state)


def _compiled_beside(programs: Sequence[Lowered]) -> Callable[[], list[Compiled]]:
    """Compiles them in threads, while the caller goes on; what is returned waits for them."""
    pool = ThreadPoolExecutor(len(programs))
    under_way = [pool.submit(program.compile) for program in programs]
    pool.shutdown(wait=False)
    return lambda: [program.result() for program in under_way]


def _small(guard: Guard) -> Mapping[str, jax.Array]:
    return {"failed": guard.failed, "skipped": guard.skipped}
