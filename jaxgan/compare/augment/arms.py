"""Training sets for one classifier: few real examples, with generated ones, with augmentation, or all."""

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import jax
import numpy as np

from jaxgan.evaluate.learner import Learner, learner
from jaxgan.models.classifier import Classifier
from jaxgan.parts.augmentations import chain, cutout, flip, shift, sometimes
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Augment

BATCH, RATE = 64, 2e-3
"""Of every arm, chosen before any was measured: those of the local extractor, with half its batch."""
SIDE = 32
"""Larger images are averaged over squares of pixels, so that an arm takes seconds."""
HEARTBEAT = 15  # seconds between lines on the progress


class Pool(NamedTuple):
    """Examples sorted by class, of which each class has some."""

    x: np.ndarray
    label: np.ndarray
    first: np.ndarray  # [classes], the first example of each class
    counts: np.ndarray  # [classes]


class Arm(NamedTuple):
    """A training set: the pool of real examples, how much of a batch is generated, and an augmentation."""

    real: str = "few"  # "all" for the oracle
    share: float = 0.0
    augmented: bool = False


def arms(share: float, oracle: bool) -> dict[str, Arm]:
    """Returns the arms by name; `share` of each batch is generated where both are mixed.

    >>> list(arms(0.5, oracle=True))
    ['few', 'augmented', 'generated', 'both', 'generated alone', 'all real']
    """
    return {
        "few": Arm(),
        "augmented": Arm(augmented=True),
        "generated": Arm(share=share),
        "both": Arm(share=share, augmented=True),
        "generated alone": Arm(share=1.0),
        **({"all real": Arm(real="all")} if oracle else {}),
    }


def pool(x: np.ndarray, label: np.ndarray, classes: int) -> Pool:
    """Returns a pool of examples, whose order within a class stays.

    >>> made = pool(np.zeros((4, 8, 8, 1)), np.array([1, 0, 1, 1]), 2)
    >>> made.first.tolist(), made.counts.tolist()
    ([0, 1], [1, 3])
    """
    order = np.argsort(label, kind="stable")
    count = np.bincount(label, minlength=classes)
    return Pool(x[order], label[order].astype(np.int32), np.cumsum(count) - count, count)


def rows(drawn: np.ndarray, pool: Pool) -> np.ndarray:
    """Returns examples of a pool for uniform numbers [n, 2]: the class by the first, one of it by the second.

    All classes are as frequent, in every arm alike. Equal pools give equal batches.

    >>> uneven = pool(np.zeros(4), np.array([1, 0, 1, 1]), 2)
    >>> rows(np.array([[0.0, 0.9], [0.7, 0.0], [0.7, 0.9]]), uneven).tolist()
    [0, 1, 3]
    """
    k = (drawn[:, 0] * len(pool.counts)).astype(int)
    return pool.first[k] + (drawn[:, 1] * pool.counts[k]).astype(int)


def ordinary(mirrored: bool) -> Augment:
    """Shifts by up to an eighth of the side and, half the time, a cut-out quarter of it; mirrored if asked.

    Mirroring keeps the class of most photographs, but not of digits or letters, nor always of medical images.

    >>> ordinary(mirrored=True)(jax.random.key(0), jax.numpy.ones((8, 8, 1))).shape
    (8, 8, 1)
    """
    parts = [shift(), sometimes(cutout(1 / 4), 0.5)]
    return chain(*parts, flip()) if mirrored else chain(*parts)


def averaged(x: np.ndarray) -> np.ndarray:
    """Averages images [N, H, W, C] of 2 SIDE px or more over squares of pixels, to SIDE px or a little more.

    >>> averaged(np.ones((2, 64, 64, 1))).shape, averaged(np.ones((2, 28, 28, 1))).shape
    ((2, 32, 32, 1), (2, 28, 28, 1))
    """
    by = max(min(x.shape[1:3]) // SIDE, 1)
    height, width = (side // by * by for side in x.shape[1:3])
    blocks = x[:, :height, :width].reshape(len(x), height // by, by, width // by, by, x.shape[3])
    return blocks.mean(axis=(2, 4))


class Trial(NamedTuple):
    """Trains classifiers: `run(name, arm, pools, seeds)` returns the hits [seeds, held out] of each seed.

    `trained` has the last classifier of each arm by name, for its features: a learner and its state.
    """

    run: Callable[..., np.ndarray]
    trained: dict[str, tuple[Learner, object]]


def trial(
    classes: int,
    held_out: Mapping[str, np.ndarray],
    steps: int,
    mirrored: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Trial:
    """Returns the training that all arms share: classifier, updates, rate, and the numbers drawn by a seed.

    A seed starts from the same weights in every arm and draws the same uniform numbers, so that differences
    between arms are paired.

    >>> x, label = np.zeros((4, 8, 8, 1), np.float32), np.array([0, 1, 0, 1])
    >>> made = trial(2, {"x": x, "label": label}, steps=2)
    >>> made.run("few", Arm(), {"few": pool(x, label, 2)}, seeds=[0]).shape
    (1, 4)
    """
    trained: dict[str, tuple[Learner, object]] = {}

    def run(name: str, arm: Arm, pools: Mapping[str, Pool], seeds: list[int]) -> np.ndarray:
        hits: list[np.ndarray] = []
        said = time.monotonic()
        for seed in seeds:
            random = np.random.RandomState(seed)  # a stream that numpy has frozen
            key = fold(jax.random.key(seed), "classifier")
            learn = _learner(classes, steps, arm.augmented, mirrored)
            state = learn.init(fold(key, "init"), held_out["x"][:1])
            for step in range(steps):
                x, label = batch(random, arm, pools)
                state = learn.step(state, x, label, fold(key, "augment", step) if arm.augmented else None)
                if time.monotonic() - said > HEARTBEAT:
                    said = time.monotonic()
                    say(f"  {name}, seed {seed}: {step + 1} of {steps} updates")
            hits.append(learn.outputs(state, held_out["x"])[1].argmax(axis=1) == held_out["label"])
            trained[name] = learn, state
        return np.stack(hits)

    return Trial(run, trained)


@cache  # so that it is compiled once
def _learner(classes: int, steps: int, augmented: bool, mirrored: bool) -> Learner:
    return learner(Classifier(classes), RATE, steps, ordinary(mirrored) if augmented else None)


def batch(
    random: np.random.RandomState, arm: Arm, pools: Mapping[str, Pool]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the images and labels of a batch: the first `arm.share` of it is generated, the rest is real.

    >>> label = np.array([0, 1])
    >>> pools = {"few": pool(np.zeros((2, 1)), label, 2), "drawn": pool(np.ones((2, 1)), label, 2)}
    >>> float(batch(np.random.RandomState(0), Arm(share=0.25), pools)[0].mean())
    0.25
    """
    drawn = random.random_sample((BATCH, 2))
    cut = round(arm.share * BATCH)
    parts = [(pools["drawn"], drawn[:cut])] if cut else []
    parts += [(pools[arm.real], drawn[cut:])] if cut < BATCH else []
    taken = [(part.x[i], part.label[i]) for part, numbers in parts for i in [rows(numbers, part)]]
    x, label = (np.concatenate(leaves) for leaves in zip(*taken, strict=True))
    return x, label
