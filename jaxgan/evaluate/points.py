"""What points are measured by: the modes that are known, or else their features."""

from collections.abc import Mapping
from typing import Any

from jaxgan.evaluate.features import Measures, Numbers, Reference, of_features
from jaxgan.metrics.metric import Metric, kept
from jaxgan.metrics.mixture import TEN_SIGMA, WITHIN, covering, perfect
from jaxgan.metrics.plane import MOST, transport
from jaxgan.metrics.sliced import sliced_wasserstein


def of_points(reference: Reference) -> Measures:
    """Modes, shares and widths of a mixture that is known, and how far its mass must be moved."""
    modes, real, n = reference.train.modes, reference.real["x"], reference.n
    if modes is None:
        return of_features(reference)
    metrics = [("features", covering(*modes))]
    warnings = []
    if real.shape[1] == 2:
        held = real[:MOST]
        metrics.append(("features", _first(len(held), transport(held))))
        if n > MOST:
            warnings.append(
                f"wasserstein, the exact transport, is of the first {MOST:,} samples and examples"
            )
    else:
        ten = covering(*modes, radius=TEN_SIGMA)
        metrics.append(
            ("features", _called(ten, {name: f"{name}_10_sigma" for name in ("modes", "high_quality")}))
        )
    metrics.append(("features", sliced_wasserstein(real)))
    floor = perfect(len(modes.centres), round(WITHIN * n), modes.weights)
    return Measures(metrics, floor, tuple(warnings))


def _first(count: int, metric: Metric) -> Metric:
    """The metric of the first so many examples."""
    return kept(lambda x: metric.compute(metric.of(x[:count])))


def _called(metric: Metric, names: Mapping[str, str]) -> Metric:
    """Some of a metric's numbers, by other names."""

    def compute(state: Any) -> Numbers:
        return {names[name]: value for name, value in metric.compute(state).items() if name in names}

    return metric._replace(compute=compute)
