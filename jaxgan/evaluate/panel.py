"""The panel: real examples, an extractor and metrics, prepared once to measure many checkpoints alike."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Leaf
from jaxgan.data.source import Source, check_split, conditions_for, labelled
from jaxgan.errors import Refused
from jaxgan.evaluate import cycles
from jaxgan.evaluate.answers import answers, diversities, inputs, measured, several
from jaxgan.evaluate.extractor import Extractor, Outputs, concatenate_outputs
from jaxgan.evaluate.features import CHUNK, Numbers, Reference, cached_outputs, copy_candidates
from jaxgan.evaluate.guesses import guesses, unchanged
from jaxgan.evaluate.images import clip_to_range
from jaxgan.evaluate.measures import measures
from jaxgan.metrics.memorisation import FRESH
from jaxgan.metrics.metric import Metric, compute_metric
from jaxgan.metrics.nearest import nearest
from jaxgan.metrics.pairs import DISTANCES, Distance, l1, mean_of
from jaxgan.scale import memory

DEFAULT_N = 10_000
MAX_EXAMPLES = 2000  # samples that are compared themselves, not by their features
BYTES = 4096  # per sample, besides its features, while it is compared: measured with 200,000 samples

Draw = Callable[[int, int], np.ndarray]  # (count, start) -> examples [count, ...]


class Panel(NamedTuple):
    """`measure` returns the scores of samples, `oracle` those of real examples outside the reference.

    Both also return warnings, among them why a metric is missing. If there are fewer such real examples than
    samples, compare them with `measure(draw, oracle_n)`: most numbers depend on how many examples are
    measured. `floor` is what a perfect sampler scores, where that is known. Where the true answers to what a
    generator is asked are known, all of its samples are also compared with these; `guesses` are the scores of
    answers that are no GAN's, by name, and `beside` says what was asked. `measure` takes the way back of a
    game, (samples) -> what they were made from, if the panel was made for one that has it.
    """

    n: int
    measure: Callable[..., tuple[Numbers, list[str]]]  # (draw, count=n, again=None)
    oracle: Callable[[], tuple[Numbers, list[str]]]
    oracle_n: int  # 0 without an oracle
    floor: Mapping[str, float]
    about: Mapping[str, Any]  # facts that the numbers depend on
    guesses: Callable[[], Mapping[str, Numbers]] = lambda: {}
    beside: Mapping[str, Any] = {}  # the leaves that are "asked", and "n", the questions; {} without answers
    returned: int = 0  # samples of which is made again what they were made from


def panel(
    train: Source,
    held_out: Source | None,
    extractor: Extractor,
    n: int = 0,
    split: Literal["test", "train"] = "test",
    given: tuple[str, ...] = (),
    distances: Mapping[str, Distance] = DISTANCES,
    back: bool = False,
) -> Panel:
    """Returns the panel for n samples of a generator trained on `train`; by default `default_count(train)`.

    The reference is the held-out examples, at most n of them; with `split="train"`, or if nothing is held
    out, it is the training examples, and a warning says so. The oracle is then the other part. For data drawn
    anew for each example, reference and oracle are different draws. `given` are the names of the leaves that
    the generator is conditioned on. Images are clipped to the range of real ones, as a picture would.
    `distances` compare pictures with the true answers to what was asked, where these are known. `back` is
    whether the game has a way back to the first leaf of `given`.

    >>> from jaxgan.data import load
    >>> from jaxgan.evaluate.extractor import raw
    >>> ring = load("ring")
    >>> numbers, _ = panel(ring, None, raw(), n=500).oracle()
    >>> numbers["modes"].value
    8.0
    """
    n = n or default_count(train)
    if n < 2:
        raise Refused(f"an evaluation needs at least two samples, not {n}")
    check_split(split)
    if n > DEFAULT_N:
        _check_memory(n, train, extractor)
    warnings = [f"{extractor.name}: {extractor.note}"] if extractor.note else []
    reference: Source = train
    rest: Source | None = train  # the oracle's examples, from number `first` on
    where, first = "drawn anew", n
    if train.size is not None:
        first = 0
        if held_out is not None and split == "test":
            reference, where = held_out, "test"
        else:
            rest, where = held_out, "train"
            reason = "nothing is held out" if held_out is None else "as requested"
            warnings.insert(0, f"compared with the training examples ({reason})")
    real, classes = labelled(reference, n), train.classes if "label" in given else 0
    made = measures(train.kind, Reference(train, held_out, real, extractor, n, classes))
    warnings += made.warnings

    oracle_n = 0 if rest is None else min(n, rest.size or n)
    known = answers(train, given, min(n, MAX_EXAMPLES))
    of_answers = measured(distances)
    asked_about = cycles.origins(train, given[0], min(n, MAX_EXAMPLES)) if back else np.zeros(0)

    def measure(
        draw: Draw, count: int = n, again: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> tuple[Numbers, list[str]]:
        label = labels(count) if classes else None  # those that the sampler conditions on
        blocks = (made.shown(x) for x in _draw_blocks(draw, count, train.leaves["x"]))
        block = outputs_of(blocks, label)
        numbers, refusals = compute(made.metrics, block)
        if count < n:
            return numbers, refusals
        if known is not None:
            more, why = compute(of_answers, inputs(known, block["examples"], block["logits"]))
            numbers, refusals = numbers | more, refusals + why
        if (pictures := several(draw, train, given)) is not None:
            more, why = compute(diversities(distances), {"several": (made.shown(pictures),)})
            numbers, refusals = numbers | more, refusals + why
        if again is not None:
            numbers |= there_and_back(again(block["examples"][: len(asked_about)]))
        return numbers, refusals

    def there_and_back(made_again: np.ndarray) -> Numbers:
        return compute([("again", mean_of(cycles.ERROR, l1))], {"again": (made_again, asked_about)})[0]

    def labels(count: int) -> np.ndarray:
        conditions = conditions_for(train, [name for name in given if name == "label" or name in train.asks])
        blocks = np.split(np.arange(count), range(CHUNK, count, CHUNK))
        return np.concatenate([conditions(block)["label"] for block in blocks])

    def outputs_of(blocks: Iterable[np.ndarray], label: np.ndarray | None) -> dict[str, Any]:
        examples: list[np.ndarray] = []
        outputs: list[Outputs] = []
        for x in blocks:
            examples.append(x[: max(MAX_EXAMPLES - CHUNK * len(examples), 0)])
            outputs.append(extractor.apply(x))
        block: dict[str, Any] = {"examples": np.concatenate(examples)}
        block |= concatenate_outputs(outputs)._asdict()
        return block | {"labelled": (block["features"], label)}

    def compute(metrics: Sequence[tuple[str, Metric]], block: Mapping[str, Any]) -> tuple[Numbers, list[str]]:
        numbers: Numbers = {}
        refusals: list[str] = []
        for name, metric in metrics:
            if name in block:
                try:
                    numbers.update(compute_metric(metric, [block[name]]))
                except Refused as error:
                    refusals.append(f"not measured: {error}")
        return numbers, refusals

    def oracle() -> tuple[Numbers, list[str]]:
        true = {} if known is None else beside_truths(known.truths)
        if known is not None and back:
            true |= there_and_back(asked_about)
        if rest is None:
            return true, ["no oracle row: there are no other real examples to measure"]
        real = labelled(rest, oracle_n, first)
        blocks = (real["x"][start : start + CHUNK] for start in range(0, oracle_n, CHUNK))
        numbers, refusals = compute(made.metrics, outputs_of(blocks, real.get("label")))
        return {name: x for name, x in numbers.items() if name not in FRESH} | true, refusals

    def beside_truths(pictures: np.ndarray) -> Numbers:
        assert known is not None
        logits = None if known.label is None else extractor.apply(pictures).logits
        return compute(of_answers, inputs(known, pictures, logits))[0]

    @cache
    def of_guesses() -> Mapping[str, Numbers]:
        pictures = {} if known is None else guesses(train, known)
        rows = {row: beside_truths(made.shown(x)) for row, x in pictures.items()}
        made_again = unchanged(train, given[0], asked_about) if back else {}
        return rows | {row: rows.get(row, {}) | there_and_back(x) for row, x in made_again.items()}

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
    beside = {} if known is None else {"asked": list(known.asked), "n": len(known.truths)}
    return Panel(n, measure, oracle, oracle_n, made.floor, about, of_guesses, beside, len(asked_about))


def default_count(train: Source) -> int:
    """Returns the default number of samples: 10,000, or the number of examples if that is smaller.

    >>> from jaxgan.data import load
    >>> default_count(load("digits")), default_count(load("ring"))
    (1500, 10000)
    """
    return min(DEFAULT_N, train.size or DEFAULT_N)


def _check_memory(n: int, train: Source, extractor: Extractor) -> None:
    """Refuses more samples than this computer's memory can hold, before any are drawn."""
    outputs = extractor.apply(labelled(train, 1)["x"])
    width = sum(leaf.shape[1] for leaf in outputs if leaf is not None)
    needed, available = n * (BYTES + 4 * width), memory.limit(jax.devices("cpu")[0])
    if needed > available:
        raise Refused(
            f"comparing {n:,} samples needs about {needed / 1e9:,.0f} GB of memory, and this computer has "
            f"{available / 1e9:,.0f}: take fewer"
        )


