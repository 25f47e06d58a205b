"""Lanes of W4, updated together by `vmap`: how the time of an update grows with their number."""

import statistics
import time
from typing import Any

from benchmarks.table import ratios, spread
from benchmarks.works import work


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """Measures milliseconds per update of 1, 4, 16 and 64 lanes under `vmap`, in turns; on a CPU up to 16."""
    import jax

    lanes = (1, 4, 16) if jax.default_backend() == "cpu" else (1, 4, 16, 64)
    plays = {n: player(n) for n in lanes}
    updates = {}
    for n, play in plays.items():
        play(2)
        clock = time.perf_counter()
        play(10)
        updates[n] = max(10, round(10 * seconds / (time.perf_counter() - clock)))
    times: dict[int, list[float]] = {n: [] for n in lanes}
    for _ in range(rounds):
        for n, play in plays.items():
            clock = time.perf_counter()
            play(updates[n])
            times[n].append(1000 * (time.perf_counter() - clock) / updates[n])
    body = [
        [str(n), spread(times[n]), spread(ratios(times[n], times[1])), f"{statistics.mean(times[n]) / n:.3f}"]
        for n in lanes
    ]
    return {
        "head": ["lanes of W4", "an update, ms", "to one lane", "per lane, ms"],
        "body": body,
        "words": "All lanes in one program, by `vmap`, as on accelerators. On a CPU a run may do otherwise.",
        "found": {str(n): values for n, values in times.items()},
    }


def player(lanes: int) -> Any:
    """Returns a function that makes so many updates of all lanes, and waits for them."""
    import jax

    from benchmarks.ours import experiment
    from jaxgan.data.source import batch
    from jaxgan.games.game import State
    from jaxgan.rules.guard import guarded
    from jaxgan.scale.lanes import stack, vmap_lanes

    ring = experiment(work("W4"))
    rule, source, layout = guarded(ring.rule), ring.source, (1, 1, work("W4").batch)
    update = vmap_lanes(rule.update)

    def advance(state: State) -> tuple[State, Any]:
        draw = jax.vmap(lambda key: batch(source, layout, source.arrays, key, state.step))
        return update(state, draw(state.key))

    def init(seed: int) -> State:
        key = jax.random.key(seed)
        return rule.init(key, batch(source, layout, source.arrays, key, 0))

    state = stack([jax.jit(init)(seed) for seed in range(lanes)])
    program = jax.jit(advance, donate_argnums=0).lower(state).compile()

    def play(updates: int) -> None:
        nonlocal state
        for _ in range(updates):
            state, _ = program(state)
        jax.block_until_ready(state)

    return play
