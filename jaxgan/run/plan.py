"""What an update would cost on a TPU slice that need not exist, found by compiling it for the slice."""

from typing import NamedTuple

import jax
from jax.stages import Compiled, Lowered

from jaxgan.errors import Refused
from jaxgan.folder.settings import Settings
from jaxgan.run.ahead import lower_lanes, lower_run
from jaxgan.run.devices import check_axis_names, data_devices
from jaxgan.run.experiment import Experiment
from jaxgan.run.lane import Lane
from jaxgan.run.program import RuleOf, start_shapes
from jaxgan.scale.chips import Roofline, roofline
from jaxgan.scale.collectives import Collective, by_kind, collectives
from jaxgan.scale.devices import data_mesh
from jaxgan.scale.topology import Topology
from jaxgan.scale.traffic import traffic


class Memory(NamedTuple):
    """The bytes that a program needs on each device, as the compiler has laid them out."""

    arguments: int
    results: int
    temporaries: int
    peak: int


class Cost(NamedTuple):
    """What one update does on each device: `flops`, bytes of memory `traffic`, and communication."""

    flops: float
    traffic: int
    communication: list[Collective]
    memory: Memory


class Plan(NamedTuple):
    """The cost of the update of a run on a slice, where `shared` devices share a batch.

    `fitting` estimates how many lanes fit on a row of these devices; None without lanes.
    """

    topology: Topology
    shared: int
    lanes: int
    cost: Cost
    fitting: int | None

    @property
    def roofline(self) -> Roofline:
        """The least time of an update, by the peak figures of the chip."""
        return roofline(self.topology.chip, self.cost.flops, self.cost.traffic, self.cost.communication)


def plan(
    experiment: Experiment,
    settings: Settings,
    lanes: tuple[Lane, ...],
    rule_of: RuleOf,
    topology: Topology,
) -> Plan:
    """Compiles the update for the slice; raises Refused if it cannot be placed there or does not fit."""
    devices, count = topology.devices, len(lanes)
    _check(settings, count, topology)
    shared = data_devices(settings, count, len(devices), vmapped=bool(lanes))
    if lanes:
        experiment = experiment._replace(rule=rule_of(lanes[0].values))
    state = start_shapes(experiment, settings, [lane.settings(settings) for lane in lanes])
    check_axis_names(experiment, settings, state, data_mesh(devices[:shared]))
    if not lanes:
        program = _compiled(lower_run(experiment, settings, state, devices), topology)
        return Plan(topology, shared, 0, cost(program), None)
    rows = len(devices) // shared

    def cost_of(per_row: int) -> Cost:
        lowered = lower_lanes(experiment, settings, state, per_row * rows, devices, shared)
        return cost(_compiled(lowered, topology))

    per_row = count // rows
    of_run = cost_of(per_row)
    other = per_row + 1 if per_row == 1 else 1
    fitting = _fitting({per_row: of_run.memory.peak, other: cost_of(other).memory.peak}, topology.chip.memory)
    return Plan(topology, shared, count, of_run, max(fitting, per_row))


def cost(program: Compiled) -> Cost:
    """Returns what one execution of a compiled program costs each device.

    >>> import jax.numpy as jnp
    >>> x = jnp.zeros((64, 64))
    >>> cost(jax.jit(lambda x: x @ x).lower(x).compile()).flops
    524288.0
    """
    hlo, figures, m = program.as_text() or "", program.cost_analysis(), program.memory_analysis()
    assert figures is not None
    assert m is not None
    memory = Memory(
        m.argument_size_in_bytes,
        m.output_size_in_bytes,
        m.temp_size_in_bytes,
        m.peak_memory_in_bytes,
    )
    return Cost(figures["flops"], traffic(hlo), collectives(hlo), memory)


