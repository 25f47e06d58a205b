"""Latents whose examples are close to given ones."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from jaxgan.parts.types import Array, PyTree


def squared_error(x: Array, target: Array) -> Array:
    """The mean squared error of each example [N].

    >>> squared_error(jnp.zeros((1, 2)), jnp.ones((1, 2))).tolist()
    [1.0]
    """
    return jnp.square(x - target).reshape(len(x), -1).mean(axis=1)


def invert(
    decode: Callable[[PyTree], Array],
    x: Array,
    z: PyTree,
    *,
    steps: int = 300,
    tx: optax.GradientTransformation | None = None,
    distance: Callable[[Array, Array], Array] = squared_error,
) -> tuple[PyTree, Array]:
    """Minimises the distance of decode(z) to x [N, ...], from z [N, ...]: returns latents and distances [N].

    `decode`: latents of any kind, z or the w of a mapping network, -> examples (Zhu et al., 2016). `tx`: Adam
    with rate 0.05 if not given. The examples do not influence each other if `tx` acts on each number alone.

    >>> z, distances = invert(lambda z: 2 * z, jnp.ones((1, 2)), jnp.zeros((1, 2)))
    >>> [round(float(number), 3) for number in z[0]]
    [0.5, 0.5]
    """
    optimiser = optax.adam(0.05) if tx is None else tx

    def step(carry: tuple[PyTree, PyTree], _: None) -> tuple[tuple[PyTree, PyTree], None]:
        z, state = carry
        gradient = jax.grad(lambda z: distance(decode(z), x).sum())(z)
        updates, state = optimiser.update(gradient, state, z)
        return (optax.apply_updates(z, updates), state), None

    (z, _), _ = jax.lax.scan(step, (z, optimiser.init(z)), length=steps)
    return z, distance(decode(z), x)
