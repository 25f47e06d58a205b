"""Ways through the latent space: between two latents, towards the middle, along what changes most."""

from typing import NamedTuple

import numpy as np


def linear(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(1 - t) a + t b of latents [size], at t [n] -> [n, size]; halfway shorter than latents usually are.

    >>> linear(np.array([2.0, 0.0]), np.array([0.0, 2.0]), np.array([0.5])).tolist()
    [[1.0, 1.0]]
    """
    return (1 - t)[:, None] * a + t[:, None] * b


def spherical(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """l(t) (sin((1 - t) w) a / |a| + sin(t w) b / |b|) / sin w, with the angle w.

    Along the great circle, and so through latents as long as usual (Shoemake, 1985; White, 2016); the length
    is l(t) = (1 - t) |a| + t |b|. Of two that lie in one line it is the linear way.

    >>> spherical(np.array([2.0, 0.0]), np.array([0.0, 2.0]), np.array([0.5])).round(3).tolist()
    [[1.414, 1.414]]
    """
    long = np.linalg.norm(a), np.linalg.norm(b)
    cosine = float(np.clip(a @ b / (long[0] * long[1]), -1, 1)) if min(long) > 0 else 1.0
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-6:
        return linear(a, b, t)
    length = (1 - t) * long[0] + t * long[1]
    parts = np.sin((1 - t) * angle), np.sin(t * angle)
    way = parts[0][:, None] * (a / long[0]) + parts[1][:, None] * (b / long[1])
    return length[:, None] * way / np.sin(angle)


class Directions(NamedTuple):
    """Unit vectors in the latent space, those that change most first."""

    vectors: np.ndarray  # [count, size]
    varied: np.ndarray  # [count], the share of the examples' variance in each one's principal component
    followed: np.ndarray  # [count], the share of it that follows the latent linearly, NaN of too few examples


def directions(z: np.ndarray, examples: np.ndarray, count: int) -> Directions:
    """Principal components of examples [n, ...], regressed onto their latents z [n, size]: what changes most.

    As Harkonen et al. (2020) do it for generators whose latents have no layer of their own, but with the
    examples themselves as features, so that it serves every generator. What follows is the adjusted R^2,
    1 - (1 - R^2) (n - 1) / (n - size - 1) (Ezekiel, 1930), but no less than 0: R^2 itself is size / (n - 1)
    where nothing follows.

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
    towards = (vectors * len(z) ** 0.5).T @ z / len(z)
    follows = z @ np.linalg.lstsq(z, vectors, rcond=None)[0]
    towards *= np.sign(towards[np.arange(count), np.abs(towards).argmax(axis=1)])[:, None]
    length = np.linalg.norm(towards, axis=1, keepdims=True)
    left = 1 - np.square(follows).sum(axis=0)  # each component's square sums to 1
    spare = len(z) - z.shape[1] - 1
    followed = np.maximum(1 - left * (len(z) - 1) / spare, 0.0) if spare > 0 else np.full(count, np.nan)
    return Directions(towards / length, share, followed)
