"""Overheads around the updates: the run loop, the start of a script, sampling."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.table import ratios, spread
from benchmarks.works import work

SCRIPT = Path(__file__).parent.parent / "experiments" / "ring.py"
STRETCH = 500  # updates; the default interval of checkpoints and of pictures


def loop(rounds: int) -> dict[str, Any]:
    """Compares the run loop on W4, at its defaults, with the same compiled update in a bare loop.

    They take turns of STRETCH updates: the run loop, with its logging, one checkpoint and one picture, then
    the bare loop, on a copy of the state and inside a hook, while the run loop waits.
    """
    import jax
    import jax.numpy as jnp

    import jaxgan as jg
    from benchmarks.ours import experiment
    from jaxgan.run.program import lower_update

    ring = experiment(work("W4"))
    settings = jg.Settings(batch_size=work("W4").batch, steps=(rounds + 1) * STRETCH)
    arrays = jax.device_put(ring.source.arrays, jax.devices()[0])
    bare: list[float] = []
    looped: list[float] = []
    update, left = None, 0.0

    def hook(moment: jg.Moment) -> None:
        nonlocal update, left
        jax.block_until_ready(moment.state)
        entered = time.perf_counter()
        if update is None:
            update = lower_update(ring, settings, moment.state, arrays).compile()
        else:
            looped.append(entered - left)
        state = jax.block_until_ready(jax.tree.map(jnp.copy, moment.state))
        clock = time.perf_counter()
        for _ in range(STRETCH):
            state, _ = update(state, arrays)
        jax.block_until_ready(state)
        bare.append(time.perf_counter() - clock)
        left = time.perf_counter()

    def build(settings: jg.Settings, source: jg.Source) -> jg.Experiment:
        return ring._replace(source=source, hooks=[jg.Hook(STRETCH, hook)])

    with tempfile.TemporaryDirectory() as home:
        options = ["--data", "ring", "--steps", str(settings.steps), "--batch-size", str(settings.batch_size)]
        jg.main(jg.Settings, build, args=[*options, "--out", f"{home}/run"])
    # the first turn of either warms up, and no run loop follows the last bare one
    bare, looped = bare[1:-1], looped[1:]
    over = [100 * (ratio - 1) for ratio in ratios(looped, bare)]
    return {
        "head": ["", "run loop, s", "bare, s", "overhead, %"],
        "body": [[f"W4, {STRETCH} updates", spread(looped, 3), spread(bare, 3), spread(over, 1)]],
        "words": "The run loop at its defaults (a line of log every 50 steps, a checkpoint and a picture "
        "every 500) against the same compiled update called in a bare loop, in turns. Target: under 3 %.",
        "found": {"looped_s": looped, "bare_s": bare},
    }


def start(rounds: int) -> dict[str, Any]:
    """Measures seconds until `experiments/ring.py` makes its first step, with a cold and a warm cache."""
    cold, cached = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as home:
            cold.append(first_step(Path(home), "cold"))
            cached.append(first_step(Path(home), "cached"))
    return {
        "head": ["", "nothing compiled before, s", "compiled before, s"],
        "body": [["`experiments/ring.py`", spread(cold, 1), spread(cached, 1)]],
        "words": "From the start of the process to the first step logged. Targets: under 6 s and under 3 s.",
        "found": {"cold_s": cold, "cached_s": cached},
    }


def first_step(home: Path, name: str) -> float:
    """Measures seconds until the script prints its first step; its compilation cache is in `home`."""
    variables = {key: value for key, value in os.environ.items() if key != "JAX_COMPILATION_CACHE_DIR"}
    command = [sys.executable, str(SCRIPT), "--out", str(home / name), "--log-every", "1"]
    clock = time.perf_counter()
    script = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**variables, "XDG_CACHE_HOME": str(home / "cache")}
    )
    assert script.stderr is not None
    lines = []
    for line in script.stderr:
        lines.append(line)
        if line.startswith("step 1/"):
            break
    else:
        raise RuntimeError(f"{SCRIPT.name} made no step: {''.join(lines)}")
    seconds = time.perf_counter() - clock
    script.terminate()
    script.communicate()
    return seconds


def sampling(rounds: int, samples: int = 10_000) -> dict[str, Any]:
    """Compares 10,000 samples of `experiments/digits.py` with jitted forward passes of its generator."""
    from functools import partial

    import jax
    import jax.numpy as jnp

    import jaxgan as jg
    from jaxgan.data import load
    from jaxgan.games.game import Side
    from jaxgan.models import mlp
    from jaxgan.run.sample import BLOCK

    classes, latent, width = 10, 64, 256  # those of the script
    leaky = partial(jax.nn.leaky_relu, negative_slope=0.2)
    generator = jg.from_linen(mlp.Generator((8, 8, 1), (width, width), activation=leaky, norm="batch"))
    conditioning = jg.conditioning.projection(classes)
    game = jg.gan(
        generator,
        jg.from_linen(mlp.Discriminator((width,), classes=classes)),
        latent=jg.latents.normal(latent),
        objective=jg.objectives.relativistic(),
        conditioning=conditioning,
    )
    batch = {"x": jnp.zeros((8, 8, 8, 1)), "index": jnp.arange(8), "label": jnp.zeros(8, jnp.int32)}
    side: Side = game.init(jax.random.key(0), batch)[0]
    draw = jg.sampler(game, load("digits"))

    z = jax.random.normal(jax.random.key(1), (BLOCK, latent))
    index = jnp.arange(BLOCK, dtype=jnp.uint32)
    given = {"label": jnp.arange(BLOCK) % classes}
    forward = jax.jit(game.sample)
    network = jax.jit(lambda side, z, given: generator.apply(*side, *conditioning.g(z, given))[0])
    key, count = jax.random.key(2), -(-samples // BLOCK)

    def passes() -> None:
        jax.block_until_ready([forward(side, key, index, given) for _ in range(count)])

    def networks() -> None:
        jax.block_until_ready([network(side, z, given) for _ in range(count)])

    calls = {"drawn": lambda: draw(side, samples), "passes": passes, "networks": networks}
    times: Mapping[str, list[float]] = {name: [] for name in calls}
    for nth in range(rounds + 1):
        for name, call in calls.items():
            clock = time.perf_counter()
            for _ in range(10):
                call()
            if nth:  # the first turn compiles
                times[name].append(100 * (time.perf_counter() - clock))
    return {
        "head": ["", "sampler, ms", "passes, ms", "without latents, ms", "sampler / passes", "... without"],
        "body": [
            [
                f"{samples:,} samples of digits",
                spread(times["drawn"], 1),
                spread(times["passes"], 1),
                spread(times["networks"], 1),
                spread(ratios(times["drawn"], times["passes"])),
                spread(ratios(times["drawn"], times["networks"])),
            ]
        ],
        "words": f"In blocks of {BLOCK}, copied to the host, against jitted forward passes alone, from the "
        "key of each sample; and from existing latents, which leaves out drawing them. Target: within 1.2.",
        "found": {f"{name}_ms": values for name, values in times.items()},
    }
