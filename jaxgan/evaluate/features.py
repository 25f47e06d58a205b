"""What examples are measured by whose features say enough: distances of two distributions, and neighbours."""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data.source import Source, labelled
from jaxgan.errors import Refused
from jaxgan.evaluate.extractor import Extractor, Seen, digest, together
from jaxgan.evaluate.names import frechet_name, kernel_name, score_name
from jaxgan.evaluate.store import stored
from jaxgan.metrics.frechet import Moments, frechet, intra_class, moments
from jaxgan.metrics.kernel import kernel_distance
from jaxgan.metrics.metric import Estimate, Metric, kept, measured
from jaxgan.metrics.neighbours import precision_recall
from jaxgan.metrics.score import inception_score
from jaxgan.metrics.sliced import sliced_wasserstein

CHUNK = 2048  # examples held as they are, at a time
SEARCHED, BYTES = 50_000, 2**30  # training examples among which copies are looked for, at most

Numbers = dict[str, Estimate]


class Reference(NamedTuple):
    """What n samples are held against, and what they are seen through."""

    train: Source
    held_out: Source | None
    real: Mapping[str, np.ndarray]  # the examples samples are compared with, "x" and what else they have
    extractor: Extractor
    n: int
    classes: int  # that the generator is told of

    @property
    def seen(self) -> Seen:
        """The examples that samples are compared with, as the extractor sees them."""
        return kept_features(self.real["x"], self.extractor)


class Measures(NamedTuple):
    """What examples are measured by.

    Each metric stands with what it is given of them: "features" [n, d]; "logits" [n, k]; "labelled", the pair
    (features, labels); "examples", the first 2,000 as they are. `floor` is what a perfect sampler scores,
    where that is known, and `shown` what becomes of samples before anything looks at them.
    """

    metrics: list[tuple[str, Metric]]
    floor: Mapping[str, float] = {}
    warnings: tuple[str, ...] = ()
    about: Mapping[str, Any] = {}  # what else must be known of the numbers
    shown: Callable[[np.ndarray], np.ndarray] = lambda samples: samples


def searched(part: Source, n: int) -> np.ndarray:
    """The examples among which copies are looked for: all, where they are not too many to hold."""
    return labelled(part, max(n, min(SEARCHED, BYTES // (4 * prod(part.shape)))))["x"]


def kept_features(x: np.ndarray, extractor: Extractor) -> Seen:
    """How real examples are seen: computed once, and kept in the user's cache by a hash of them."""

    def make() -> dict[str, np.ndarray]:
        seen = together(extractor.apply(x[at : at + CHUNK]) for at in range(0, len(x), CHUNK))
        return {name: leaf for name, leaf in seen._asdict().items() if leaf is not None}

    if not extractor.digest or extractor.digest == "raw":
        found: Mapping[str, np.ndarray] = make()
    else:
        found = stored(f"seen {extractor.digest} {extractor.weights} {extractor.resizer} {digest(x)}", make)
    return Seen(found["features"], found.get("logits"))


def of_features(reference: Reference) -> Measures:
    """A Frechet, a kernel and a sliced Wasserstein distance, neighbours, and what classes tell."""
    seen, extractor = reference.seen, reference.extractor
    x, name = seen.features, frechet_name(extractor)
    about = {"neighbours_n": min(reference.n, len(x))}
    metrics = [
        ("features", or_refused(lambda: _by_moments(x, name))),
        ("features", or_refused(lambda: kernel_distance(x, kernel_name(extractor)))),
        ("features", or_refused(lambda: _by_neighbours(x))),
        ("features", sliced_wasserstein(x)),
    ]
    if reference.train.channels is not None:  # classes are thousands, and logits those of every channel
        return Measures(metrics, about=about)
    if seen.logits is not None:
        metrics.append(("logits", inception_score(name=score_name(extractor))))
    if reference.classes:
        within = or_refused(lambda: _by_class(x, reference.real.get("label"), f"intra_{name}"))
        metrics.append(("labelled", within))
    return Measures(metrics, about=about)


def _by_moments(x: np.ndarray, name: str) -> Metric:
    """The Frechet distance to these features. Too few are refused by their number, with no scatter made:
    of a second of sound it would take two gigabytes.
    """
    few = len(x) <= x.shape[1]
    return frechet(Moments(len(x), x.mean(axis=0), np.zeros((0, 0))) if few else moments(x), name)


def _by_neighbours(real: np.ndarray) -> Metric:
    """Precision, recall, density and coverage of as many on both sides, on which they depend: more samples
    than real examples would cover them by their number alone. The first of either: what a sample is depends
    on its number only, and real examples come in an order of their own.
    """
    whole = precision_recall(real)

    def compute(x: np.ndarray) -> Numbers:
        count = min(len(x), len(real))
        metric = whole if count == len(real) else precision_recall(real[:count])
        return dict(measured(metric, [x[:count]]))

    return kept(compute)


def _by_class(x: np.ndarray, label: np.ndarray | None, name: str) -> Metric:
    """Of examples that are labelled on both sides."""
    lacking = f"{name} needs labels, and the examples that were to be {{}} have none"
    if label is None:
        raise Refused(lacking.format("compared with"))
    metric = intra_class({k: moments(x[label == k]) for k in sorted(set(label.tolist()))}, name)

    def of(block: tuple[np.ndarray, np.ndarray | None]) -> Any:
        if block[1] is None:
            raise Refused(lacking.format("measured"))
        return metric.of(block)

    return metric._replace(of=of)


def or_refused(make: Callable[[], Metric]) -> Metric:
    """A metric whose reference may not do, which is then said of it when it is measured."""
    try:
        return make()
    except Refused as error:
        why = str(error)  # an error that is raised again holds on to all that it has passed through

    def refuse(block: Any) -> Any:
        raise Refused(why)

    return Metric((), refuse, lambda a, b: a, lambda state: {})