def describe(plan: Plan, settings: Settings) -> str:
    """Returns a plan in words: arithmetic, memory traffic, communication, the roofline, and what is held."""
    cost, least = plan.cost, plan.roofline
    kinds = [f"{n} {kind} of {_size(size)}" for kind, (n, size) in by_kind(cost.communication).items()]
    memory = cost.memory
    lines = [
        f"{plan.topology.name}: {_placed(plan, settings.batch_size)}",
        f"  arithmetic  {_quantity(least.arithmetic, 's'):>8}  {_quantity(cost.flops, 'FLOP')}",
        f"  memory      {_quantity(least.memory, 's'):>8}  {_size(cost.traffic)} read and written",
        f"  network     {_quantity(least.network, 's'):>8}  {', '.join(kinds) or 'no collectives'}",
        f"  bound by {least.bound}: an update takes at least {_quantity(least.seconds, 's')}",
        f"  holds {_size(memory.peak)} of {_size(plan.topology.chip.memory)}: "
        f"arguments {_size(memory.arguments)}, results {_size(memory.results)}, "
        f"temporaries {_size(memory.temporaries)}",
    ]
    if plan.fitting is not None:
        rows = len(plan.topology.devices) // plan.shared
        lines.append(f"  about {plan.fitting * rows:,} lanes fit, {plan.fitting:,} {_on_each(plan)}")
    return "\n".join(lines)


def _placed(plan: Plan, batch: int) -> str:
    devices = len(plan.topology.devices)
    chips = "1 chip" if devices == 1 else f"{devices:,} chips"
    if plan.lanes:
        per_row = plan.lanes * plan.shared // devices
        batches = "which share their" if plan.shared > 1 else "with"
        lanes = f"{plan.lanes:,} lanes, {per_row:,} {_on_each(plan)}"
        return f"{chips}; {lanes}, {batches} batches of {batch:,}"
    return f"{chips}, {'which share' if devices > 1 else 'with'} batches of {batch:,}"


def _on_each(plan: Plan) -> str:
    return "on each chip" if plan.shared == 1 else f"on each {plan.shared:,} chips"


def _check(settings: Settings, lanes: int, topology: Topology) -> None:
    """Refuses settings that are of machines which are there."""
    if settings.devices not in (0, len(topology.devices)):
        raise Refused(
            f"--devices {settings.devices}: {topology.name} has {len(topology.devices)}; leave it out here"
        )
    if settings.parallel == "pmap":
        raise Refused("--parallel pmap needs devices that are there: use jit or shard_map")
    if lanes and settings.lanes == "loop":
        raise Refused("--lanes loop trains each lane as a single run: leave out --seeds and --over here")


def _compiled(lowered: Lowered, topology: Topology) -> Compiled:
    try:
        return lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        line = str(error).splitlines()[0].removeprefix("RESOURCE_EXHAUSTED: ")
        raise Refused(f"the update does not fit into a chip of {topology.name}: {line[:200]}") from None


def _fitting(peaks: dict[int, int], memory: int) -> int:
    """Returns how many lanes fit, by a line through the peak memory of two numbers of lanes.

    >>> _fitting({1: 30, 2: 40}, 100)
    8
    """
    (few, low), (many, high) = sorted(peaks.items())
    each = (high - low) / (many - few)
    return int((memory - (low - few * each)) // each) if each > 0 else many


def _quantity(value: float, unit: str) -> str:
    """Returns a value with a prefix of its unit.

    >>> _quantity(0.0000123, "s"), _quantity(4.5e12, "FLOP"), _quantity(0.0, "s")
    ('12.3 us', '4.5 TFLOP', '0 s')
    """
    for power, prefix in zip(range(12, -13, -3), ("T", "G", "M", "k", "", "m", "u", "n", "p"), strict=True):
        if value >= 0.9995 * 10.0**power:
            return f"{value / 10.0**power:.3g} {prefix}{unit}"
    return f"0 {unit}"


def _size(count: float) -> str:
    return _quantity(count, "B")
