"""Which devices a run gets, and how many of them share a batch; refused where the numbers do not go up."""

import contextlib
import os
from functools import partial
from math import gcd

import jax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxgan.data.source import batch, shapes
from jaxgan.errors import Refused
from jaxgan.folder.settings import Settings
from jaxgan.games.game import State
from jaxgan.run.experiment import Experiment
from jaxgan.run.lane import Lane
from jaxgan.run.program import RuleOf, layout, lowered, start_shapes
from jaxgan.scale import memory
from jaxgan.scale.devices import DATA, data_mesh, data_parallel, replicated
from jaxgan.scale.lanes import LANE, lane_mesh, lane_parallel, shardings, stack


def looped(settings: Settings, lanes: int) -> bool:
    """Whether lanes are played one after another.

    On a CPU, one device to a core and lanes in turn beat `vmap`: its batched matrix products and grouped
    convolutions are slower there than plain ones.
    """
    alone = jax.process_count() == 1
    auto = jax.default_backend() == "cpu" and alone
    if settings.lanes == "loop" and lanes and not alone:
        raise Refused("--lanes loop is of one process; across several they lie side by side, --lanes vmap")
    return not lanes or settings.lanes == "loop" or (settings.lanes == "auto" and auto)


def make_devices(settings: Settings, lanes: int) -> None:
    """Makes as many devices of the CPU as are asked for, or one to a core for lanes; to be called before
    anything else of JAX. JAX_NUM_CPU_DEVICES, where it is set, decides instead."""
    count = settings.devices or (min(cores(), lanes) if settings.lanes != "vmap" else 1)
    if count > 1 and "JAX_NUM_CPU_DEVICES" not in os.environ:
        with contextlib.suppress(RuntimeError):  # JAX runs already: there are those that there are
            jax.config.update("jax_num_cpu_devices", count)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sharing(settings: Settings, lanes: int) -> tuple[list[jax.Device], int]:
    """The devices to use, and how many of them share a batch; refused where the numbers do not go up."""
    there, alone = jax.devices(), jax.process_count() == 1
    usual = len(there)
    if there[0].platform == "cpu" and alone:
        usual = min(cores(), lanes, usual) if lanes and looped(settings, lanes) else 1
    count = settings.devices or usual
    if count > len(there) or count < 1:
        raise Refused(f"--devices {settings.devices}: there are {len(there)}, {there[0].device_kind}")
    if count < len(there) and not alone:
        raise Refused(f"--devices {count}: {jax.process_count()} processes use all they have, {len(there)}")
    side = lanes > 0 and not looped(settings, lanes)
    each = max(1, count // max(lanes, 1))
    share = count // gcd(lanes, count) if side else max(n for n in range(1, each + 1) if count % n == 0)
    data = settings.data_devices or share
    if count % data or (not lanes and data != count):
        raise Refused(
            f"--data-devices {data} does not divide {count} devices"
            if lanes
            else f"--data-devices {data}: without lanes all {count} devices share each batch"
        )
    if side and lanes % (count // data):
        raise Refused(
            f"{lanes} lanes do not divide over {count // data} rows of {data} of the {count} devices: "
            f"take --data-devices {count // gcd(lanes, count)}"
        )
    batch = settings.batch_size
    if batch % data:
        near = " or ".join(str(n) for n in (batch // data * data, -(-batch // data) * data) if n)
        fewer = max(n for n in range(1, data) if batch % n == 0)
        raise Refused(
            f"a batch of {batch} does not divide over {data} devices: take {near}, or {fewer} devices"
        )
    if settings.parallel == "pmap" and (side or not alone):
        raise Refused("--parallel pmap is of one process and without lanes: take jit or shard_map")
    return there[:count], data


def named_means(experiment: Experiment, settings: Settings, state: State, mesh: Mesh) -> None:
    """Refuses a recipe that takes means of each device's share alone, where it has to name the axis.

    `shard_map` finds out by itself, while it is traced; `pmap` would go on with one device's numbers, so its
    rules have to average gradients, by the game's own lowering.
    """
    if settings.parallel == "jit":
        return
    needs = (
        f"--parallel {settings.parallel} needs a recipe whose means name the axis of devices: give "
        "config.lowering to the game, and its axis to BatchNorm"
    )
    if settings.parallel == "pmap" and experiment.game.lowering.axis is None:
        raise Refused(needs)
    lay = layout(experiment, settings)
    made = partial(batch, experiment.source, lay)
    batches = jax.eval_shape(made, shapes(experiment.source, lay), state.key, state.step)
    try:
        jax.eval_shape(data_parallel(experiment.rule.update, mesh, "shard_map"), _inner(state), batches)
    except Refused:
        raise
    except ValueError as error:
        line = str(error).strip().splitlines()[0]
        raise Refused(f"{needs} ({line})") from None


def _inner(state: State) -> State:
    return state.replace(rule=state.rule.inner)


def fit(experiment: Experiment, settings: Settings, lanes: tuple[Lane, ...], rule_of: RuleOf) -> None:
    """Refuses more lanes than memory holds, and says how many it does: by compiling for them."""
    if not lanes:
        return
    devices, data = sharing(settings, len(lanes))
    experiment = experiment._replace(rule=rule_of(lanes[0].values))
    one, there = start_shapes(experiment, settings), memory.limit(jax.local_devices()[0])
    on_cpu, in_turn, rows = devices[0].platform == "cpu", looped(settings, len(lanes)), len(devices) // data
    rows = min(rows, len(lanes)) if in_turn else rows
    if not in_turn:  # the others are compiled later, and asked then
        named_means(experiment, settings, one, data_mesh(devices[:data]))
    room = there // len(devices) if on_cpu else there  # devices of a CPU share the computer's
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(jax.eval_shape(_raw, one)))

    def compiles(per_row: int) -> bool:
        mesh = lane_mesh(devices, data)
        state = jax.eval_shape(stack, [one] * per_row * rows)
        state = jax.tree.map(_shaped, state, shardings(state, mesh))
        arrays = shapes(experiment.source, layout(experiment, settings))
        if experiment.source.read is None:
            where = replicated(mesh)
        else:
            where, count = NamedSharding(mesh, P(LANE, None, DATA)), per_row * rows
            arrays = jax.tree.map(lambda x: jax.ShapeDtypeStruct((count, *x.shape), x.dtype), arrays)
        arrays = jax.tree.map(lambda leaf: _shaped(leaf, where), arrays)
        spread = partial(lane_parallel, mesh=mesh, way=settings.parallel)
        return memory.needs(lowered(experiment, settings, state, arrays, spread).compile()) <= room

    def held(per_row: int) -> bool:
        """The states, and room to work: for lanes in turn, to gather them on the first row and save them."""
        every = per_row * rows
        if in_turn:
            return ((every if on_cpu else per_row) + 2 * every) * size <= there
        return 2 * per_row * size <= room

    fits, per_row = held if in_turn else compiles, -(-len(lanes) // rows)
    if held(per_row) and fits(per_row):
        return
    found = memory.largest_fit(lambda n: held(n) and fits(n), per_row) * rows
    raise Refused(
        f"{len(lanes)} lanes do not fit into {there / 2**30:.1f} GiB of {devices[0].device_kind}: {found} do"
    )


def _raw(state: State) -> State:
    return state.replace(key=jax.random.key_data(state.key))


def _shaped(leaf: jax.ShapeDtypeStruct, sharding: NamedSharding) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
