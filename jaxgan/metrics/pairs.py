"""Metrics of pairs: samples beside the true answers to the same questions, and answers to one question.

A distance maps two batches of pictures [n, ...] to a number for each pair [n]. Any such function can take the
place of those here, as `mean_of("lpips", distance)` or `diversity(answers, distance)`.
"""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, concatenate, flatten, jackknife
from jaxgan.metrics.ssim import WINDOW, ssim

Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]

ROUNDING = (2 / 255) ** 2 / 12
"""The mean squared error of rounding [-1, 1] to 256 levels: less is not seen in a picture."""


def l1(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the mean absolute difference [n] of the pairs x, y [n, ...].

    >>> l1(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.5))
    array([0.5])
    """
    return np.abs(_difference(x, y)).mean(axis=1)


def psnr(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the peak signal-to-noise ratio [n], in dB, of the pairs x, y [n, ...] in [-1, 1].

    10 log10(2^2 / mean (x - y)^2), where a mean below that of rounding to 256 levels counts as that one:
    equal pictures have 58.9 dB. The PSNR of a data set is the mean of these, not that of the mean error.

    >>> psnr(np.zeros((1, 2, 2, 1)), np.full((1, 2, 2, 1), 0.2)).round(2)
    array([20.])
    """
    square = np.square(_difference(x, y)).mean(axis=1)
    return 10 * np.log10(4 / np.maximum(square, ROUNDING))


DISTANCES: Mapping[str, Distance] = {"l1": l1, "psnr": psnr, "ssim": ssim}
"""What is measured of pictures beside their true answers, by name; SSIM is that of `metrics.ssim`."""


def compare(
    samples: np.ndarray, truths: np.ndarray, distances: Mapping[str, Distance] = DISTANCES
) -> dict[str, float]:
    """Returns the mean of each distance over pictures and their true answers [n, H, W, C] in [-1, 1].

    `ssim` is left out for pictures of fewer than 11 px, which its window does not fit.

    >>> compare(np.zeros((4, 8, 8, 1)), np.full((4, 8, 8, 1), 0.5), {"l1": l1})
    {'l1': 0.5}
    """
    small = np.ndim(samples) == 4 and min(np.shape(samples)[1:3]) < WINDOW
    return {
        name: float(np.mean(distance(samples, truths)))
        for name, distance in distances.items()
        if not (small and distance is ssim)
    }


def mean_of(name: str, values: Callable[..., np.ndarray], least: float = 0, most: float = np.inf) -> Metric:
    """Returns the mean over examples of values(*block) [n], with its interval over examples.

    A block is the tuple of arguments: (samples, truths) of a distance, (answers,) of `diversity`. The values
    lie between `least` and `most`.

    >>> from jaxgan.metrics.metric import compute_metric
    >>> blocks = [(np.zeros((2, 3)), np.ones((2, 3))), (np.zeros((2, 3)), np.zeros((2, 3)))]
    >>> compute_metric(mean_of("l1", l1), blocks)["l1"].value
    0.5
    """

    def compute(state: tuple[np.ndarray, ...]) -> Mapping[str, Estimate]:
        each = concatenate(state)
        return {name: jackknife(float(each.mean()), each, least, most)}

    def of(block: tuple[np.ndarray, ...]) -> Any:
        return (values(*block),)

    return Metric((), of, lambda a, b: a + b, compute)


def diversity(answers: np.ndarray, distance: Distance = l1) -> np.ndarray:
    """Returns the mean distance [questions] between two answers to one question [questions, answers, ...].

    Over all pairs of different answers, an answer with itself left out; 0 if all are the same. Zhu et al.,
    2017, take LPIPS as the distance.

    >>> diversity(np.array([[[0.0], [1.0], [1.0]], [[2.0], [2.0], [2.0]]])).round(3)
    array([0.667, 0.   ])
    """
    if np.ndim(answers) < 3 or answers.shape[1] < 2:
        raise Refused(
            f"answers of shape {np.shape(answers)} have no diversity: give [questions, answers, ...], with "
            "at least two answers to each"
        )
    pairs = combinations(range(answers.shape[1]), 2)
    return np.mean([distance(answers[:, i], answers[:, j]) for i, j in pairs], axis=0)


def _difference(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns x - y as rows [n, d] in float64; refuses what are no pairs."""
    if np.shape(x) != np.shape(y):
        raise Refused(f"examples of shape {np.shape(x)} are no pairs with those of shape {np.shape(y)}")
    if any(np.issubdtype(np.asarray(a).dtype, np.integer) for a in (x, y)):
        raise Refused("pictures must be floats in [-1, 1]: scale bytes by x / 127.5 - 1")
    return np.subtract(flatten(x), flatten(y), dtype=np.float64)
