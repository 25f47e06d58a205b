"""Answers that are no GAN's: the input itself, the mean picture, and the nearest training example."""

from collections.abc import Callable, Mapping
from functools import cache
from math import prod

import jax
import numpy as np

from jaxgan.data.kind import Image
from jaxgan.data.source import Source, labelled
from jaxgan.evaluate import cycles
from jaxgan.evaluate.answers import Answers, answers
from jaxgan.evaluate.names import of_guess
from jaxgan.metrics.nearest import nearest
from jaxgan.metrics.pairs import DISTANCES, Distance, compare, l1
from jaxgan.run.experiment import Moment

EXAMPLES, BYTES = 8192, 2**28  # at most so many training examples are searched, read as one block


def guesses(train: Source, known: Answers) -> dict[str, np.ndarray]:
    """Returns what needs no GAN, by name: an answer [H, W, C] to each question.

    `input`: the picture that is asked about; grey is repeated for colours. `bicubic`: the same enlarged, if
    it is smaller. `mean_picture`: the mean of the training pictures. `nearest_pair`: the x of the training
    example whose leaves are nearest, in pixels, to those asked about; if in training "other" is that of
    another example, `nearest_picture`: the training picture that is itself the nearest, and `mean_colours`:
    the picture that is asked about, moved by the difference of the mean colours of both domains.

    >>> from jaxgan.data import load, pairs
    >>> source = pairs.paired(load("digits"), pairs.edges)
    >>> list(guesses(source, answers(source, ("source",), 10)))
    ['input', 'mean_picture', 'nearest_pair']
    """
    shape = train.shape
    made: dict[str, np.ndarray] = {}
    pictures = [name for name in known.asked if isinstance(train.leaves[name].kind, Image)]
    if pictures:
        x = known.questions[pictures[0]]
        (height, width, channels), (rows, columns, colours) = x.shape[1:], shape
        if channels in (1, colours):
            x = np.broadcast_to(x, (*x.shape[:3], colours))
            if (height, width) == (rows, columns):
                made["input"] = x
            elif height <= rows and width <= columns:
                large = jax.image.resize(x, (len(x), *shape), "cubic")
                made["bicubic"] = np.clip(np.asarray(large), -1, 1)
    examples = _examples(train, "x", *known.asked)
    made["mean_picture"] = _mean(examples["x"], len(known.truths))
    unpaired = "other" in known.asked
    numbers = [name for name in known.asked if np.issubdtype(known.questions[name].dtype, np.floating)]
    if not unpaired and numbers:
        there, here = (_rows([leaves[name] for name in numbers]) for leaves in (examples, known.questions))
        made["nearest_pair"] = examples["x"][nearest(here, there)[0][:, 0]]
    elif "other" in numbers and train.leaves["other"].shape == shape:
        index = nearest(_rows([known.questions["other"]]), _rows([examples["x"]]))[0][:, 0]
        made["nearest_picture"] = examples["x"][index]
        shift = examples["x"].mean(axis=(0, 1, 2)) - examples["other"].mean(axis=(0, 1, 2))
        made["mean_colours"] = np.clip(known.questions["other"] + shift, -1, 1)
    return made


def unchanged(train: Source, name: str, asked: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what is made again of answers that are no GAN's to the pictures `asked` about, by name.

    `input`, where a picture may be its own answer, is itself again: its error is 0, though nothing has been
    translated. Of a `mean_picture` in answer to everything no more can be made than the mean of these.
    """
    same = {"input": asked} if train.leaves[name].shape == train.shape else {}
    return {**same, "mean_picture": _mean(_examples(train, name)[name], len(asked))}


def answered(
    source: Source, n: int = 500, distances: Mapping[str, Distance] = DISTANCES
) -> Callable[[Moment], Mapping[str, float]]:
    """Returns a hook: `l1`, `psnr` and `ssim` of samples beside the true answers to the first n questions.

    Sample i is made from the leaves of the i-th held-out example, whose "x" is the answer. Where the true
    answers to what a generator is asked are not known, these are left out. `cycle_error` is that of a game
    with a way back, of pictures there and back. At step 0 what needs no GAN is measured as well, named as
    `l1_of_nearest_pair`; see `guesses`. `jg.evaluated` measures more, at a greater cost.

    >>> import jaxgan as jg
    >>> from jaxgan.data import load, pairs
    >>> hook = jg.Hook(500, answered(pairs.paired(load("glyphs"), pairs.edges)))
    """
    known = cache(lambda given: answers(source, given, n))
    backs: list[cycles.Again | None] = []  # one, made at the first call

    def call(moment: Moment) -> Mapping[str, float]:
        if not backs:
            backs.append(cycles.way_back(moment.game, source))
        given, back = moment.game.given, backs[0]
        questions = known(given)
        numbers: dict[str, float] = {}
        if questions is None and back is None:
            return {}
        truths = asked_about(given[0]) if questions is None else questions.truths
        samples = moment.sample(moment.state.generator, len(truths))
        if questions is not None:
            numbers |= compare(samples, truths, distances)
        if back is not None:
            numbers |= there_and_back(back(moment.state.generator, samples), given[0])
        return numbers | (of_guesses(given, back is not None) if moment.step == 0 else {})

    def there_and_back(pictures: np.ndarray, name: str) -> dict[str, float]:
        return compare(pictures, asked_about(name), {cycles.ERROR: l1})

    @cache
    def asked_about(name: str) -> np.ndarray:
        return cycles.origins(source, name, n)

    @cache  # for the other lanes
    def of_guesses(given: tuple[str, ...], back: bool) -> dict[str, float]:
        questions, rows = known(given), []
        if questions is not None:
            made = guesses(source, questions)
            rows += [(row, compare(x, questions.truths, distances)) for row, x in made.items()]
        if back:
            again = unchanged(source, given[0], asked_about(given[0]))
            rows += [(row, there_and_back(x, given[0])) for row, x in again.items()]
        return {of_guess(name, row): value for row, numbers in rows for name, value in numbers.items()}

    return call


def _examples(train: Source, *names: str) -> dict[str, np.ndarray]:
    most = BYTES // (4 * max(prod(train.leaves[name].shape) for name in names))
    return labelled(train, min(EXAMPLES, max(most, 1)))


def _mean(x: np.ndarray, n: int) -> np.ndarray:
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    return np.broadcast_to(mean, (n, *mean.shape))


def _rows(leaves: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
