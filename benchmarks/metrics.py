"""The cost of metrics between sets of features: seconds, and memory beyond the features.

    python -m benchmarks.metrics neighbours --n 50000 --d 2048

    50,000 against 50,000 in 2,048 dimensions, 2 busy cores of an AMD EPYC (Zen 5), jax 0.10.2, 2026-11-21;
    the second figure is the memory beyond the features:

        neighbours   1,405 s   1.08 GB   density 1.001 [0.945, 1.057], coverage 0.9687 [0.9672, 0.9701]
        frechet        144 s   0.91 GB   42.07 [41.99, 42.15], where 42.05 is to be expected
        kernel         763 s   0.57 GB   1.5e-6 [-5.9e-6, 9.0e-6]

Real and generated examples are equally many draws from one normal distribution, so the expected values are
known: a density of 1, a coverage of 1 - 2^-5, and a kernel distance of 0; the Frechet distance of n examples
is about d (d + 5) / (2 n) on average. Memory is the peak of the process minus its memory before the
comparison, with the features loaded and JAX initialised: compiling counts, an accelerator's memory does not.
"""

import argparse
import time
from collections.abc import Callable

import jax
import numpy as np

from benchmarks.worker import peak_rss
from jaxgan.metrics.frechet import frechet, moments
from jaxgan.metrics.kernel import kernel_distance
from jaxgan.metrics.metric import Metric
from jaxgan.metrics.neighbours import precision_recall

MEASURES: dict[str, Callable[[np.ndarray], Metric]] = {
    "neighbours": precision_recall,
    "frechet": lambda real: frechet(moments(real)),
    "kernel": kernel_distance,
}


def main() -> None:
    """Draws the features, measures, and prints the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measure", choices=MEASURES, help="neighbours: precision, recall, density, coverage")
    parser.add_argument("--n", type=int, default=50_000)
    parser.add_argument("--d", type=int, default=2048)
    options = parser.parse_args()
    draw = np.random.default_rng(0)
    real, generated = (draw.standard_normal((options.n, options.d), np.float32) for _ in range(2))
    jax.block_until_ready(jax.numpy.zeros(1))
    before, clock = peak_rss(), time.perf_counter()
    estimates = MEASURES[options.measure](real).compute((generated,))
    seconds, beyond = time.perf_counter() - clock, peak_rss() - before
    print(f"{options.n} against {options.n} in {options.d} dimensions, {jax.devices()[0].device_kind}:")
    print(f"{seconds:.0f} s, {beyond / 1e9:.2f} GB beyond the features")
    for name, (value, low, high) in estimates.items():
        print(f"{name:16}  {value:.6g}  [{low:.6g}, {high:.6g}]")


if __name__ == "__main__":
    main()
