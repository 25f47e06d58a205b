"""Paths between two latents, and the directions of the latent space that change most."""

from typing import NamedTuple

import numpy as np


def linear(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Returns (1 - t) a + t b of latents [size], at t [n] -> [n, size]: halfway shorter than typical latents.

    >>> linear(np.array([2.0, 0.0]), np.array([0.0, 2.0]), np.array([0.5])).tolist()
    [[1.0, 1.0]]
    """
    return (1 - t)[:, None] * a + t[:, None] * b


def spherical(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Returns l(t) (sin((1 - t) w) a / |a| + sin(t w) b / |b|) / sin w, with the angle w between a and b.

    This is the great circle, whose latents have a typical length (Shoemake, 1985; White, 2016); the length is
    l(t) = (1 - t) |a| + t |b|. For collinear latents it is the linear path.

    >>> spherical(np.array([2.0, 0.0]), np.array([0.0, 2.0]), np.array([0.5])).round(3).tolist()
    [[1.414, 1.414]]
    """
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    cosine = float(np.clip(a @ b / (lengths[0] * lengths[1]), -1, 1)) if min(lengths) > 0 else 1.0
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-6:
        return linear(a, b, t)
    length = (1 - t) * lengths[0] + t * lengths[1]
    parts = np.sin((1 - t) * angle), np.sin(t * angle)
    path = parts[0][:, None] * (a / lengths[0]) + parts[1][:, None] * (b / lengths[1])
    return length[:, None] * path / np.sin(angle)


class Directions(NamedTuple):
    """Unit vectors in the latent space, those that change most first."""

    vectors: np.ndarray  # [count, size]
    varied: np.ndarray  # [count], share of the examples' variance in the principal component of each
    followed: np.ndarray  # [count], share of that which is linear in the latent, NaN with too few examples


def directions(z: np.ndarray, examples: np.ndarray, count: int) -> Directions:
    """Returns the principal components of examples [n, ...], regressed onto their latents z [n, size].

    As Harkonen et al. (2020) do it for generators whose latents have no layer of their own, but with the
    examples themselves as features, so that it works for every generator. `followed` is the adjusted R^2,
    1 - (1 - R^2) (n - 1) / (n - size - 1) (Ezekiel, 1930), but at least 0: R^2 itself is size / (n - 1) by
    chance alone.

    >>> z = np.random.RandomState(0).normal(size=(2000, 3))
    >>> directions(z, 5 * z[:, 1:2] + 0.1 * z, 1).vectors.round(1).tolist()
    [[0.0, 1.0, 0.0]]
    """
    z = (z - z.mean(axis=0)).astype(np.float64)
    y = examples.reshape(len(examples), -1).astype(np.float64)
    y = y - y.mean(axis=0)
    vectors, values, _ = np.linalg.svd(y, full_matrices=False)
    count = min(count, z.shape[1], int((values > 1e-6 * np.abs(examples).max() * len(z) ** 0.5).sum()))
    vectors, share = vectors[:, :count], np.square(values[:count]) / max(np.square(values).sum(), 1e-300)
    slopes = (vectors * len(z) ** 0.5).T @ z / len(z)
    fitted = z @ np.linalg.lstsq(z, vectors, rcond=None)[0]
    slopes *= np.sign(slopes[np.arange(count), np.abs(slopes).argmax(axis=1)])[:, None]
    residual = 1 - np.square(fitted).sum(axis=0)  # each component's square sums to 1
    freedom = len(z) - z.shape[1] - 1
    followed = (
        np.maximum(1 - residual * (len(z) - 1) / freedom, 0.0) if freedom > 0 else np.full(count, np.nan)
    )
    return Directions(slopes / np.linalg.norm(slopes, axis=1, keepdims=True), share, followed)
