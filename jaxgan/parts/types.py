"""The types that all parts share."""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.output import Output

Array = jax.Array
Key = jax.Array  # a typed key, `jax.random.key(...)`, or an array of them
PyTree = Any
Params = PyTree
Stats = PyTree  # a network's state beside its parameters: BatchNorm averages, spectral-norm vectors
Batch = Mapping[str, Array]  # "x": examples, "index": their positions in the stream, "label" and other leaves
Given = Mapping[str, Array]  # the leaves of a batch that networks are conditioned on, by name
Schedule = float | Callable[[Array], Array]  # a number, or a function of a player's step count
Augment = Callable[[Key, Array], Array]  # one example to one of the same shape


def at(schedule: Schedule, step: Array) -> Array | float:
    """Returns the value of a number or schedule at a step."""
    return schedule(step) if callable(schedule) else schedule


def check_range(name: str, number: object, most: float = inf, *, above: bool = False) -> None:
    """Raises `Refused` unless 0 <= number <= most, or 0 < number with `above`.

    Only Python numbers are checked: a traced number is not known yet, nor is the value of a schedule.

    >>> check_range("the decay", 0.9, most=1)
    """
    if isinstance(number, float | int) and not (number > 0 if above else 0 <= number <= most):
        allowed = "above 0" if above else f"between 0 and {most}" if most < inf else "0 or more"
        raise Refused(f"{name} must be {allowed}, not {number}")


def per_row(x: Array, like: Array) -> Array:
    """[B] -> [B, 1, ..., 1], to broadcast against `like` [B, ...]."""
    return x.reshape(x.shape + (1,) * (like.ndim - 1))


def augment_each(augment: Augment, keys: Key, x: Array) -> Array:
    """Augments examples [n, ...], each by its own key; raises `Refused` if shape or dtype would change."""
    try:
        new = jax.vmap(augment)(keys, x)
        same = (new.shape, new.dtype) == (x.shape, x.dtype)
    except TypeError as error:
        raise Refused(
            f"{getattr(augment, '__name__', augment)} is no augmentation (key, example) -> example: are its "
            f"() missing, as in diffaugment()? ({error})"
        ) from error
    if not same:
        raise Refused(
            f"an augmentation must keep examples {x.dtype}{list(x.shape)}, not make "
            f"{new.dtype}{list(new.shape)} of them"
        )
    return new


class Lowering(NamedTuple):
    """How a program is laid out over devices: all that a recipe needs to know about them.

    `axis`: the name of the mapped axis the batch is split over (`shard_map`, `pmap`), None under plain `jit`.
    `unroll`: whether short loops (discriminator steps, micro-batches) are unrolled. True suits every backend;
    False makes a smaller program by `lax.scan`, but on CPU XLA runs a convolution's gradient in a loop 4 to
    50 times slower.

    >>> Lowering().mean(jnp.array([1.0, 3.0]))
    Array(2., dtype=float32)
    """

    axis: str | None = None
    unroll: bool = True

    def mean(self, x: Array) -> Array:
        """Returns the mean over all axes and all devices."""
        return self.average(jnp.mean(x))

    def average(self, tree: PyTree) -> PyTree:
        """Averages every leaf over the devices."""
        return tree if self.axis is None else jax.lax.pmean(tree, self.axis)

    def gather(self, x: Array) -> Array:
        """Concatenates [B, ...] over all devices, for losses between examples.

        Each device then computes the whole loss, or its own rows of it; the mean over devices that rules take
        of losses and gradients makes either the gradient of the whole, on any number of devices.
        """
        if self.axis is None:
            return x
        # a sum rather than all_gather, so that the compiler knows that the result is the same on all devices
        rows = jnp.zeros((jax.lax.axis_size(self.axis), *x.shape), x.dtype)
        rows = jax.lax.psum(rows.at[jax.lax.axis_index(self.axis)].set(x), self.axis)
        return rows.reshape(-1, *x.shape[1:])

    def own_rows(self, count: int) -> Array:
        """Returns the places of this device's `count` rows in what `gather` returns.

        >>> Lowering().own_rows(3).tolist()
        [0, 1, 2]
        """
        start = 0 if self.axis is None else count * jax.lax.axis_index(self.axis)
        return start + jnp.arange(count)

    def first_key(self, keys: Key) -> Key:
        """Returns the first of the keys [B] of all devices, for draws that the whole batch shares."""
        data = self.gather(jax.random.key_data(keys[:1]))
        return jax.random.wrap_key_data(data[0], impl=jax.random.key_impl(keys))

    def max(self, x: Array) -> Array:
        """Returns the maximum over all axes and all devices."""
        return jnp.max(self.gather(jnp.max(x)[None]))  # pmax has no derivative

    def logsumexp(self, x: Array) -> Array:
        """Returns log sum exp over all axes and all devices."""
        return jax.nn.logsumexp(self.gather(jax.nn.logsumexp(x)[None]))

    def loop(
        self, body: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]], carry: PyTree, xs: PyTree
    ) -> tuple[PyTree, PyTree]:
        """Runs `carry, y = body(carry, x)` over the leading axis of `xs`: returns (last carry, stacked y)."""
        if not self.unroll:
            return jax.lax.scan(body, carry, xs)
        ys = []
        for i in range(jax.tree.leaves(xs)[0].shape[0]):
            carry, y = body(carry, jax.tree.map(lambda x: x[i], xs))  # noqa: B023 - called at once
            ys.append(y)
        return carry, jax.tree.map(lambda *y: jnp.stack(y), *ys)


class View(NamedTuple):
    """What a term may read: N examples, which are B inputs of D (fewer than N with packing).

    The functions use the players' current parameters and statistics, and discard changes of statistics.
    """

    real: Array  # [B, ...] inputs of D: augmented, with noise, in packs
    fake: Array  # [B, ...]
    real_plain: Array  # [N, ...] the examples themselves
    fake_plain: Array  # [N, ...]
    real_out: Any  # logits [B], or [B, ...] with one per patch, or a tuple of those, one per scale
    fake_out: Any
    real_heads: Any  # outputs of D's other heads
    fake_heads: Any
    given: Given  # conditions [N, ...]
    z: Any  # latents, a tree of leaves [N, ...]
    d: Callable[[Array], Any]  # inputs like `real` -> logits
    judge: Callable[..., Output]  # (inputs like `real`, given=the batch's own) -> D's whole output
    real_gradient: Callable[
        ..., Array
    ]  # (plain=False) -> gradient of D's mean logit in `real` or `real_plain`
    fake_gradient: Callable[..., Array]
    g: Callable[[Any], Array] | None  # latents like `z` -> examples, if a single network generates them
    averaged: Callable[[Array], Output] | None  # as `judge`, by the average of D if there is one
    keys: Key  # [B] one key per input of D, different for each term
    step: Array  # steps the player has made
    lowering: Lowering
    z_drawn: Any = ()  # latents as the prior drew them, before a `latent_step` moved them to `z`

    def mean(self, x: Array) -> Array:
        """Returns the mean over all axes and all devices."""
        return self.lowering.mean(x)
