"""Chooses the devices of a run; checks that lanes and batches divide evenly over them and fit in memory."""

import contextlib
import os
from functools import partial
from math import gcd

import jax
from jax.sharding import Mesh

from jaxgan.data.source import array_shapes, batch
from jaxgan.errors import Refused
from jaxgan.folder.settings import Settings
from jaxgan.games.game import State
from jaxgan.run.ahead import lower_lanes
from jaxgan.run.experiment import Experiment
from jaxgan.run.lane import Lane
from jaxgan.run.program import RuleOf, layout, start_shapes
from jaxgan.run.seeds import with_data_key
from jaxgan.scale import memory
from jaxgan.scale.devices import data_mesh, data_parallel


def in_turn(settings: Settings, lanes: int) -> bool:
    """Whether lanes are trained one after another.

    On a CPU, one device per core and lanes in turn are faster than `vmap`: its batched matrix products and
    grouped convolutions are slower there than plain ones. For accelerators see `timing.with_faster`.
    """
    single_process = jax.process_count() == 1
    if settings.lanes == "loop" and lanes and not single_process:
        raise Refused("--lanes loop needs a single process: use --lanes vmap with several")
    auto = settings.lanes == "auto" and not accelerator() and single_process
    return not lanes or settings.lanes == "loop" or auto


def accelerator() -> str:
    """Returns the kind of the accelerators on which JAX runs, "" on a CPU."""
    first = jax.devices()[0]
    return "" if first.platform == "cpu" else first.device_kind


def make_devices(settings: Settings, lanes: int) -> None:
    """Makes as many CPU devices as are asked for, or one per core for lanes, before JAX has started.

    JAX_NUM_CPU_DEVICES, if set, decides instead.
    """
    count = settings.devices or (min(cores(), lanes) if settings.lanes != "vmap" else 1)
    if count > 1 and "JAX_NUM_CPU_DEVICES" not in os.environ:
        with contextlib.suppress(RuntimeError):  # JAX has started already, with the devices that it has
            jax.config.update("jax_num_cpu_devices", count)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def choose_devices(settings: Settings, lanes: int) -> tuple[list[jax.Device], int]:
    """Returns the devices to use, and how many of them share a batch.

    Raises Refused if lanes or a batch do not divide evenly over them, or if there are too few devices.
    """
    devices, single_process = jax.devices(), jax.process_count() == 1
    default = len(devices)
    if not accelerator() and single_process:
        default = min(cores(), lanes, default) if lanes and in_turn(settings, lanes) else 1
    count = settings.devices or default
    if count > len(devices) or count < 1:
        raise Refused(f"--devices {settings.devices}: there are {len(devices)} ({devices[0].device_kind})")
    if count < len(devices) and not single_process:
        raise Refused(f"--devices {count}: {jax.process_count()} processes need all {len(devices)} they have")
    vmapped = lanes > 0 and not in_turn(settings, lanes)
    if settings.parallel == "pmap" and (vmapped or not single_process):
        raise Refused("--parallel pmap needs one process, and no lanes side by side: use jit or shard_map")
    return devices[:count], data_devices(settings, lanes, count, vmapped)


def data_devices(settings: Settings, lanes: int, count: int, vmapped: bool) -> int:
    """Returns how many of `count` devices share a batch; refuses lanes or a batch that do not divide evenly.

    >>> data_devices(Settings(), 4, 8, vmapped=True)
    2
    """
    per_lane = max(1, count // max(lanes, 1))
    most = count // gcd(lanes, count) if vmapped else max(n for n in range(1, per_lane + 1) if count % n == 0)
    data = settings.data_devices or most
    if count % data or (not lanes and data != count):
        raise Refused(
            f"--data-devices {data} does not divide {count} devices"
            if lanes
            else f"--data-devices {data}: without lanes all {count} devices share each batch"
        )
    if vmapped and lanes % (count // data):
        raise Refused(
            f"{lanes} lanes do not divide evenly over {count // data} rows of {data} of the {count} devices: "
            f"use --data-devices {count // gcd(lanes, count)}"
        )
    batch = settings.batch_size
    if batch % data:
        sizes = " or ".join(str(n) for n in (batch // data * data, -(-batch // data) * data) if n)
        fewer = max(n for n in range(1, data) if batch % n == 0)
        raise Refused(
            f"a batch of {batch} does not divide evenly over {data} devices: use a batch of {sizes}, "
            f"or {fewer} devices"
        )
    return data


def check_axis_names(experiment: Experiment, settings: Settings, state: State, mesh: Mesh) -> None:
    """Refuses a recipe whose means are of one device's share of the batch, since they do not name the axis.

    Tracing by `shard_map` finds such means. `pmap` would silently use one device's values, so under it the
    game needs a lowering with the axis as well, by which its gradients are averaged.
    """
    if settings.parallel == "jit":
        return
    problem = (
        f"--parallel {settings.parallel} needs a recipe whose means name the axis of devices: give "
        "config.lowering to the game, and its axis to BatchNorm"
    )
    if settings.parallel == "pmap" and experiment.game.lowering.axis is None:
        raise Refused(problem)
    lay = layout(experiment, settings)
    take = partial(batch, experiment.source, lay)
    batches = jax.eval_shape(take, array_shapes(experiment.source, lay), state.data_key, state.step)
    unguarded = state.replace(rule=state.rule.inner)
    try:
        jax.eval_shape(data_parallel(experiment.rule.update, mesh, "shard_map"), unguarded, batches)
    except Refused:
        raise
    except ValueError as error:
        line = str(error).strip().splitlines()[0]
        raise Refused(f"{problem} ({line})") from None


def check_memory(
    experiment: Experiment, settings: Settings, lanes: tuple[Lane, ...], rule_of: RuleOf
) -> None:
    """Refuses more lanes than fit into memory and says how many do, by compiling programs for them."""
    if not lanes:
        return
    devices, data = choose_devices(settings, len(lanes))
    experiment = experiment._replace(rule=rule_of(lanes[0].values))
    lane = start_shapes(experiment, settings, [of_lane.settings(settings) for of_lane in lanes])
    limit = memory.limit(jax.local_devices()[0])
    on_cpu, loop, rows = not accelerator(), in_turn(settings, len(lanes)), len(devices) // data
    rows = min(rows, len(lanes)) if loop else rows
    if not loop:  # lanes in turn are checked when they are compiled
        check_axis_names(experiment, settings, lane, data_mesh(devices[:data]))
    per_device = limit // len(devices) if on_cpu else limit  # CPU devices share the memory of the computer
    arrays = jax.tree.leaves(with_data_key(lane.replace(key=()), None))
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in arrays)

    def fits(per_row: int) -> bool:
        count = per_row * rows
        if loop:  # the states where they are, and room to gather them on the first row and save them
            return ((count if on_cpu else per_row) + 2 * count) * size <= limit
        if 2 * per_row * size > per_device:  # the states before and after an update
            return False
        program = lower_lanes(experiment, settings, lane, count, devices, data).compile()
        return memory.needs(program) <= per_device

    if fits(per_row := -(-len(lanes) // rows)):
        return
    most = memory.largest_fit(fits, per_row) * rows
    raise Refused(
        f"{len(lanes)} lanes do not fit into {limit / 2**30:.1f} GiB of {devices[0].device_kind}: {most} do"
    )
