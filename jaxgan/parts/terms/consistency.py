"""Penalties on how D's answer changes under an augmentation."""

import jax
import jax.numpy as jnp

from jaxgan.parts.output import per_example
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Augment, Schedule, View, at, augment_each


def consistency(augment: Augment, weight: Schedule = 10.0) -> Term:
    """weight (D(T(x)) - D(x))^2 on real inputs, T an augmentation (Zhang et al., 2020).

    Both calls of D have the same dropout and spectral-norm vectors, so that only T makes a difference. The
    examples of a pack are augmented separately.

    >>> from jaxgan.parts.augmentations import translation
    >>> consistency(translation()).name
    'cr'
    """
    return stateless("cr", lambda v: at(weight, v.step) * _inconsistency(augment, v, v.real))


def consistency_of_fakes(augment: Augment, weight: Schedule = 10.0) -> Term:
    """weight (D(T(x)) - D(x))^2 on fake inputs; together with `consistency` it is bCR (Zhao et al., 2021).

    >>> from jaxgan.parts.augmentations import translation
    >>> balanced = [consistency(translation()), consistency_of_fakes(translation())]
    """
    return stateless("cr_fake", lambda v: at(weight, v.step) * _inconsistency(augment, v, v.fake))


def _inconsistency(augment: Augment, v: View, x: Array) -> Array:
    out, out_plain = v.d(_augment_inputs(augment, v, x)), v.d(x)
    return per_example(jax.tree.map(lambda a, b: jnp.square(a - b), out, out_plain))


def _augment_inputs(augment: Augment, v: View, x: Array) -> Array:
    """Augments each of the m examples in D's inputs [..., C m]."""
    m = v.real_plain.shape[0] // x.shape[0]
    unpacked = jnp.moveaxis(x.reshape(*x.shape[:-1], m, -1), -2, 1)
    keys = jax.vmap(lambda key: jax.random.split(key, m))(v.keys)
    new = augment_each(augment, keys.reshape(-1), unpacked.reshape(-1, *unpacked.shape[2:]))
    return jnp.moveaxis(new.reshape(unpacked.shape), 1, -2).reshape(x.shape)
