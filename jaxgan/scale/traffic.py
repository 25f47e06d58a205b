"""What a compiled program reads from and writes to a device's memory, estimated from its optimised HLO."""

from jaxgan.scale.collectives import KINDS
from jaxgan.scale.hlo import Instruction, Program, bytes_of, elements, parse

_FREE = frozenset(
    {"parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "partition-id"}
)
_CALLS = frozenset({"while", "call", "conditional"})
_SLICES = frozenset({"gather", "dynamic-slice", "slice"})


def traffic(hlo: str) -> int:
    """Returns the bytes that one execution reads and writes, without what stays on the chip.

    Each instruction reads its operands and writes its result once; what is fused into it is free, and of an
    operand that is only sliced the slices count. Of a condition the costliest branch counts. An estimate:
    arrays are not padded to tiles here.

    >>> traffic('''ENTRY %main (x: f32[4]) -> f32[4] {
    ...   %x = f32[4]{0} parameter(0)
    ...   %near = f32[4]{0:S(1)} negate(%x)
    ...   ROOT %sum = f32[4]{0} add(%x, %near)
    ... }''')
    48
    """
    program = parse(hlo)
    return _of_computation(program, program.entry)


def _of_computation(program: Program, name: str) -> int:
    body = program.computations.get(name, [])
    types = {instruction.name: instruction.result for instruction in body}
    return sum(_of_instruction(program, instruction, types) for instruction in body)


def _of_instruction(program: Program, instruction: Instruction, types: dict[str, str]) -> int:
    opcode = instruction.opcode
    if opcode in _FREE or opcode.endswith("-done"):
        return 0
    if opcode in _CALLS:
        inner = [_of_computation(program, called) for called in instruction.called]
        return max(inner, default=0) if opcode == "conditional" else sum(inner) * instruction.repetitions
    if opcode.endswith("-start") and opcode.removesuffix("-start") not in KINDS:  # a copy, or of a slice
        sides = elements(instruction.result)[:2]
        moved = min(bytes_of(side) for side in sides)
        return moved * sum(bytes_of(side, off_chip=True) > 0 for side in sides)
    read = 0
    for position, operand in enumerate(instruction.operands):
        if size := bytes_of(types.get(operand, ""), off_chip=True):
            read += min(size, _read(program, instruction, position, size))
    return read + bytes_of(instruction.result, off_chip=True)


def _read(program: Program, instruction: Instruction, position: int, size: int) -> int:
    """Returns how many of the `size` bytes of an operand an instruction reads: of a slice, its result's."""
    if instruction.opcode in _SLICES and position == 0:
        return bytes_of(instruction.result)
    if instruction.opcode != "fusion":
        return size
    body = program.computations.get(instruction.called[0], [])
    inside = [x.name for x in body if x.opcode == "parameter"][position : position + 1]
    return _read_inside(program, body, inside[0], size) if inside else size


def _read_inside(program: Program, body: list[Instruction], name: str, size: int) -> int:
    read = 0
    for user in body:
        if name in user.operands:
            alike = user.opcode == "bitcast"
            place = user.operands.index(name)
            read += (
                _read_inside(program, body, user.name, size) if alike else _read(program, user, place, size)
            )
    return read
