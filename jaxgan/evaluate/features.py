"""The metrics of features: distances between two distributions, nearest neighbours and class scores."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data.source import Source, labelled
from jaxgan.errors import Refused
from jaxgan.evaluate.extractor import Extractor, Outputs, concatenate_outputs, digest
from jaxgan.evaluate.names import metric_name
from jaxgan.evaluate.store import load_or_compute
from jaxgan.metrics.frechet import Moments, frechet, intra_class, moments
from jaxgan.metrics.kernel import kernel_distance
from jaxgan.metrics.metric import Estimate, Metric, collect_then, compute_metric
from jaxgan.metrics.neighbours import precision_recall
from jaxgan.metrics.score import inception_score
from jaxgan.metrics.sliced import sliced_wasserstein

CHUNK = 2048  # examples in memory at a time
MAX_CANDIDATES, BYTES = 50_000, 2**30  # at most so many training examples are searched for copies

Numbers = dict[str, Estimate]


class Reference(NamedTuple):
    """The real examples that n samples are compared with, and the feature extractor."""

    train: Source
    held_out: Source | None
    real: Mapping[str, np.ndarray]  # the examples to compare with: "x" and their other leaves
    extractor: Extractor
    n: int
    classes: int  # of a class-conditional generator; 0 without conditions

    @property
    def outputs(self) -> Outputs:
        """The extractor's outputs for the real examples that samples are compared with."""
        return cached_outputs(self.real["x"], self.extractor)


class Measures(NamedTuple):
    """The metrics of examples.

    Each metric is paired with the name of its input: "features" [n, d]; "logits" [n, k]; "labelled", the pair
    (features, labels); "examples", the first 2,000 themselves. `floor` is what a perfect sampler scores,
    where that is known, and `shown` is applied to samples before all else.
    """

    metrics: list[tuple[str, Metric]]
    floor: Mapping[str, float] = {}
    warnings: tuple[str, ...] = ()
    about: Mapping[str, Any] = {}  # facts that the numbers depend on
    shown: Callable[[np.ndarray], np.ndarray] = lambda samples: samples


def copy_candidates(source: Source, n: int) -> np.ndarray:
    """Returns the examples that are searched for copies: all that fit into memory, at least n."""
    return labelled(source, max(n, min(MAX_CANDIDATES, BYTES // (4 * prod(source.shape)))))["x"]


def cached_outputs(x: np.ndarray, extractor: Extractor) -> Outputs:
    """Returns the extractor's outputs for real examples, from the user's cache if they were computed before.

    The key is a hash of the extractor and the examples. Nothing is cached for an extractor without a digest.
    """

    def compute() -> dict[str, np.ndarray]:
        blocks = (extractor.apply(x[start : start + CHUNK]) for start in range(0, len(x), CHUNK))
        outputs = concatenate_outputs(blocks)
        return {name: leaf for name, leaf in outputs._asdict().items() if leaf is not None}

    if not extractor.digest or extractor.digest == "raw":
        arrays: Mapping[str, np.ndarray] = compute()
    else:
        key = f"seen {extractor.digest} {extractor.weights} {extractor.resizer} {digest(x)}"
        arrays = load_or_compute(key, compute)
    return Outputs(arrays["features"], arrays.get("logits"))


def of_features(reference: Reference) -> Measures:
    """Returns Frechet, kernel and sliced Wasserstein distance, neighbours, and class scores if possible."""
    outputs, extractor = reference.outputs, reference.extractor
    x, name = outputs.features, metric_name(extractor, "fid", "fd")
    about = {"neighbours_n": min(reference.n, len(x))}
    metrics = [
        ("features", defer_refusal(lambda: _frechet(x, name))),
        ("features", defer_refusal(lambda: kernel_distance(x, metric_name(extractor, "kid", "kd")))),
        ("features", defer_refusal(lambda: _balanced_precision_recall(x))),
        ("features", sliced_wasserstein(x)),
    ]
    if reference.train.channels is not None:  # thousands of classes; the logits are those of each channel
        return Measures(metrics, about=about)
    if outputs.logits is not None:
        metrics.append(("logits", inception_score(name=metric_name(extractor, "inception_score", "score"))))
    if reference.classes:
        within = defer_refusal(lambda: _intra_class(x, reference.real.get("label"), f"intra_{name}"))
        metrics.append(("labelled", within))
    return Measures(metrics, about=about)


def _frechet(x: np.ndarray, name: str) -> Metric:
    """Returns the Frechet distance to these features.

    Too few are refused by their number alone, without a scatter matrix, which for a second of sound would
    take two gigabytes.
    """
    too_few = len(x) <= x.shape[1]
    return frechet(Moments(len(x), x.mean(axis=0), np.zeros((0, 0))) if too_few else moments(x), name)


def _balanced_precision_recall(real: np.ndarray) -> Metric:
    """Returns precision, recall, density and coverage of equally many examples on both sides.

    They depend on that number: more samples than real examples would cover them by number alone. The first
    examples of each side are used; samples depend on their number only, and `real` is already shuffled.
    """
    full = precision_recall(real)

    def compute(x: np.ndarray) -> Numbers:
        count = min(len(x), len(real))
        metric = full if count == len(real) else precision_recall(real[:count])
        return dict(compute_metric(metric, [x[:count]]))

    return collect_then(compute)


def _intra_class(x: np.ndarray, label: np.ndarray | None, name: str) -> Metric:
    """Returns the intra-class Frechet distance; refused if either side has no labels."""
    lacking = f"{name} needs labels, and the {{}} have none"
    if label is None:
        raise Refused(lacking.format("reference examples"))
    metric = intra_class({k: moments(x[label == k]) for k in sorted(set(label.tolist()))}, name)

    def of(block: tuple[np.ndarray, np.ndarray | None]) -> Any:
        if block[1] is None:
            raise Refused(lacking.format("examples to measure"))
        return metric.of(block)

    return metric._replace(of=of)


def defer_refusal(make: Callable[[], Metric]) -> Metric:
    """Returns the metric; if making it is refused, one that is refused for that reason when computed."""
    try:
        return make()
    except Refused as error:
        reason = str(error)  # raising the error itself again would keep its traceback's frames alive

    def refuse(block: Any) -> Any:
        raise Refused(reason)

    return Metric((), refuse, lambda a, b: a, lambda state: {})
