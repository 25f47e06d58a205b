"""How labels reach the players."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parts.types import Array

Inputs = tuple[Array, ...]


class Conditioning(NamedTuple):
    """What each network is called with, given latents or examples and their labels.

    Labels are integers [B], and [B, m] for a D that sees m packed examples. `classes` is 0 without labels.
    """

    classes: int
    g: Callable[[Array, Any], Inputs]  # (z, label or None) -> inputs of G
    d: Callable[[Array, Any], Inputs]  # (x, label or None) -> inputs of D


def unconditional() -> Conditioning:
    """Labels are ignored.

    >>> len(unconditional().d(jnp.zeros((4, 2)), None))
    1
    """
    return Conditioning(0, lambda z, label: (z,), lambda x, label: (x,))


def concatenation(classes: int) -> Conditioning:
    """One-hot labels beside the latent, and as constant channels beside the example (Mirza & Osindero, 2014).

    >>> z, x = concatenation(10).g(jnp.zeros((4, 32)), jnp.arange(4)), jnp.zeros((4, 8, 8, 1))
    >>> z[0].shape, concatenation(10).d(x, jnp.arange(4))[0].shape
    ((4, 42), (4, 8, 8, 11))
    """

    def d(x: Array, label: Array) -> Inputs:
        hot = _one_hot(label, classes)
        planes = hot.reshape(hot.shape[0], *(1,) * (x.ndim - 2), hot.shape[1])
        return (jnp.concatenate([x, jnp.broadcast_to(planes, (*x.shape[:-1], hot.shape[1]))], axis=-1),)

    return Conditioning(classes, lambda z, label: _beside(z, label, classes), d)


def projection(classes: int) -> Conditioning:
    """One-hot labels beside the latent; D is called as D(x, label) and projects (Miyato & Koyama, 2018).

    The bundled discriminators take it with `classes=`: logit = psi(h) + <embedding(label), h>.

    >>> len(projection(10).d(jnp.zeros((4, 2)), jnp.arange(4)))
    2
    """
    return Conditioning(classes, lambda z, label: _beside(z, label, classes), lambda x, label: (x, label))


def labels(classes: int) -> Conditioning:
    """Both networks take labels themselves: G(z, label) and D(x, label).

    So do `sngan` and `r3gan` with `classes=`, where G normalises by class (Dumoulin et al., 2017) or embeds.

    >>> len(labels(10).g(jnp.zeros((4, 32)), jnp.arange(4)))
    2
    """
    return Conditioning(classes, lambda z, label: (z, label), lambda x, label: (x, label))


def _beside(z: Array, label: Array, classes: int) -> Inputs:
    return (jnp.concatenate([z, _one_hot(label, classes)], axis=-1),)


def _one_hot(label: Array, classes: int) -> Array:
    hot = jax.nn.one_hot(label, classes)
    return hot.reshape(hot.shape[0], -1)
