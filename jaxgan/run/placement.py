"""Places the lanes of a run on devices and updates them: one after another, or side by side in one program.

A run without lanes is placed as a single unnamed lane. The format of a checkpoint is the same either way.
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
from jaxgan.run.devices import check_axis_names, choose_devices, in_turn
from jaxgan.run.experiment import Experiment
from jaxgan.run.feed import Stream, Streams, make_feed
from jaxgan.run.lane import Lane
from jaxgan.run.program import RuleOf, layout, lower_update, make_init
from jaxgan.run.seeds import root_keys
from jaxgan.scale.devices import DATA, data_mesh, data_parallel, distribute, replicated
from jaxgan.scale.lanes import LANE, lane_mesh, lane_parallel, shardings, stack, take_lane

Sharded = Any  # the state of a run, sharded over devices: only the functions of its placement read it
Update = Callable[[Sharded, PyTree], tuple[Sharded, PyTree]]


class Placement(NamedTuple):
    """A run placed on devices, as functions of its sharded state.

    `init`: (change) -> the state of step 0, after `change` was applied to the initial state of each lane.
    `at`, `ahead`: (state, step) -> the arrays of one step, or the stream of arrays from that step on.
    `compile`: (state, arrays) -> a function that waits for the compiled update (state, arrays) -> (state,
    metrics). The update is traced at once and compiled in a thread.
    `gather`, `scatter`: to the state that a checkpoint stores, and back.
    `lane`: (state, number) -> the state of one lane, on one device.
    `read`: copies metrics, or the guard of a state, to the host; with a leading lane axis if there are lanes.
    `guard`: (state) -> which lanes have failed and how many updates were skipped, for `read`.
    `with_failed`: (state, number, failed, step) -> the state in which this lane has failed at step `failed`,
    or is updated again if `failed` is -1. If `step` is not None, it becomes the step of the state.
    """

    init: Callable[[Callable[[State], State]], Sharded]
    at: Callable[[Sharded, int], PyTree]
    ahead: Callable[[Sharded, int], Stream | Streams]
    compile: Callable[[Sharded, PyTree], Callable[[], Update]]
    gather: Callable[[Sharded], State]
    scatter: Callable[[State], Sharded]
    lane: Callable[[Sharded, int], State]
    read: Callable[[PyTree], Any]
    guard: Callable[[Sharded], PyTree]
    with_failed: Callable[[Sharded, int, int, int | None], Sharded]


def placement(
    experiment: Experiment, settings: Settings, lanes: tuple[Lane, ...], rule_of: RuleOf
) -> Placement:
    """Returns the placement that the settings ask for; raises Refused if there are no devices for it."""
    devices, data = choose_devices(settings, len(lanes))
    place = one_after_another if in_turn(settings, len(lanes)) else side_by_side
    return place(experiment, settings, lanes, rule_of, devices, data)


def one_after_another(
    experiment: Experiment,
    settings: Settings,
    lanes: tuple[Lane, ...],
    rule_of: RuleOf,
    devices: list[jax.Device],
    data: int,
) -> Placement:
    """Places each lane as a separate state on a row of `data` devices; a row updates its lanes in turn."""
    members = lanes or (Lane("", settings.seed, {}, {}),)
    keys = root_keys([member.settings(settings) for member in members])
    rows = [data_mesh(devices[i : i + data]) for i in range(0, len(devices), data)][: len(members)]
    mesh_of = [rows[i % len(rows)] for i in range(len(members))]
    experiment = experiment._replace(rule=rule_of(members[0].values))
    feed_on = make_feed(experiment.source, layout(experiment, settings), settings)
    row_feeds = [feed_on(replicated(mesh), NamedSharding(mesh, P(None, DATA))) for mesh in rows]
    feeds = [row_feeds[i % len(rows)] for i in range(len(members))]

    def init(change: Callable[[State], State]) -> Sharded:
        init_lane = make_init(experiment, settings, rule_of)

        def initial(i: int) -> State:
            of_lane = distribute(keys[i], replicated(mesh_of[i]))
            state = init_lane(of_lane, feeds[i].at(of_lane.of_data, 0), members[i].values)
            return jax.device_put(change(state), replicated(mesh_of[i]))

        return tuple(initial(i) for i in range(len(members)))

    def at(states: Sharded, step: int) -> PyTree:
        return tuple(feed.at(state.data_key, step) for feed, state in zip(feeds, states, strict=True))

    def ahead(states: Sharded, step: int) -> Streams:
        return Streams([feed.ahead(state.data_key, step) for feed, state in zip(feeds, states, strict=True)])

    def compile_update(states: Sharded, arrays: PyTree) -> Callable[[], Update]:
        check_axis_names(experiment, settings, states[0], rows[0])
        # traced for the first row and cached for the others, so the rows are lowered one after another
        inlined = jax.jit(experiment.rule.update, inline=True)
        cached = experiment._replace(rule=experiment.rule._replace(update=inlined))

        def lower(i: int) -> Lowered:
            spread = partial(data_parallel, mesh=rows[i], way=settings.parallel)
            return lower_update(cached, settings, states[i], arrays[i], spread, replicated(rows[i]))

        programs_ready = _compile_in_threads([lower(i) for i in range(len(rows))])

        def compiled() -> Update:
            programs = programs_ready()

            def update(states: Sharded, arrays: PyTree) -> tuple[Sharded, PyTree]:
                results = [programs[i % len(rows)](states[i], arrays[i]) for i in range(len(members))]
                return tuple(state for state, _ in results), tuple(metrics for _, metrics in results)

            return update

        return compiled

    def gather(states: Sharded) -> State:
        if not lanes:
            return states[0]
        return jax.jit(stack)(tuple(jax.device_put(state, replicated(rows[0])) for state in states))

    def scatter(state: State) -> Sharded:
        if not lanes:
            return (state,)
        return tuple(jax.device_put(take_lane(state, i), replicated(mesh)) for i, mesh in enumerate(mesh_of))

    def read(trees: PyTree) -> Any:
        host = jax.device_get(trees)
        return jax.tree.map(lambda *leaves: np.stack(leaves), *host) if lanes else host[0]

    def with_failed(states: Sharded, number: int, failed: int, step: int | None) -> Sharded:
        state = states[number]
        state = state.replace(rule=state.rule._replace(failed=jnp.int32(failed)))
        state = state if step is None else state.replace(step=jnp.int32(step))
        state = jax.device_put(state, replicated(mesh_of[number]))
        return (*states[:number], state, *states[number + 1 :])

    return Placement(
        init=init,
        at=at,
        ahead=ahead,
        compile=compile_update,
        gather=gather,
        scatter=scatter,
        lane=lambda states, number: _local_copy(states[number]),
        read=read,
        guard=lambda states: tuple(_guard_values(state.rule) for state in states),
        with_failed=with_failed,
    )


def side_by_side(
    experiment: Experiment,
    settings: Settings,
    lanes: tuple[Lane, ...],
    rule_of: RuleOf,
    devices: list[jax.Device],
    data: int,
) -> Placement:
    """Places all lanes as one state with a lane axis, updated by one program."""
    mesh = lane_mesh(devices, data)
    on_all = replicated(mesh)
    experiment = experiment._replace(rule=rule_of(lanes[0].values))
    keys = root_keys([lane.settings(settings) for lane in lanes])
    data_keys = jnp.stack([of_lane.of_data for of_lane in keys])
    feed_on = make_feed(experiment.source, layout(experiment, settings), settings)
    feed = feed_on(on_all, NamedSharding(mesh, P(LANE, None, DATA)))

    def init(change: Callable[[State], State]) -> Sharded:
        init_lane, arrays = make_init(experiment, settings, rule_of), feed.at(data_keys, 0)

        def initial(i: int) -> State:
            of_lane = _local_copy(arrays if experiment.source.read is None else pick_arrays(arrays, i))
            return change(init_lane(keys[i], of_lane, lanes[i].values))

        state = stack([initial(i) for i in range(len(lanes))])
        return distribute(state, shardings(state, mesh))

    def compile_update(state: State, arrays: PyTree) -> Callable[[], Update]:
        spread = partial(lane_parallel, mesh=mesh, way=settings.parallel)
        shards = (shardings(state, mesh), NamedSharding(mesh, P(LANE)))
        ready = _compile_in_threads([lower_update(experiment, settings, state, arrays, spread, shards)])
        return lambda: ready()[0]

    replicate = jax.jit(lambda tree: tree, out_shardings=on_all)
    pick_lane = jax.jit(take_lane, out_shardings=on_all)
    pick_arrays = jax.jit(lambda tree, i: jax.tree.map(lambda leaf: leaf[i], tree), out_shardings=on_all)

    def with_failed(state: State, number: int, failed: int, step: int | None) -> State:
        state = state.replace(rule=state.rule._replace(failed=state.rule.failed.at[number].set(failed)))
        state = state if step is None else state.replace(step=jnp.int32(step))
        return jax.device_put(state, shardings(state, mesh))

    return Placement(
        init=init,
        at=lambda state, step: feed.at(data_keys, step),
        ahead=lambda state, step: feed.ahead(data_keys, step),
        compile=compile_update,
        gather=lambda state: state,
        scatter=lambda state: state,
        lane=lambda state, number: _local_copy(pick_lane(state, number)),
        read=lambda tree: jax.device_get(replicate(tree)),
        guard=lambda state: _guard_values(state.rule),
        with_failed=with_failed,
    )


def _local_copy(tree: PyTree) -> PyTree:
    """Returns one device's copy of replicated arrays, a device of this process."""
    return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)


def _compile_in_threads(programs: Sequence[Lowered]) -> Callable[[], list[Compiled]]:
    """Starts compiling in threads and returns a function that waits for the compiled programs."""
    pool = ThreadPoolExecutor(len(programs))
    futures = [pool.submit(program.compile) for program in programs]
    pool.shutdown(wait=False)
    return lambda: [future.result() for future in futures]


def _guard_values(guard: Guard) -> Mapping[str, jax.Array]:
    return {"failed": guard.failed, "skipped": guard.skipped}
