"""Four lanes on a CPU: in turn, a device per core, a process per core, or side by side in one program."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple

from benchmarks.table import ratios, spread
from benchmarks.works import work

LANES = 4


class Way(NamedTuple):
    """A layout of the lanes: over so many processes, each with so many devices."""

    what: str
    lanes: str  # as `Settings.lanes`
    processes: int
    devices: int


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """Measures updates of a lane per second for each layout, in turns, every turn in new processes."""
    from jaxgan.run.devices import cores  # loads JAX

    most = min(cores(), LANES)
    ways = (
        Way("in turn on one device", "loop", 1, 1),
        Way("in turn, a device to a core", "loop", 1, most),
        Way("in turn, a process to a core", "loop", most, 1),
        Way("side by side", "vmap", 1, 1),
    )
    body, results = [], {}
    for name in ("W4", "W5"):
        speeds: dict[str, list[float]] = {way.what: [] for way in ways}
        for _ in range(rounds):
            for way in ways:
                speeds[way.what].append(speed(name, way, seconds))
        baseline = speeds[ways[0].what]
        body += [[name, way, spread(s), spread(ratios(s, baseline))] for way, s in speeds.items()]
        results[name] = speeds
    return {
        "head": ["", f"{LANES} lanes", "updates of a lane per second", "to one device"],
        "body": body,
        "words": "By default lanes on a CPU run in turn, a device per core; --lanes vmap is side by side.",
        "found": results,
    }


def speed(name: str, way: Way, seconds: float) -> float:
    """Measures updates per second of all lanes together; processes work at the same time."""
    with ProcessPoolExecutor(way.processes, get_context("spawn")) as pool:
        futures = [pool.submit(_train, name, way, nth, seconds) for nth in range(way.processes)]
        return sum(future.result() for future in futures)


def seeds(processes: int, nth: int) -> range:
    """Returns the seeds of the nth of so many processes, which together train all LANES.

    >>> [list(seeds(3, nth)) for nth in range(3)]
    [[0, 3], [1], [2]]
    """
    return range(nth, LANES, processes)


def _train(name: str, way: Way, nth: int, seconds: float) -> float:
    os.environ["JAX_NUM_CPU_DEVICES"] = str(way.devices)
    import jax

    import jaxgan as jg
    from benchmarks.ours import experiment
    from jaxgan.run.lane import Lane
    from jaxgan.run.placement import placement

    built = experiment(work(name))
    lanes = tuple(Lane(f"seed={seed}", seed, {}, {}) for seed in seeds(way.processes, nth))
    settings = jg.Settings(batch_size=work(name).batch, lanes=way.lanes, devices=way.devices)  # type: ignore[arg-type]
    placed = placement(built, settings, lanes, lambda values: built.rule)
    held = placed.init(lambda state: state)
    arrays = placed.at(held, 0)
    update = placed.compile(held, arrays)()
    held, _ = jax.block_until_ready(update(held, arrays))
    clock, updates = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - clock) < seconds:
        for _ in range(3):
            held, metrics = update(held, arrays)
        jax.block_until_ready(metrics)
        updates += 3 * len(lanes)
    return updates / elapsed
