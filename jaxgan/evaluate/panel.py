"""What samples are held against, made ready once: the same panel measures every checkpoint."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Leaf
from jaxgan.data.source import Source, check_split, labelled
from jaxgan.errors import Refused
from jaxgan.evaluate.extractor import Extractor, Seen, together
from jaxgan.evaluate.features import CHUNK, Numbers, Reference, kept_features, searched
from jaxgan.evaluate.images import bounded
from jaxgan.evaluate.measures import measures
from jaxgan.metrics.memorisation import FRESH
from jaxgan.metrics.metric import measured
from jaxgan.metrics.nearest import nearest
from jaxgan.scale import memory

USUAL = 10_000
LOOKED_AT = 2000  # examples that are compared as they are
EACH = 4096  # bytes that a sample takes while it is compared, beside its features: what was found of 200,000

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
    given: tuple[str, ...] = (),
) -> Panel:
    """The panel for n samples of a generator trained on `train`; by default 10,000, or as many as that has.

    The reference is the held-out examples, at most n of them; `split="train"`, or nothing held out, makes it
    the examples that were trained on, which is said. The oracle is then the other part. Examples that are
    drawn anew are both, by other numbers. `given` are the leaves that the generator is told, by name. Images
    are seen as a picture shows them: what is made brighter or darker than real ones can be is cut off.

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
    real, classes = labelled(reference, n), train.classes if "label" in given else 0
    made = measures(train.kind, Reference(train, held_out, real, extractor, n, classes))
    warnings += made.warnings

    oracle_n = 0 if other is None else min(n, other.size or n)

    def measure(draw: Draw, count: int = n) -> tuple[Numbers, list[str]]:
        label = np.arange(count) % max(classes, 1)  # as `conditions_for` has them
        return compared((made.shown(x) for x in _drawn(draw, count, train.leaves["x"])), label)

    def compared(blocks: Iterable[np.ndarray], label: np.ndarray | None) -> tuple[Numbers, list[str]]:
        examples: list[np.ndarray] = []
        seen: list[Seen] = []
        for x in blocks:
            examples.append(x[: max(LOOKED_AT - CHUNK * len(examples), 0)])
            seen.append(extractor.apply(x))
        given: dict[str, Any] = {"examples": np.concatenate(examples), **together(seen)._asdict()}
        given["labelled"] = (given["features"], label)
        found: Numbers = {}
        refused: list[str] = []
        for what, metric in made.metrics:
            try:
                found.update(measured(metric, [given[what]]))
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
        **made.about,
        "extractor": {
            **{"name": extractor.name, "digest": extractor.digest, "resizer": extractor.resizer},
            **({"weights": extractor.weights} if extractor.weights else {}),
        },
        "warnings": warnings,
        "note": train.note,
    }
    return Panel(n, measure, oracle, oracle_n, made.floor, about)


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


def _drawn(draw: Draw, count: int, leaf: Leaf) -> Iterator[np.ndarray]:
    shape, floats = leaf.shape, jnp.issubdtype(leaf.dtype, jnp.floating)
    of, word = (jnp.floating, "floats") if floats else (jnp.number, "numbers")
    for start in range(0, count, CHUNK):
        asked = min(CHUNK, count - start)
        x = np.asarray(draw(asked, start))
        if x.shape != (asked, *shape) or not jnp.issubdtype(x.dtype, of):
            raise Refused(
                f"{asked} samples of {word} {shape} were asked for, not an array {x.shape} of {x.dtype}"
            )
        if not np.isfinite(x).all():
            bad = int((~np.isfinite(x.reshape(len(x), -1)).all(axis=1)).sum())
            raise Refused(f"{bad} of {len(x)} samples from number {start} on hold NaN or infinite numbers")
        yield x


SHOWN, BESIDE = 8, 3


def copies(draw: Draw, train: Source, extractor: Extractor, n: int) -> np.ndarray:
    """Rows of images: a sample, then the three training examples that are nearest in features, or all.

    Of the first 2,000 samples those eight that are nearest to a training example. Images [8, 4, H, W, C].
    """
    examples = searched(train, n)
    samples = bounded(draw(min(n, LOOKED_AT), 0), examples)
    seen = extractor.apply(samples).features, kept_features(examples, extractor).features
    near, distance = nearest(*seen, min(BESIDE, len(examples)))
    chosen = np.argsort(distance[:, 0], kind="stable")[:SHOWN]
    return np.stack([np.stack([samples[i], *examples[near[i]]]) for i in chosen])
