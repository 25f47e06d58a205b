"""What samples are held against, made ready once: the same panel measures every checkpoint."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import prod
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.source import Modes, Source, check_split, labelled
from jaxgan.errors import Refused
from jaxgan.evaluate.extractor import Extractor, Seen, digest, together
from jaxgan.evaluate.names import frechet_name, kernel_name, score_name
from jaxgan.evaluate.store import stored
from jaxgan.metrics.frechet import frechet, intra_class, moments
from jaxgan.metrics.kernel import kernel_distance
from jaxgan.metrics.memorisation import FRESH, MANY, memorisation
from jaxgan.metrics.metric import Estimate, Metric, kept, measured, resamples
from jaxgan.metrics.mixture import TEN_SIGMA, WITHIN, covering, label_coverage, perfect, with_intervals
from jaxgan.metrics.neighbours import precision_recall
from jaxgan.metrics.plane import MOST, transport
from jaxgan.metrics.score import inception_score
from jaxgan.metrics.sliced import sliced_wasserstein
from jaxgan.metrics.ssim import similarity
from jaxgan.scale import memory

USUAL = 10_000
CHUNK = 2048  # examples held as they are, at a time
LOOKED_AT = 2000  # images that are compared as images
SEARCHED, BYTES = 50_000, 2**30  # training examples among which copies are looked for, at most
EACH = 4096  # bytes that a sample takes while it is compared, beside its features: what was found of 200,000

_OF_LABELS = frozenset({"modes", "reverse_kl", "imbalance"})

Numbers = dict[str, Estimate]
Draw = Callable[[int, int], np.ndarray]  # (count, start) -> examples [count, ...]


class Panel(NamedTuple):
    """`measure` says what samples score, `oracle` what real examples do that are none of the reference.

    Both give warnings as well: a metric that cannot be had says why in one of them. Where there are fewer
    such examples than samples, `measure(draw, oracle_n)` is what can be held against them: most numbers
    depend on how many were measured. `floor` is what a perfect sampler scores, where that is known.
    """

    n: int
    measure: Callable[..., tuple[Numbers, list[str]]]  # of a Draw and, where it is not n, a count
    oracle: Callable[[], tuple[Numbers, list[str]]]
    oracle_n: int  # 0 where there is none
    floor: Mapping[str, float]
    about: Mapping[str, Any]  # what must be known of the numbers


def panel(
    train: Source,
    held_out: Source | None,
    extractor: Extractor,
    n: int = 0,
    split: Literal["test", "train"] = "test",
    classes: int = 0,
) -> Panel:
    """The panel for n samples of a generator trained on `train`; by default 10,000, or as many as that has.

    The reference is the held-out examples, at most n of them; `split="train"`, or nothing held out, makes it
    the examples that were trained on, which is said. The oracle is then the other part. Examples that are
    drawn anew are both, by other numbers. `classes` is how many the generator is told of, in turn. Images are
    seen as a picture shows them: what a generator makes brighter or darker than real ones can be is cut off.

    >>> from jaxgan.data import load
    >>> from jaxgan.evaluate.extractor import raw
    >>> ring = load("ring")
    >>> numbers, _ = panel(ring, None, raw(), n=500).oracle()
    >>> numbers["modes"].value
    8.0
    """
    n = n or usual(train)
    if n < 2:
        raise Refused(f"nothing can be said of {n} samples: take two at least")
    check_split(split)
    if n > USUAL:
        _fits(n, train, extractor)
    warnings = [f"{extractor.name}: {extractor.note}"] if extractor.note else []
    reference: Source = train
    other: Source | None = train
    where, first = "drawn anew", n  # of the other, the number of the first
    if train.size is not None:
        first = 0
        if held_out is not None and split == "test":
            reference, where = held_out, "test"
        else:
            other, where = held_out, "train"
            why = "nothing is held out" if held_out is None else "as was asked"
            warnings.insert(0, f"measured against the examples that were trained on ({why})")
    real = labelled(reference, n)
    floor: dict[str, float] = {}
    if train.modes:
        if train.shape == (2,) and n > MOST:
            warnings.append(
                f"wasserstein, the exact transport, is of the first {MOST:,} samples and examples"
            )
        metrics = _of_points(train.modes, real["x"])
        floor = perfect(len(train.modes.centres), round(WITHIN * n))
    else:
        metrics = _of_features(train, real, extractor, classes)
    if len(train.shape) == 3:
        metrics.append(("images", similarity()))
        if held_out is not None:
            learnt, apart = (
                kept_features(searched(part, n), extractor).features for part in (train, held_out)
            )
            metrics.append(("features", _or_refused(lambda: memorisation(learnt, apart))))
            few = min(n, len(learnt)) < MANY
            floor |= {name: x for name, x in FRESH.items() if not (few and name == "repeats")}
            if len(learnt) < (train.size or 0):
                some = f"{len(learnt):,} of the {train.size:,} examples that were trained on"
                warnings.append(f"copies were looked for among {some}")
    if train.channels is not None and train.channels.classes:
        metrics.append(("logits", _stacked(train.channels.classes, train.shape[-1])))
        floor |= {name: x for name, x in perfect(train.classes, n).items() if name in _OF_LABELS}

    oracle_n = 0 if other is None else min(n, other.size or n)

    def measure(draw: Draw, count: int = n) -> tuple[Numbers, list[str]]:
        label = np.arange(count) % max(classes, 1)
        return compared((bounded(x, real["x"]) for x in _drawn(draw, count, train.shape)), label)

    def compared(blocks: Iterable[np.ndarray], label: np.ndarray | None) -> tuple[Numbers, list[str]]:
        images: list[np.ndarray] = []
        seen: list[Seen] = []
        for x in blocks:
            images.append(x[: max(LOOKED_AT - CHUNK * len(images), 0)])
            seen.append(extractor.apply(x))
        given: dict[str, Any] = {"images": np.concatenate(images), **together(seen)._asdict()}
        given["labelled"] = (given["features"], label)
        found: Numbers = {}
        refused: list[str] = []
        for kind, metric in metrics:
            try:
                found.update(measured(metric, [given[kind]]))
            except Refused as why:
                refused.append(f"not measured: {why}")
        return found, refused

    def oracle() -> tuple[Numbers, list[str]]:
        if other is None:
            return {}, ["no oracle row: no other real examples are left to be measured"]
        real = labelled(other, oracle_n, first)
        blocks = (real["x"][at : at + CHUNK] for at in range(0, oracle_n, CHUNK))
        found, refused = compared(blocks, real.get("label"))
        return {name: x for name, x in found.items() if name not in FRESH}, refused

    about = {
        "split": where,
        "reference_n": len(real["x"]),
        **({} if train.modes else {"neighbours_n": min(n, len(real["x"]))}),
        "extractor": {
            **{"name": extractor.name, "digest": extractor.digest, "resizer": extractor.resizer},
            **({"weights": extractor.weights} if extractor.weights else {}),
        },
        "warnings": warnings,
        "note": train.note,
    }
    return Panel(n, measure, oracle, oracle_n, floor, about)


def usual(train: Source) -> int:
    """How many samples are measured where nobody says: 10,000, or as many as there are examples.

    >>> from jaxgan.data import load
    >>> usual(load("digits")), usual(load("ring"))
    (1500, 10000)
    """
    return min(USUAL, train.size or USUAL)


def _fits(n: int, train: Source, extractor: Extractor) -> None:
    """Refuses, before anything is drawn, what no memory of this computer could hold."""
    numbers = sum(leaf.shape[1] for leaf in extractor.apply(labelled(train, 1)["x"]) if leaf is not None)
    needs, there = n * (EACH + 4 * numbers), memory.limit(jax.devices("cpu")[0])
    if needs > there:
        raise Refused(
            f"{n:,} samples would need some {needs / 1e9:,.0f} GB to be compared, and this computer has "
            f"{there / 1e9:,.0f}: take fewer"
        )


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


def _drawn(draw: Draw, count: int, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    for start in range(0, count, CHUNK):
        asked = min(CHUNK, count - start)
        x = np.asarray(draw(asked, start))
        if x.shape != (asked, *shape) or not jnp.issubdtype(x.dtype, jnp.floating):
            raise Refused(
                f"{asked} samples of floats {shape} were asked for, not an array {x.shape} of {x.dtype}"
            )
        if not np.isfinite(x).all():
            bad = int((~np.isfinite(x.reshape(len(x), -1)).all(axis=1)).sum())
            raise Refused(f"{bad} of {len(x)} samples from number {start} on hold NaN or infinite numbers")
        yield x


def bounded(samples: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Samples as they are shown: images within what real ones reach, [-1, 1] at least, points as they are.

    >>> bounded(np.full((1, 2, 2, 1), 1.25), np.ones((1, 2, 2, 1))).max().item()
    1.0
    """
    if real.ndim != 4:
        return samples
    reach = max(1.0, float(np.abs(real).max()))
    return np.clip(samples, -reach, reach)


