"""What precision, recall, density and coverage cost: seconds, and memory beyond the features.

    python -m benchmarks.neighbours --n 50000 --d 2048

    50,000 against 50,000 in 2,048 dimensions, 2 busy cores of an AMD EPYC (Zen 5), jax 0.10.2,
    2026-11-21: 1,405 s, 1.08 GB beyond the features; density 1.001 [0.945, 1.057], coverage 0.9687 [0.9672,
    0.9701].

As many real as generated examples, drawn from one normal distribution, so that the answers are known: a
density of 1 and a coverage of 1 - 2^-5 on average. Memory is the most the process held, less what it held
with the features there and the device awake: compiling counts. An accelerator holds blocks of its own.
"""

import argparse
import time

import jax
import numpy as np

from benchmarks.worker import peak_rss
from jaxgan.metrics.neighbours import precision_recall


def main() -> None:
    """Draws, measures, prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=50_000)
    parser.add_argument("--d", type=int, default=2048)
    options = parser.parse_args()
    draw = np.random.default_rng(0)
    real, generated = (draw.standard_normal((options.n, options.d), np.float32) for _ in range(2))
    jax.block_until_ready(jax.numpy.zeros(1))
    before, clock = peak_rss(), time.perf_counter()
    found = precision_recall(real).compute((generated,))
    seconds, beyond = time.perf_counter() - clock, peak_rss() - before
    print(f"{options.n} against {options.n} in {options.d} dimensions, {jax.devices()[0].device_kind}:")
    print(f"{seconds:.0f} s, {beyond / 1e9:.2f} GB beyond the features")
    for name, (value, low, high) in found.items():
        print(f"{name:9}  {value:.4f}  [{low:.4f}, {high:.4f}]")


if __name__ == "__main__":
    main()
