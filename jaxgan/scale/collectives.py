"""The communication of a compiled program, read from its optimised HLO: its collectives and their bytes."""

import re
from collections import Counter
from collections.abc import Iterable
from math import prod
from typing import NamedTuple

from jaxgan.scale.hlo import Instruction, Program, bytes_of, elements, parse

KINDS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "ragged-all-to-all",
    "collective-permute",
    "collective-broadcast",
)


class Collective(NamedTuple):
    """One collective operation: its kind, the bytes of its full array, and how many devices take part.

    The full array is the sum of an all-reduce, the result of an all-gather, the operand of a reduce-scatter.
    """

    kind: str
    bytes: int
    devices: int

    @property
    def sent(self) -> float:
        """The bytes that each device sends at least, as in a ring: 2 (n - 1) / n of an array to be summed.

        >>> Collective("all-reduce", 1000, 4).sent, Collective("all-gather", 1000, 4).sent
        (1500.0, 750.0)
        """
        if self.kind.startswith("collective-"):
            return float(self.bytes)
        share = (self.devices - 1) / self.devices
        return self.bytes * share * (2 if self.kind == "all-reduce" else 1)


def collectives(hlo: str) -> list[Collective]:
    """Returns the collectives of one execution of a program, given `compiled.as_text()`.

    Of the branches of a condition, those of the branch that sends most count; a loop counts as often as it
    runs if the compiler knows how often, else once. Operations on one device are left out.

    >>> collectives('''HloModule update, num_partitions=8
    ... ENTRY %main (x: f32[3,2]) -> f32[3,2] {
    ...   %x = f32[3,2]{1,0} parameter(0)
    ...   ROOT %sum = f32[3,2]{1,0} all-reduce(%x), replica_groups=[1,8]<=[8], to_apply=%add
    ... }''')
    [Collective(kind='all-reduce', bytes=24, devices=8)]
    """
    program = parse(hlo)
    return _of_computation(program, program.entry)


def by_kind(operations: Iterable[Collective]) -> dict[str, tuple[int, int]]:
    """Returns the number of collectives of each kind, and their bytes.

    >>> by_kind([Collective("all-reduce", 8, 2), Collective("all-reduce", 4, 2)])
    {'all-reduce': (2, 12)}
    """
    number, total = Counter[str](), Counter[str]()
    for operation in operations:
        number[operation.kind] += 1
        total[operation.kind] += operation.bytes
    return {kind: (number[kind], total[kind]) for kind in number}


def _of_computation(program: Program, name: str) -> list[Collective]:
    operations = []
    for instruction in program.computations.get(name, []):
        if instruction.opcode.removesuffix("-start") in KINDS:
            operation = _collective(instruction, program.devices)
            operations += [operation] if operation.devices > 1 else []
            continue
        inner = [_of_computation(program, called) for called in instruction.called]
        if instruction.opcode == "conditional":
            operations += max(inner, key=lambda branch: sum(each.sent for each in branch), default=[])
        else:
            operations += [each for called in inner for each in called] * instruction.repetitions
    return operations


def _collective(instruction: Instruction, devices: int) -> Collective:
    kind = instruction.opcode.removesuffix("-start")
    group = _group_size(instruction.attributes, devices)
    result = instruction.result
    if kind != instruction.opcode and kind != "all-reduce":  # a tuple (operands, results, ...)
        result = elements(result)[1]
    return Collective(kind, bytes_of(result) * (group if kind == "reduce-scatter" else 1), group)


def _group_size(attributes: str, devices: int) -> int:
    """Returns the number of devices of a group, written as {{0,1},{2,3}}, as [2,2]<=[4], or by mesh axes."""
    if "source_target_pairs=" in attributes:
        return devices
    if listed := re.search(r"replica_groups=\{\{([\d,]*)\}", attributes):
        return len(listed[1].split(","))
    if tiled := re.search(r"replica_groups=\[\d+,(\d+)\]<=", attributes):
        return int(tiled[1])
    if mesh := re.search(r"replica_groups=mesh\[([^\]]*)\] ?\{([^}]*)\}", attributes):
        sizes = dict(re.findall(r"'(\w+)'=(\d+)", mesh[1]))
        axes = re.findall(r"'(\w+)'(?::\(\d+\)(\d+))?", mesh[2])  # a part of an axis has its size behind it
        return prod(int(size or sizes[axis]) for axis, size in axes)
    return devices