def _draw_blocks(draw: Draw, count: int, leaf: Leaf) -> Iterator[np.ndarray]:
    """Draws samples in blocks; refuses those of another shape or type than examples, and NaN."""
    shape, floats = leaf.shape, jnp.issubdtype(leaf.dtype, jnp.floating)
    supertype, word = (jnp.floating, "floats") if floats else (jnp.number, "numbers")
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        x = np.asarray(draw(size, start))
        if x.shape != (size, *shape) or not jnp.issubdtype(x.dtype, supertype):
            raise Refused(f"expected {size} samples of {word} {shape}, not an array {x.shape} of {x.dtype}")
        if not np.isfinite(x).all():
            bad = int((~np.isfinite(x.reshape(len(x), -1)).all(axis=1)).sum())
            raise Refused(f"{bad} of {len(x)} samples from number {start} on hold NaN or infinite numbers")
        yield x


def copies(
    draw: Draw, train: Source, extractor: Extractor, n: int, rows: int = 8, neighbours: int = 3
) -> np.ndarray:
    """Returns rows of images: a sample, then the training examples nearest to it in features, at most 3.

    The rows are the 8 of the first 2,000 samples that are nearest to a training example. [8, 4, H, W, C].
    """
    examples = copy_candidates(train, n)
    samples = clip_to_range(draw(min(n, MAX_EXAMPLES), 0), examples)
    features = extractor.apply(samples).features, cached_outputs(examples, extractor).features
    numbers, distances = nearest(*features, min(neighbours, len(examples)))
    closest = np.argsort(distances[:, 0], kind="stable")[:rows]
    return np.stack([np.stack([samples[i], *examples[numbers[i]]]) for i in closest])
