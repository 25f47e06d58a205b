"""Contestants in processes of their own that take turns: only one works at a time.

Each has its own libraries, threads and memory. In every round all have turns of equal length, so other load
on the machine affects them alike, and ratios are taken within a round.
"""

import multiprocessing
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Literal, NamedTuple

from benchmarks.works import Work

TRIALS = 3  # turns of the tuned twin with and without torch.compile each, to choose the faster
Facts = dict[str, Any]
Side = Literal["ours", "eager", "tuned", "compiled"]
SIDES: tuple[Side, ...] = ("ours", "eager", "tuned")


class Contestant(NamedTuple):
    """A work in one library, inside its process."""

    play: Callable[[int], None]  # makes so many updates, and waits for them
    gemm: Callable[[], float]  # FLOP/s of a large product
    peaks: Callable[[], Mapping[str, float]]  # bytes_per_s and dispatch_s
    device_peak: Callable[[], int | None]  # peak bytes of the accelerator's memory
    facts: Facts


class Row(NamedTuple):
    """A work in a precision."""

    work: Work
    precision: str = "float32"


class Failed(Exception):
    """A contestant's process failed; the message is its error."""


class Seat:
    """A contestant in a process of its own, asked for turns through a pipe."""

    def __init__(self, row: Row, side: Side) -> None:
        from benchmarks.worker import serve

        context = multiprocessing.get_context("spawn")
        self._pipe, remote = context.Pipe()
        self._process = context.Process(target=serve, args=(remote, row, side))
        self._process.start()
        remote.close()
        self.row, self._updates = row, 0
        self.idle_cpu_s, self._cpu = 0.0, float("inf")  # processor seconds during the others' turns
        self.facts: Facts = self._answer()
        self.ask("play", 1)  # warm up

    def ask(self, what: str, *arguments: Any) -> Any:
        """Returns the answer of the process."""
        self._pipe.send((what, *arguments))
        return self._answer()

    def turn(self, seconds: float) -> float:
        """Returns images per second over a turn of about so long; the first call chooses its updates."""
        if not self._updates:
            self._updates = max(1, round(seconds / self.ask("play", 1)))
            self._updates = max(1, round(seconds * self._updates / self.ask("play", self._updates)))
        return self.row.work.images * self._updates / self.ask("play", self._updates)

    def close(self) -> None:
        """Ends the process."""
        try:
            self._pipe.send(("end",))
            self._process.join(60)
        except OSError:
            pass
        self._process.kill()
        self._process.join()

    def _answer(self) -> Any:
        try:
            answer = self._pipe.recv()
        except EOFError:
            raise Failed("its process ended") from None
        if isinstance(answer, Failed):
            self.close()
            raise answer
        answer, asked_at, answered_at = answer
        self.idle_cpu_s += max(0.0, asked_at - self._cpu)
        self._cpu = answered_at
        return answer


def contest(row: Row, rounds: int, seconds: float, say: Callable[[str], None] = print) -> Facts:
    """Runs jaxgan, the eager twin and the tuned one in turns; returns all measurements by name."""
    seats: dict[Side, Seat] = {}
    try:
        for side in SIDES:
            seats[side] = Seat(row, side)
        compiling = _choose_tuned(row, seats, seconds, say)
        speeds: dict[Side, list[float]] = {side: [] for side in seats}
        gemms: dict[Side, list[float]] = {side: [] for side in seats}
        for nth in range(rounds):
            for side, seat in seats.items():
                speeds[side].append(seat.turn(seconds))
                if side != "eager":  # which has the same products as the tuned one
                    gemms[side].append(seat.ask("gemm"))
            say(f"  round {nth + 1}: " + "  ".join(f"{side} {s[-1]:,.0f}" for side, s in speeds.items()))
        sides: Facts = {
            side: {
                "images_per_s": speeds[side],
                "gemm_flops_per_s": gemms[side],
                "images": row.work.images,  # per update
                "idle_cpu_s": seat.idle_cpu_s,
                **seat.facts,
                **seat.ask("memory"),
            }
            for side, seat in seats.items()
        }
        return {
            "work": row.work.name,
            "what": row.work.what,
            "batch": row.work.batch,
            "precision": row.precision,
            "torch.compile": compiling,
            "peaks": seats["ours"].ask("peaks"),
            **sides,
        }
    finally:
        for seat in seats.values():
            seat.close()


def _choose_tuned(row: Row, seats: dict[Side, Seat], seconds: float, say: Callable[[str], None]) -> str:
    """Keeps the faster of the tuned twins with and without torch.compile; returns a line about it."""
    try:
        compiled = Seat(row, "compiled")
    except Failed as failure:
        say(f"  torch.compile failed: {failure}")
        return f"failed: {failure}"
    turns = [(seats["tuned"].turn(seconds), compiled.turn(seconds)) for _ in range(TRIALS)]
    plain, with_it = (sum(speeds) / TRIALS for speeds in zip(*turns, strict=True))
    if with_it > plain:
        seats["tuned"].close()
        seats["tuned"] = compiled
    else:
        compiled.close()
    used = "used" if with_it > plain else "not used"
    line = f"{used}: {with_it:,.0f} images/s with it, {plain:,.0f} without"
    say(f"  torch.compile {line}")
    return line


def in_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function in a new process, and returns its result."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def bursts(call: Callable[[], Any], seconds: float = 0.3) -> float:
    """Returns the least seconds of a call, of as many as fit into `seconds`, after one to warm up.

    >>> bursts(lambda: time.sleep(0.01), 0.05) >= 0.01
    True
    """
    call()
    until, best = time.perf_counter() + seconds, float("inf")
    while time.perf_counter() < until:
        clock = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - clock)
    return best