def _of_points(modes: Modes, real: np.ndarray) -> list[tuple[str, Metric]]:
    metrics = [("features", covering(modes.centres, modes.sigma, modes.dimensions))]
    if real.shape[1] == 2:
        held = real[:MOST]
        metrics.append(("features", _first(len(held), transport(held))))
    else:
        ten = covering(modes.centres, modes.sigma, modes.dimensions, TEN_SIGMA)
        metrics.append(
            ("features", _called(ten, {name: f"{name}_10_sigma" for name in ("modes", "high_quality")}))
        )
    return [*metrics, ("features", sliced_wasserstein(real))]


def _of_features(
    train: Source, real: Mapping[str, np.ndarray], extractor: Extractor, classes: int
) -> list[tuple[str, Metric]]:
    seen = kept_features(real["x"], extractor)
    x, name = seen.features, frechet_name(extractor)
    metrics = [
        ("features", _or_refused(lambda: frechet(moments(x), name))),
        ("features", _or_refused(lambda: kernel_distance(x, kernel_name(extractor)))),
        ("features", _or_refused(lambda: _by_neighbours(x))),
        ("features", sliced_wasserstein(x)),
    ]
    if train.channels is not None:  # classes are thousands, and logits those of every channel
        return metrics
    if seen.logits is not None:
        metrics.append(("logits", inception_score(name=score_name(extractor))))
    if classes:
        within = _or_refused(lambda: _by_class(x, real.get("label"), f"intra_{name}"))
        metrics.append(("labelled", within))
    return metrics


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


