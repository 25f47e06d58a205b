"""The metrics of points: coverage of known modes and transport distances, or those of features."""

from typing import Any

from jaxgan.evaluate.features import Measures, Numbers, Reference, of_features
from jaxgan.metrics.metric import collect_then
from jaxgan.metrics.mixture import TEN_SIGMA, WITHIN, coverage_metric, perfect
from jaxgan.metrics.plane import MOST, transport
from jaxgan.metrics.sliced import sliced_wasserstein


def of_points(reference: Reference) -> Measures:
    """Returns modes, shares, widths and transport distances of a known mixture, else those of features."""
    modes, real, n = reference.train.modes, reference.real["x"], reference.n
    if modes is None:
        return of_features(reference)
    metrics = [("features", coverage_metric(*modes))]
    warnings = []
    if real.shape[1] == 2:
        first = real[:MOST]
        exact = transport(first)
        of_first = collect_then(lambda x: exact.compute(exact.of(x[: len(first)])))
        metrics.append(("features", of_first))
        if n > MOST:
            warnings.append(f"wasserstein, the exact transport, uses the first {MOST:,} samples and examples")
    else:
        ten_sigma = coverage_metric(*modes, radius=TEN_SIGMA)

        def compute(state: Any) -> Numbers:
            numbers = ten_sigma.compute(state)
            return {f"{name}_10_sigma": numbers[name] for name in ("high_quality", "modes")}

        metrics.append(("features", ten_sigma._replace(compute=compute)))
    metrics.append(("features", sliced_wasserstein(real)))
    floor = perfect(len(modes.centres), round(WITHIN * n), modes.weights)
    return Measures(metrics, floor, tuple(warnings))
