"""What is made from something, beside the true answers: the questions are those of held-out examples."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.data.kind import Image, Label
from jaxgan.data.source import Source, labelled, labels_in_turn
from jaxgan.metrics.metric import Estimate, Metric, collect_then, share
from jaxgan.metrics.pairs import DISTANCES, Distance, diversity, mean_of
from jaxgan.metrics.ssim import ssim

Draw = Callable[[int, int], np.ndarray]  # (count, start) -> examples [count, ...]

MOST = 2000  # answers that are compared
QUESTIONS, TIMES = 200, 4  # for the diversity: so many answers to each of so many questions
SAME = 1e-5  # answers that differ by less are the same, but for rounding


class Answers(NamedTuple):
    """Questions of held-out examples, and their true answers: sample i answers question i."""

    asked: tuple[str, ...]  # the leaves that the questions are
    questions: Mapping[str, np.ndarray]  # these leaves [n, ...]
    truths: np.ndarray  # [n, H, W, C]
    label: np.ndarray | None  # [n], the classes of the examples asked about


def asked(source: Source, given: Sequence[str]) -> tuple[str, ...]:
    """Returns which of the leaves `given` to a generator ask for the example's own picture "x".

    >>> from jaxgan.data import load, pairs
    >>> asked(pairs.paired(load("digits"), pairs.edges), ("label", "source"))
    ('source',)
    """
    return tuple(name for name in given if name in source.asks) if isinstance(source.kind, Image) else ()


def answers(source: Source, given: Sequence[str], n: int = MOST) -> Answers | None:
    """Returns the first n questions and their answers; None if the generator is asked for nothing known.

    They are those of held-out examples, or of training examples if none are held out; fewer if there are not
    so many.

    >>> from jaxgan.data import load, pairs
    >>> known = answers(pairs.paired(load("digits"), pairs.edges), ("source",), 100)
    >>> known.questions["source"].shape, known.truths.shape
    ((100, 8, 8, 1), (100, 8, 8, 1))
    """
    names = asked(source, given)
    if not names:
        return None
    leaves = labelled(source.held_out() if source.held_out else source, n)
    label = leaves["label"] if source.classes > 1 and source.channels is None else None
    return Answers(names, {name: leaves[name] for name in names}, leaves["x"], label)


def measured(distances: Mapping[str, Distance] = DISTANCES) -> list[tuple[str, Metric]]:
    """Returns the metrics of answers, each with the name of its input; see `inputs`.

    The mean of each distance over questions; and `class_kept`, the share of answers whose predicted class is
    that of the example asked about.
    """

    def kept(hits: np.ndarray) -> Mapping[str, Estimate]:
        return {"class_kept": share(hits)}

    means = [
        mean_of(name, distance, *((-1, 1) if distance is ssim else (0, np.inf)))
        for name, distance in distances.items()
    ]
    return [*(("answers", mean) for mean in means), ("class_kept", collect_then(kept))]


def inputs(known: Answers, pictures: np.ndarray, logits: np.ndarray | None) -> dict[str, Any]:
    """Returns the inputs of `measured` for answers [m, H, W, C]: those to the first of the questions.

    `logits` [m, classes] are those of a classifier of the answers, None if there is none.
    """
    n = min(len(pictures), len(known.truths))
    made: dict[str, Any] = {"answers": (pictures[:n], known.truths[:n])}
    if known.label is not None and logits is not None:
        made["class_kept"] = logits[:n].argmax(axis=1) == known.label[:n]
    return made


def several(draw: Draw, source: Source, given: Sequence[str]) -> np.ndarray | None:
    """Draws answers [questions, 4, ...] to up to 200 questions; None if there is only one answer to each.

    Sample i + k size asks the same as sample i, where `size` is the number of held-out examples, with another
    latent.
    """
    others = [name for name in given if not isinstance(source.leaves[name].kind, Label)]
    size = (source.held_out() if source.held_out else source).size
    if not others or size is None or not isinstance(source.kind, Image):
        return None
    size = int(np.lcm.reduce([size, *labels_in_turn(source, given).values()]))
    n = min(QUESTIONS, size)
    first, second = (np.asarray(draw(n, k * size)) for k in range(2))
    if np.abs(first - second).max() < SAME:
        return None
    return np.stack([first, second, *(np.asarray(draw(n, k * size)) for k in range(2, TIMES))], axis=1)


def diversities(distances: Mapping[str, Distance] = DISTANCES) -> list[tuple[str, Metric]]:
    """Returns the metrics of several answers to a question: diversity by L1, and by further distances."""
    others = {name: distance for name, distance in distances.items() if name not in DISTANCES}
    l1 = mean_of("answer_diversity", diversity)
    return [
        ("several", l1),
        *(("several", mean_of(f"answer_diversity_{name}", _by(other))) for name, other in others.items()),
    ]


def _by(distance: Distance) -> Callable[[np.ndarray], np.ndarray]:
    return lambda pictures: diversity(pictures, distance)
