"""Changes of latents and distances between them, which terms on the generator are made of."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.generated import flatten_latent
from jaxgan.parts.rng import fold
from jaxgan.parts.terms.slopes import norm
from jaxgan.parts.types import Array, Key, PyTree, View, per_row


def generator_of(view: View, name: str) -> Callable[[PyTree], Array]:
    """Returns the map from latents to examples; raises `Refused` if the game has no single one."""
    if view.g is None:
        raise Refused(f"the term {name} needs a game with one generator of latents, as that of jg.gan")
    return view.g


def noise_like(view: View, z: PyTree) -> PyTree:
    """Returns N(0, I) for every number of latents [N, ...]: each example's by its own key, 0 for integers."""
    packed = view.real_plain.shape[0] // view.keys.shape[0]
    keys = jax.vmap(lambda key: jax.random.split(key, packed))(view.keys).reshape(-1)

    def draw(key: Key, z: PyTree) -> PyTree:
        leaves, structure = jax.tree.flatten(z)
        noise = [
            jax.random.normal(fold(key, i), x.shape, x.dtype) if _is_float(x) else jnp.zeros_like(x)
            for i, x in enumerate(leaves)
        ]
        return jax.tree.unflatten(structure, noise)

    return jax.vmap(draw)(keys, z)


def plus(z: PyTree, scale: float | Array, step: PyTree) -> PyTree:
    """Returns z + scale step for trees of leaves [N, ...], where `scale` is a number or one per example."""

    def add(z: Array, step: Array) -> Array:
        each = per_row(scale, z) if isinstance(scale, jax.Array) and scale.ndim else scale
        return z + (each * step).astype(z.dtype)

    return jax.tree.map(add, z, step)


def distance(a: PyTree, b: PyTree) -> Array:
    """Returns the Euclidean distances [N], with gradient 0 where they are 0."""
    return norm(flatten_latent(a) - flatten_latent(b))


def neighbours(name: str, tree: PyTree) -> PyTree:
    """Swaps consecutive examples, 0 with 1, 2 with 3: the same pairs on any number of devices."""
    count = jax.tree.leaves(tree)[0].shape[0]
    if count % 2:
        raise Refused(f"the term {name} pairs neighbours, so each device needs an even batch, not {count}")

    def swap(x: Array) -> Array:
        return x.reshape(-1, 2, *x.shape[1:])[:, ::-1].reshape(x.shape)

    return jax.tree.map(swap, tree)


def pack(view: View, x: Array) -> Array:
    """[N, ..., C] -> D's inputs [B, ..., C m], neighbours as channels, as the game packs them."""
    m = x.shape[0] // view.keys.shape[0]
    groups = x.reshape(-1, m, *x.shape[1:])
    return jnp.moveaxis(groups, 1, -2).reshape(groups.shape[0], *x.shape[1:-1], -1)


def _is_float(x: Array) -> bool:
    return jnp.issubdtype(x.dtype, jnp.floating)
