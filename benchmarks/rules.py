"""The time of every rule, relative to alternating, measured in turns in one process.

    python -m benchmarks.rules --updates 100

    2 cores of an AMD EPYC (Zen 5), one of them busy; jax 0.10.2, 2026-11-21. Time, and in brackets
    arithmetic: simultaneous 0.95 (0.83), extragradient 1.65 (1.66), past_extragradient 0.91 (0.83),
    optimistic 0.97 (0.83), lookahead 0.93 (1.00), consensus 2.6 (2.8), symplectic 3.7 (3.8), look_through
    3.4 (2.8), unrolled, 5 steps, 8.3 (8.1), competitive, 3 products, 5.3 (4.8). Single rounds differ, by
    up to 45 % for fast rules.

Every rule trains the same GAN of dense networks on Gaussians on a ring, compiled, a few hundred updates at a
time; in every round each rule has its turn. The table has the ratio of a rule's time to alternating's in the
same round, as the median, least and most over the rounds, and the arithmetic, by XLA's count.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import jax
import jax.numpy as jnp
import optax

import jaxgan as jg
from jaxgan.data import load
from jaxgan.data.source import batch
from jaxgan.models import mlp
from jaxgan.parts.types import Batch

SGD = optax.sgd(1e-3), optax.sgd(1e-3)
RULES: dict[str, Callable[[jg.Game], jg.Rule]] = {
    "alternating": lambda game: jg.alternating(game, *SGD),
    "simultaneous": lambda game: jg.simultaneous(game, *SGD),
    "extragradient": lambda game: jg.extragradient(game, *SGD),
    "past_extragradient": lambda game: jg.past_extragradient(game, *SGD),
    "optimistic": lambda game: jg.optimistic(game, *SGD),
    "lookahead": lambda game: jg.lookahead(jg.alternating(game, *SGD)),
    "consensus": lambda game: jg.consensus(game, *SGD, weight=0.1),
    "symplectic": lambda game: jg.symplectic(game, *SGD),
    "look_through": lambda game: jg.look_through(game, *SGD, rate=1e-3),
    "unrolled, 5 steps": lambda game: jg.unrolled(game, *SGD, steps=5),
    "competitive, 3 products": lambda game: jg.competitive(game, 1e-3, 1e-3, products=3),
}


def player(rule: jg.Rule, size: int, updates: int) -> tuple[Callable[[], float], float]:
    """Returns a function that measures the seconds of so many updates, and the operations of one update."""
    source, key = load("ring"), jax.random.key(0)

    def batches(state: jg.State) -> Batch:
        return batch(source, (1, 1, size), source.arrays, state.key, state.step)

    def update(_: int, state: jg.State) -> jg.State:
        return rule.update(state, batches(state))[0]

    start = rule.init(key, batch(source, (1, 1, size), source.arrays, key, jnp.int32(0)))
    one = jax.jit(lambda state: update(0, state)).lower(start).compile()
    many = jax.jit(lambda state: jax.lax.fori_loop(0, updates, update, state)).lower(start).compile()

    def turn() -> float:
        clock = time.perf_counter()
        jax.block_until_ready(many(start))
        return time.perf_counter() - clock

    analysis = one.cost_analysis()
    assert analysis is not None  # XLA has one for every CPU and GPU
    return turn, analysis["flops"]


def main() -> None:
    """Compiles every rule, measures all rounds, and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--updates", type=int, default=200, help="of a turn")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    game = jg.gan(
        jg.from_linen(mlp.Generator((2,), (options.width,) * 3, final=mlp.identity)),
        jg.from_linen(mlp.Discriminator((options.width,) * 3)),
        latent=jg.latents.normal(2),
        objective=jg.objectives.non_saturating(),
    )
    turns, flops = {}, {}
    for name, make in RULES.items():
        turns[name], flops[name] = player(make(game), options.batch_size, options.updates)
        turns[name]()
    times: dict[str, list[float]] = {name: [] for name in RULES}
    for _ in range(options.rounds):
        for name, turn in turns.items():
            times[name].append(turn())
    print("| rule | time | least, most | arithmetic |\n|---|---|---|---|")
    for name, seconds in times.items():
        ratios = [a / b for a, b in zip(seconds, times["alternating"], strict=True)]
        spread = f"{min(ratios):.2f}, {max(ratios):.2f}"
        print(f"| {name} | {median(ratios):.2f} | {spread} | {flops[name] / flops['alternating']:.2f} |")


if __name__ == "__main__":
    main()
