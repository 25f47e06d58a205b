"""Contestants in processes of their own, taking turns: only one works at a time.

Each holds its own libraries, threads and memory. In every round each plays a turn as long as the others', so
what else the machine does falls on all of them alike, and ratios are taken within a round.
"""

import multiprocessing
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Literal, NamedTuple

from benchmarks.works import Work

TRIALS = 3  # turns each of the tuned twin with and without torch.compile, to see which one is to play
Facts = dict[str, Any]
Side = Literal["ours", "eager", "tuned", "compiled"]


SIDES: tuple[Side, ...] = ("ours", "eager", "tuned")


class Contestant(NamedTuple):
    """A work in the hands of one library, as its process holds it."""

    play: Callable[[int], None]  # so many updates, and waits for them
    gemm: Callable[[], float]  # FLOP/s of a large product
    peaks: Callable[[], Mapping[str, float]]  # bytes_per_s and dispatch_s
    device_peak: Callable[[], int | None]  # bytes of the accelerator's memory used at most
    facts: Facts


class Row(NamedTuple):
    """What is played: a work, in a precision."""

    work: Work
    precision: str = "float32"


class Failed(Exception):
    """What a contestant's process said when it could not go on."""


class Seat:
    """A contestant as seen from here: asked for turns through a pipe."""

    def __init__(self, row: Row, side: Side) -> None:
        from benchmarks.worker import serve

        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, row, side))
        self._process.start()
        theirs.close()
        self.row, self._updates = row, 0
        self.idle_cpu_s, self._cpu = 0.0, float("inf")  # of the processor, while others had their turns
        self.facts: Facts = self._answer()
        self.ask("play", 1)  # what is still to be warmed up

    def ask(self, what: str, *arguments: Any) -> Any:
        """The answer of the process."""
        self._pipe.send((what, *arguments))
        return self._answer()

    def turn(self, seconds: float) -> float:
        """Images per second over a turn of about so long; the first finds out how many updates that is."""
        if not self._updates:
            self._updates = max(1, round(seconds / self.ask("play", 1)))
            self._updates = max(1, round(seconds * self._updates / self.ask("play", self._updates)))
        took = self.ask("play", self._updates)
        return self.row.work.images * self._updates / took

    def close(self) -> None:
        """Lets the process end."""
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
    """Ours, the eager twin and the tuned one, in turns: everything that was measured, by name."""
    seats: dict[Side, Seat] = {}
    try:
        for side in SIDES:
            seats[side] = Seat(row, side)
        compiling = _compiled_or_not(row, seats, seconds, say)
        speeds: dict[Side, list[float]] = {side: [] for side in seats}
        gemms: dict[Side, list[float]] = {side: [] for side in seats}
        for nth in range(rounds):
            for side, seat in seats.items():
                speeds[side].append(seat.turn(seconds))
                if side != "eager":  # which has the same products as the tuned one
                    gemms[side].append(seat.ask("gemm"))
            say(f"  round {nth + 1}: " + "  ".join(f"{side} {s[-1]:,.0f}" for side, s in speeds.items()))
        measured: Facts = {
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
            **measured,
        }
    finally:
        for seat in seats.values():
            seat.close()


def _compiled_or_not(row: Row, seats: dict[Side, Seat], seconds: float, say: Callable[[str], None]) -> str:
    """Leaves the faster of the tuned twins in its seat, and says what was found."""
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
    said = (
        f"{'used' if with_it > plain else 'not used'}: {with_it:,.0f} images/s with it, {plain:,.0f} without"
    )
    say(f"  torch.compile {said}")
    return said


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function gives in a process of its own, which is gone afterwards."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def bursts(call: Callable[[], Any], seconds: float = 0.3) -> float:
    """The least seconds that one call takes, of as many as fit into `seconds`, the first not counted.

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
