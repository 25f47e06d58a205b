"""Structural similarity of images (SSIM), and the mean similarity of pairs of samples."""

from collections.abc import Callable, Mapping

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, Metric, concatenate, flatten, jackknife

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])  # of the scales, finest first
WINDOW, SIGMA = 11, 1.5
LUMINANCE, CONTRAST = (0.01 * 2) ** 2, (0.03 * 2) ** 2  # for pixels in [0, 2], where black is 0
PAIRS = 32  # in float64 at a time


def similarity(pairs: int = 1000) -> Metric:
    """Returns the mean MS-SSIM of random pairs of images [n, H, W, C] in [-1, 1]: high if collapsed.

    Odena, Olah & Shlens, 2017. Pairs are drawn with a fixed seed from the first 2 `pairs` images, each in one
    pair only; so they are independent, and the interval is that of their mean. The state keeps only the
    blocks with those images: give samples in random order, not class by class.

    >>> from jaxgan.metrics.metric import compute_metric
    >>> compute_metric(similarity(), [np.ones((6, 16, 16, 1))])["ms_ssim"].value
    1.0
    """

    def compute(blocks: tuple[np.ndarray, ...]) -> Mapping[str, Estimate]:
        x = concatenate(blocks)[: 2 * pairs]
        flatten(x)  # refuses images that are not finite
        if len(x) < 4:
            raise Refused(f"the similarity of samples needs at least 4 images, not {len(x)}")
        left, right = np.random.RandomState(0).permutation(len(x))[: len(x) // 2 * 2].reshape(2, -1)
        values = multiscale_ssim(x[left], x[right])
        return {"ms_ssim": jackknife(float(values.mean()), values, least=0.0, most=1.0)}

    return Metric(
        empty=(),
        of=lambda x: (np.asarray(x),),
        merge=lambda a, b: a + b if sum(map(len, a)) < 2 * pairs else a,
        compute=compute,
    )


def ssim(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the SSIM [n] of images x, y [n, H, W, C] in [-1, 1].

    (2 m m' + c) (2 v + c') / ((m^2 + m'^2 + c) (s^2 + s'^2 + c')) under a Gaussian window of 11 px, sigma
    1.5, averaged over positions where it fits and over channels. The means are those of x + 1, which is 0 for
    black: for x itself, two greys near 0 would be opposites. Wang, Bovik, Sheikh & Simoncelli, 2004.

    >>> ssim(np.ones((1, 11, 11, 1)), -np.ones((1, 11, 11, 1))).round(4)
    array([0.0001])
    """
    return _blockwise(lambda a, b: _similarity(a, b)[0], x, y)


def multiscale_ssim(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns the MS-SSIM [n] of images x, y [n, H, W, C] in [-1, 1].

    prod_s cs_s^w_s ssim_last^w_last of contrast and structure cs, per channel, then averaged; negative
    factors count as 0. Each scale is half of the one before, by means of 2x2 px. Wang, Simoncelli & Bovik,
    2003: five scales, for which images of 176 px are needed. Smaller ones get as many as have 11 px (four
    from 88, three from 44, two from 22), with normalised weights, and so are not comparable with other sizes.

    >>> x = np.linspace(-1, 1, 22 * 22).reshape(1, 22, 22, 1)
    >>> multiscale_ssim(x, x)
    array([1.])
    """
    return _blockwise(_multiscale, x, y)


def _blockwise(
    compare: Callable[[np.ndarray, np.ndarray], np.ndarray], x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Returns the channel mean [n] of a comparison [n, C] of planes [n, C, H, W], in float64, in blocks."""
    if x.ndim != 4:
        raise Refused(f"an array of shape {x.shape} is not a batch of images: give [n, H, W, C]")
    if x.shape != y.shape:
        raise Refused(f"images of shape {x.shape} cannot be compared with {y.shape}")
    if np.issubdtype(x.dtype, np.integer) or np.issubdtype(y.dtype, np.integer):
        raise Refused(f"images must be floats in [-1, 1], not {x.dtype}: scale bytes by x / 127.5 - 1")
    if min(x.shape[1:3]) < WINDOW:
        raise Refused(f"SSIM needs images of at least {WINDOW} px, not {x.shape[1]}x{x.shape[2]}")
    planes = [np.moveaxis(np.asarray(a), 3, 1) for a in (x, y)]
    blocks = []
    for start in range(0, len(x), PAIRS):
        a, b = (plane[start : start + PAIRS].astype(np.float64) + 1.0 for plane in planes)
        blocks.append(compare(a, b).mean(axis=1))
    return np.concatenate(blocks)


def _multiscale(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    scales = min(len(WEIGHTS), (min(x.shape[2:]) // WINDOW).bit_length())
    weights = WEIGHTS[:scales]
    if scales < len(WEIGHTS):  # all five stay as published, with sum 1.0001
        weights = weights / weights.sum()
    product = np.ones(x.shape[:2])
    for weight in weights[:-1]:
        product *= np.maximum(_similarity(x, y)[1], 0.0) ** weight
        x, y = _halve(x), _halve(y)
    return product * np.maximum(_similarity(x, y)[0], 0.0) ** weights[-1]


def _similarity(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns SSIM, and its contrast and structure alone, of every plane: [n, C] each."""
    down, across = (_window(size) for size in x.shape[2:])

    def local(a: np.ndarray) -> np.ndarray:
        return down @ a @ across.T

    mean_x, mean_y = local(x), local(y)
    spread = local(x * x) - mean_x**2 + local(y * y) - mean_y**2
    structure = (2 * (local(x * y) - mean_x * mean_y) + CONTRAST) / (spread + CONTRAST)
    luminance = (2 * mean_x * mean_y + LUMINANCE) / (mean_x**2 + mean_y**2 + LUMINANCE)
    return (luminance * structure).mean(axis=(2, 3)), structure.mean(axis=(2, 3))


def _window(size: int) -> np.ndarray:
    """Returns the matrix [size - 10, size] of Gaussian means at all positions where the window fits."""
    gaussian = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / SIGMA) ** 2)
    rows = [np.pad(gaussian / gaussian.sum(), (i, size - WINDOW - i)) for i in range(size - WINDOW + 1)]
    return np.stack(rows)


def _halve(x: np.ndarray) -> np.ndarray:
    """Returns means of 2x2 px; the last row or column of an odd number is dropped."""
    n, colours, height, width = x.shape
    even = x[:, :, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(n, colours, height // 2, 2, width // 2, 2).mean(axis=(3, 5))
