"""Conditions that the networks are given besides latents and examples: leaves of the batch, by name."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.parts.generated import flatten_latent as flatten_latent
from jaxgan.parts.types import Array, Given

Inputs = tuple[Any, ...]


class Conditioning(NamedTuple):
    """The inputs of each network, given latents or examples, and the leaves of the batch that it `reads`.

    With packs of m examples, D gets labels as [B, m], and any other leaf as [B, ..., C m], as it does
    examples. `classes`: the number of classes, 0 without labels; the data may not have more. `terms`: leaves
    that neither network is given, and terms read as `view.given`; samples do not depend on them.
    """

    reads: tuple[str, ...]
    g: Callable[[Any, Given], Inputs]  # (z, given) -> inputs of G
    d: Callable[[Array, Given], Inputs]  # (x, given) -> inputs of D
    classes: int = 0
    terms: tuple[str, ...] = ()


def unconditional(*, flat: bool = False, terms: tuple[str, ...] = ()) -> Conditioning:
    """No conditions: G(z) and D(x).

    With `flat`, G gets a latent in parts as one array (`flatten_latent`), as the networks of `jaxgan.models`
    take it. `terms`: leaves of the batch that only terms read, such as a label that only some examples have.

    >>> len(unconditional().d(jnp.zeros((4, 2)), {}))
    1
    >>> unconditional(flat=True).g({"noise": jnp.zeros((4, 8)), "code": jnp.ones((4, 2))}, {})[0].shape
    (4, 10)
    """
    return Conditioning(
        (), lambda z, given: (flatten_latent(z) if flat else z,), lambda x, given: (x,), terms=terms
    )


def leaves(*names: str, latent: bool = True) -> Conditioning:
    """Both networks take these leaves of the batch as they are: G(z, *leaves) and D(x, *leaves).

    For an image, a mask or the tokens of a sentence. Without `latent` it is G(*leaves): samples depend on the
    condition alone, and on dropout if G has it (Isola et al., 2017).

    >>> len(leaves("source", latent=False).g(None, {"source": jnp.zeros((4, 8, 8, 1))}))
    1
    """

    def select(given: Given) -> Inputs:
        return tuple(given[name] for name in names)

    return Conditioning(
        names,
        lambda z, given: (z, *select(given)) if latent else select(given),
        lambda x, given: (x, *select(given)),
    )


def concatenation(classes: int) -> Conditioning:
    """One-hot labels beside the latent, and as constant channels beside the example (Mirza & Osindero, 2014).

    >>> given, x = {"label": jnp.arange(4)}, jnp.zeros((4, 8, 8, 1))
    >>> concatenation(10).g(jnp.zeros((4, 32)), given)[0].shape, concatenation(10).d(x, given)[0].shape
    ((4, 42), (4, 8, 8, 11))
    """

    def d(x: Array, given: Given) -> Inputs:
        hot = _one_hot(given["label"], classes)
        planes = hot.reshape(hot.shape[0], *(1,) * (x.ndim - 2), hot.shape[1])
        return (jnp.concatenate([x, jnp.broadcast_to(planes, (*x.shape[:-1], hot.shape[1]))], axis=-1),)

    return Conditioning(("label",), _append_one_hot(classes), d, classes)


def projection(classes: int) -> Conditioning:
    """One-hot labels beside the latent, and a projection discriminator D(x, label) (Miyato & Koyama, 2018).

    The discriminators of `jaxgan.models` do this with `classes=`: logit = psi(h) + <embedding(label), h>.

    >>> len(projection(10).d(jnp.zeros((4, 2)), {"label": jnp.arange(4)}))
    2
    """
    return Conditioning(("label",), _append_one_hot(classes), lambda x, given: (x, given["label"]), classes)


def labels(classes: int) -> Conditioning:
    """Both networks take labels themselves: G(z, label) and D(x, label).

    For `sngan` and `r3gan` with `classes=`, whose G normalises by class (Dumoulin et al., 2017) or embeds it.

    >>> len(labels(10).g(jnp.zeros((4, 32)), {"label": jnp.arange(4)}))
    2
    """
    return leaves("label")._replace(classes=classes)


def auxiliary(classes: int, *, one_hot: bool = True) -> Conditioning:
    """One-hot labels beside the latent; D is given none, and has a head to predict them (Odena et al., 2017).

    Without `one_hot` it is G(z, label), for a G that embeds labels or normalises by class. `jaxgan.heads` has
    the losses of such heads.

    >>> len(auxiliary(10).d(jnp.zeros((4, 2)), {"label": jnp.arange(4)}))
    1
    """
    g = _append_one_hot(classes) if one_hot else lambda z, given: (z, given["label"])
    return Conditioning(("label",), g, lambda x, given: (x,), classes)


def _append_one_hot(classes: int) -> Callable[[Any, Given], Inputs]:
    return lambda z, given: (
        jnp.concatenate([flatten_latent(z), _one_hot(given["label"], classes)], axis=-1),
    )


def _one_hot(label: Array, classes: int) -> Array:
    hot = jax.nn.one_hot(label, classes)
    return hot.reshape(hot.shape[0], -1)
