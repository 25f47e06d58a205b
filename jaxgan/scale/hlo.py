"""The text of a compiled program, its optimised HLO, as instructions by computation."""

import re
from collections.abc import Iterator
from math import prod
from typing import NamedTuple


class Instruction(NamedTuple):
    """One instruction: its name, the type of its result, its opcode, its operands, and all else."""

    name: str
    result: str
    opcode: str
    operands: tuple[str, ...]
    attributes: str

    @property
    def called(self) -> list[str]:
        """The computations that it calls: the branches of a condition, the body of a loop or of a fusion."""
        computations = (_names(one, several) for one, several in _CALLED.findall(self.attributes))
        return [name for names in computations for name in names]

    @property
    def repetitions(self) -> int:
        """How often what it calls runs: the trip count of a loop, if the compiler knows it, else once."""
        count = re.search(r'"known_trip_count":\{"n":"(\d+)"', self.attributes)
        return int(count[1]) if count and self.opcode == "while" else 1


class Program(NamedTuple):
    """The instructions of each computation, and the name of the one that runs first."""

    computations: dict[str, list[Instruction]]
    entry: str
    devices: int


def parse(hlo: str) -> Program:
    """Returns the program in the text of `compiled.as_text()`.

    >>> program = parse('''HloModule update, num_partitions=8
    ... ENTRY %main (x: f32[2]) -> f32[2] {
    ...   %x = f32[2]{0} parameter(0)
    ...   ROOT %twice = f32[2]{0} add(%x, %x)
    ... }''')
    >>> program.entry, program.devices, program.computations["main"][1].operands
    ('main', 8, ('x', 'x'))
    """
    count = re.search(r"\b(?:num_partitions|replica_count)=(\d+)", hlo)
    computations: dict[str, list[Instruction]] = {}
    entry, body = "", list[Instruction]()
    for line in hlo.splitlines():
        if header := _HEADER.fullmatch(line):
            body = computations.setdefault(header[2], [])
            entry = header[2] if header[1] else entry
        elif match := _INSTRUCTION.match(line):
            name, result, opcode, rest = match.groups()
            operands, _, attributes = rest.partition("), ")
            body.append(Instruction(name, result, opcode, tuple(_OPERAND.findall(operands)), attributes))
    return Program(computations, entry, int(count[1]) if count else 1)


def bytes_of(result: str, *, off_chip: bool = False) -> int:
    """Returns the bytes of the arrays in a type; with `off_chip` of those in the memory of the device only.

    Others are in memory space 1 or above: on the chip, for a TPU.

    >>> bytes_of("(f32[8,4]{1,0}, bf16[2]{0:T(128)S(1)})"), bytes_of("bf16[2]{0:S(1)}", off_chip=True)
    (132, 0)
    """
    arrays = [array for array in _ARRAY.findall(result) if not (off_chip and "S(" in array[2])]
    bits = sum(int(width or 8) * prod(int(n) for n in shape.split(",") if n) for width, shape, _ in arrays)
    return -(-bits // 8)


def elements(result: str) -> list[str]:
    """Returns the elements of a tuple type.

    >>> elements("((f32[2]{0}, f32[]), u32[])")
    ['(f32[2]{0}, f32[])', 'u32[]']
    """
    parts, depth = [""], 0
    for character in result.strip()[1:-1]:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


_HEADER = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\{")
_INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?([\w.\-]+) = (.*?) ([a-z][a-z0-9\-]*)\((.*)")
_OPERAND = re.compile(r"%([\w.\-]+)")
_ARRAY = re.compile(r"\b(?:pred|[a-z]+(\d+)\w*)\[([\d,]*)\](\{[^}]*\})?")
_CALLED = re.compile(
    r"\b(?:calls|to_apply|body|condition|branch_computations|true_computation|false_computation)="
    r"(?:%?([\w.\-]+)|\{([^}]*)\})"
)


def _names(one: str, several: str) -> Iterator[str]:
    yield from [one] if one else re.findall(r"%?([\w.\-]+)", several)