def _stacked(classes: int, channels: int) -> Metric:
    """Coverage of the modes of stacked images, by the classes that every channel is seen as."""

    def of(logits: np.ndarray | None) -> tuple[np.ndarray, ...]:
        if logits is None or logits.shape[1] != channels * classes:
            raise Refused("modes of stacked images need the class of each channel, which `local` tells")
        return (logits,)

    def compute(logits: np.ndarray) -> Numbers:
        digits = logits.reshape(len(logits), channels, classes).argmax(axis=-1)
        label = digits @ classes ** np.arange(channels)[::-1]
        rows = resamples(len(label), 100)
        again = [label_coverage(label[some], classes**channels) for some in rows]
        found = label_coverage(label, classes**channels)
        return with_intervals(found, again, classes**channels, len(label))

    return kept(compute)._replace(of=of)


def _or_refused(make: Callable[[], Metric]) -> Metric:
    """A metric whose reference may not do, which is then said of it when it is measured."""
    try:
        return make()
    except Refused as error:
        why = str(error)  # an error that is raised again holds on to all that it has passed through

    def refuse(block: Any) -> Any:
        raise Refused(why)

    return Metric((), refuse, lambda a, b: a, lambda state: {})


def _first(count: int, metric: Metric) -> Metric:
    """The metric of the first so many examples."""
    return kept(lambda x: metric.compute(metric.of(x[:count])))


def _called(metric: Metric, names: Mapping[str, str]) -> Metric:
    """Some of a metric's numbers, by other names."""

    def compute(state: Any) -> Numbers:
        return {names[name]: value for name, value in metric.compute(state).items() if name in names}

    return metric._replace(compute=compute)
