"""What the networks are told beside latents and examples: leaves of the batch, by name."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parts.types import Array, Given

Inputs = tuple[Any, ...]


class Conditioning(NamedTuple):
    """What each network is called with, given latents or examples, and the leaves that it `reads`.

    Of a D that sees packs of m examples, labels come as [B, m], and any other leaf [B, ..., C m] as examples
    do. `classes`: how many labels are told apart, 0 where none are; the data may not have more.
    """

    reads: tuple[str, ...]
    g: Callable[[Any, Given], Inputs]  # (z, given) -> inputs of G
    d: Callable[[Array, Given], Inputs]  # (x, given) -> inputs of D
    classes: int = 0


def unconditional() -> Conditioning:
    """The networks are told nothing: G(z) and D(x).

    >>> len(unconditional().d(jnp.zeros((4, 2)), {}))
    1
    """
    return Conditioning((), lambda z, given: (z,), lambda x, given: (x,))


def leaves(*names: str, latent: bool = True) -> Conditioning:
    """Both networks are told these leaves, whatever they are: G(z, *leaves) and D(x, *leaves).

    A picture, a mask, the tokens of a sentence. Without `latent` it is G(*leaves): what is made follows from
    the condition, and from dropout where G has it (Isola et al., 2017).

    >>> len(leaves("source", latent=False).g(None, {"source": jnp.zeros((4, 8, 8, 1))}))
    1
    """

    def told(given: Given) -> Inputs:
        return tuple(given[name] for name in names)

    return Conditioning(
        names, lambda z, given: (*((z,) if latent else ()), *told(given)), lambda x, given: (x, *told(given))
    )


def concatenation(classes: int) -> Conditioning:
    """One-hot labels beside the latent, and as constant channels beside the example (Mirza & Osindero, 2014).

    >>> told, x = {"label": jnp.arange(4)}, jnp.zeros((4, 8, 8, 1))
    >>> concatenation(10).g(jnp.zeros((4, 32)), told)[0].shape, concatenation(10).d(x, told)[0].shape
    ((4, 42), (4, 8, 8, 11))
    """

    def d(x: Array, given: Given) -> Inputs:
        hot = _one_hot(given["label"], classes)
        planes = hot.reshape(hot.shape[0], *(1,) * (x.ndim - 2), hot.shape[1])
        return (jnp.concatenate([x, jnp.broadcast_to(planes, (*x.shape[:-1], hot.shape[1]))], axis=-1),)

    return Conditioning(("label",), _beside(classes), d, classes)


def projection(classes: int) -> Conditioning:
    """One-hot labels beside the latent; D is called as D(x, label) and projects (Miyato & Koyama, 2018).

    The bundled discriminators take it with `classes=`: logit = psi(h) + <embedding(label), h>.

    >>> len(projection(10).d(jnp.zeros((4, 2)), {"label": jnp.arange(4)}))
    2
    """
    return Conditioning(("label",), _beside(classes), lambda x, given: (x, given["label"]), classes)


def labels(classes: int) -> Conditioning:
    """Both networks take labels themselves: G(z, label) and D(x, label).

    So do `sngan` and `r3gan` with `classes=`, where G normalises by class (Dumoulin et al., 2017) or embeds.

    >>> len(labels(10).g(jnp.zeros((4, 32)), {"label": jnp.arange(4)}))
    2
    """
    return leaves("label")._replace(classes=classes)


def auxiliary(classes: int) -> Conditioning:
    """One-hot labels beside the latent; D is told nothing, and has a head to guess them (Odena et al., 2017).

    >>> len(auxiliary(10).d(jnp.zeros((4, 2)), {"label": jnp.arange(4)}))
    1
    """
    return Conditioning(("label",), _beside(classes), lambda x, given: (x,), classes)


def joined(z: Any) -> Array:
    """A latent in parts as one array [B, n]: each flat, side by side in the order of their names.

    >>> joined({"noise": jnp.zeros((4, 8)), "code": jnp.ones((4, 2))}).shape
    (4, 10)
    """
    return jnp.concatenate([part.reshape(part.shape[0], -1) for part in jax.tree.leaves(z)], axis=-1)


def _beside(classes: int) -> Callable[[Any, Given], Inputs]:
    return lambda z, given: (jnp.concatenate([joined(z), _one_hot(given["label"], classes)], axis=-1),)


def _one_hot(label: Array, classes: int) -> Array:
    hot = jax.nn.one_hot(label, classes)
    return hot.reshape(hot.shape[0], -1)
