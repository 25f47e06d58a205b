"""The types that every part shares."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused

Array = jax.Array
Key = jax.Array  # a typed key, `jax.random.key(...)`, or an array of them
PyTree = Any
Params = PyTree
Stats = PyTree  # what a network remembers beside its parameters: BatchNorm averages, spectral-norm vectors
Batch = Mapping[str, Array]  # "x": examples, "index": their place in the stream, "label" where there is one
Schedule = float | Callable[[Array], Array]  # a number, or a function of a player's step count
Augment = Callable[[Key, Array], Array]  # one example to one of the same shape


def at(schedule: Schedule, step: Array) -> Array | float:
    """The value of a number or schedule at a step."""
    return schedule(step) if callable(schedule) else schedule


def augmented(augment: Augment, keys: Key, x: Array) -> Array:
    """Examples [n, ...], each augmented by its own key; refused where that is no augmentation of them."""
    try:
        seen = jax.vmap(augment)(keys, x)
        kept = (seen.shape, seen.dtype) == (x.shape, x.dtype)
    except TypeError as error:
        raise Refused(
            f"{getattr(augment, '__name__', augment)} is no augmentation (key, example) -> example: are its "
            f"() missing, as in diffaugment()? ({error})"
        ) from error
    if not kept:
        raise Refused(
            f"an augmentation must keep examples {x.dtype}{list(x.shape)}, not make "
            f"{seen.dtype}{list(seen.shape)} of them"
        )
    return seen


class Lowering(NamedTuple):
    """How the same mathematics is laid out: all that a recipe may know of devices.

    `axis`: the name of the mapped axis the batch is split over (`shard_map`, `pmap`), None under plain `jit`.
    `unroll`: write short loops (discriminator steps, micro-batches) out one after another. True suits every
    backend; False makes a smaller program by `lax.scan`, but on CPU XLA runs a convolution's gradient in a
    loop 4 to 50 times slower.

    >>> Lowering().mean(jnp.array([1.0, 3.0]))
    Array(2., dtype=float32)
    """

    axis: str | None = None
    unroll: bool = True

    def mean(self, x: Array) -> Array:
        """Mean of an array over everything, all devices included."""
        return self.average(jnp.mean(x))

    def average(self, tree: PyTree) -> PyTree:
        """Every leaf averaged over the devices."""
        return tree if self.axis is None else jax.lax.pmean(tree, self.axis)

    def loop(
        self, body: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]], carry: PyTree, xs: PyTree
    ) -> tuple[PyTree, PyTree]:
        """`carry, y = body(carry, x)` for every x along the leading axis of `xs`: (last carry, stacked y)."""
        if not self.unroll:
            return jax.lax.scan(body, carry, xs)
        ys = []
        for i in range(jax.tree.leaves(xs)[0].shape[0]):
            carry, y = body(carry, jax.tree.map(lambda x: x[i], xs))  # noqa: B023 - called at once
            ys.append(y)
        return carry, jax.tree.map(lambda *y: jnp.stack(y), *ys)


class View(NamedTuple):
    """What a term may look at. B counts the discriminator's inputs: after augmentation, noise and
    packing.

    `d` and `g` are closed over the players' parameters and statistics; statistics they change are discarded.
    `mean` is over everything, all devices included.
    """

    real: Array  # [B, ...] what D was shown
    fake: Array  # [B, ...]
    real_out: Array  # [B] logits
    fake_out: Array  # [B]
    z: Array  # [examples, n] latents
    label: Array | None
    d: Callable[[Array], Array]  # inputs like `real` -> [B] logits
    g: Callable[[Array], Array]  # latents -> [examples, ...]
    keys: Key  # [B] one key per input of D, already a term's own
    step: Array  # steps the player has made
    mean: Callable[[Array], Array]  # [...] -> []
