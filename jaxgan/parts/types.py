"""The types that every part shares."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.output import Output

Array = jax.Array
Key = jax.Array  # a typed key, `jax.random.key(...)`, or an array of them
PyTree = Any
Params = PyTree
Stats = PyTree  # what a network remembers beside its parameters: BatchNorm averages, spectral-norm vectors
Batch = Mapping[
    str, Array
]  # "x": examples, "index": their place in the stream, "label" and others where given
Given = Mapping[str, Array]  # the leaves of a batch that networks are conditioned on, by name
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

    def gather(self, x: Array) -> Array:
        """[B, ...] on each device -> those of all devices, one after another: for losses between examples.

        Each device then computes the whole loss, or its own rows of it; the mean over devices that rules take
        of losses and gradients makes either the gradient of the whole, on any number of devices.
        """
        if self.axis is None:
            return x
        # a sum, and not all_gather, so that the compiler knows that all devices hold the same
        there = jnp.zeros((jax.lax.axis_size(self.axis), *x.shape), x.dtype)
        there = jax.lax.psum(there.at[jax.lax.axis_index(self.axis)].set(x), self.axis)
        return there.reshape(-1, *x.shape[1:])

    def max(self, x: Array) -> Array:
        """The largest number of an array over everything, all devices included."""
        return jnp.max(self.gather(jnp.max(x)[None]))  # pmax has no derivative

    def logsumexp(self, x: Array) -> Array:
        """log sum exp of an array over everything, all devices included."""
        return jax.nn.logsumexp(self.gather(jax.nn.logsumexp(x)[None]))

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
    """What a term may look at, of N examples, which D was shown as B inputs (fewer where it sees packs).

    Functions are closed over the players' parameters and statistics; statistics they change are discarded.
    """

    real: Array  # [B, ...] as D was shown them: augmented, with noise, in packs
    fake: Array  # [B, ...]
    real_plain: Array  # [N, ...] as they are
    fake_plain: Array  # [N, ...]
    real_out: Any  # logits [B], [B, ...] with one to each patch, or a tuple of those with one to each scale
    fake_out: Any
    real_heads: Any  # what else D says
    fake_heads: Any
    given: Given  # conditions [N, ...]
    z: Any  # latents, a tree of leaves [N, ...]
    d: Callable[[Array], Any]  # inputs like `real` -> logits
    judge: Callable[[Array], Output]  # inputs like `real` -> all that D says of them
    real_gradient: Callable[
        ..., Array
    ]  # (plain=False) -> of D's mean logit in each of `real`, or `real_plain`
    fake_gradient: Callable[..., Array]
    g: Callable[[Any], Array] | None  # latents like `z` -> examples, where a single network makes them
    averaged: Callable[[Array], Output] | None  # as `judge`, by the average of D where there is one
    keys: Key  # [B] one key per input of D, already a term's own
    step: Array  # steps the player has made
    lowering: Lowering

    def mean(self, x: Array) -> Array:
        """Mean over everything, all devices included."""
        return self.lowering.mean(x)
