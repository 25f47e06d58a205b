"""Answers that are no GAN's: the input itself, the mean picture, and the nearest training example."""

from collections.abc import Callable, Mapping
from functools import cache
from math import prod

import jax
import numpy as np

from jaxgan.data.kind import Image
from jaxgan.data.source import Source, labelled
from jaxgan.evaluate.answers import Answers, answers
from jaxgan.evaluate.names import of_guess
from jaxgan.metrics.nearest import nearest
from jaxgan.metrics.pairs import DISTANCES, Distance, compare
from jaxgan.run.experiment import Moment

EXAMPLES, BYTES = 8192, 2**28  # at most so many training examples are searched, read as one block


def guesses(train: Source, known: Answers) -> dict[str, np.ndarray]:
    """Returns what needs no GAN, by name: an answer [H, W, C] to each question.

    `input`: the picture that is asked about; grey is repeated for colours. `bicubic`: the same enlarged, if
    it is smaller. `mean_picture`: the mean of the training pictures. `nearest_pair`: the x of the training
    example whose leaves are nearest, in pixels, to those asked about; if in training "other" is that of
    another example, `nearest_picture`: the training picture that is itself the nearest.

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
    least = BYTES // (4 * max(prod(train.leaves[name].shape) for name in ("x", *known.asked)))
    examples = labelled(train, min(EXAMPLES, max(least, 1)))
    made["mean_picture"] = np.broadcast_to(
        examples["x"].mean(axis=0, dtype=np.float64).astype(np.float32), known.truths.shape
    )
    unpaired = "other" in known.asked
    numbers = [name for name in known.asked if np.issubdtype(known.questions[name].dtype, np.floating)]
    if not unpaired and numbers:
        there, here = (_rows([leaves[name] for name in numbers]) for leaves in (examples, known.questions))
        made["nearest_pair"] = examples["x"][nearest(here, there)[0][:, 0]]
    elif "other" in numbers and train.leaves["other"].shape == shape:
        index = nearest(_rows([known.questions["other"]]), _rows([examples["x"]]))[0][:, 0]
        made["nearest_picture"] = examples["x"][index]
    return made


def answered(
    source: Source, n: int = 500, distances: Mapping[str, Distance] = DISTANCES
) -> Callable[[Moment], Mapping[str, float]]:
    """Returns a hook: `l1`, `psnr` and `ssim` of samples beside the true answers to the first n questions.

    Sample i is made from the leaves of the i-th held-out example, whose "x" is the answer. At step 0 what
    needs no GAN is measured as well, named as `l1_of_nearest_pair`; see `guesses`. It measures nothing where
    the true answers to what a generator is asked are not known. `jg.evaluated` measures more, at a greater
    cost.

    >>> import jaxgan as jg
    >>> from jaxgan.data import load, pairs
    >>> hook = jg.Hook(500, answered(pairs.paired(load("glyphs"), pairs.edges)))
    """
    known = cache(lambda given: answers(source, given, n))

    def call(moment: Moment) -> Mapping[str, float]:
        questions = known(moment.game.given)
        if questions is None:
            return {}
        truths = questions.truths
        numbers = compare(moment.sample(moment.state.generator, len(truths)), truths, distances)
        return numbers | (of_guesses(moment.game.given) if moment.step == 0 else {})

    @cache  # for the other lanes
    def of_guesses(given: tuple[str, ...]) -> dict[str, float]:
        questions = known(given)
        assert questions is not None
        return {
            of_guess(name, guess): value
            for guess, pictures in guesses(source, questions).items()
            for name, value in compare(pictures, questions.truths, distances).items()
        }

    return call


def _rows(leaves: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)
