"""The output of a discriminator: logits, and the outputs of any other heads."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

from jaxgan.errors import Refused

Array = jax.Array

Heads = tuple[tuple[str, int | tuple[int, int]], ...]
"""The heads of a discriminator by name: a size n is a dense layer on its features, [B, n]; (k, n) is a learnt
table [k, n] that does not depend on the input, such as a proxy per class."""


class Output(NamedTuple):
    """The output of a discriminator; one that returns a bare array returns logits alone.

    `logit`: [B], or [B, ...] with one per patch, or a tuple of such arrays, one per scale.
    `heads`: anything else that terms read: class logits, codes, features of hidden layers.

    >>> import jax.numpy as jnp
    >>> Output(jnp.zeros(4), {"class": jnp.zeros((4, 10))}).heads["class"].shape
    (4, 10)
    """

    logit: Any
    heads: Any = ()


def as_output(output: Any) -> Output:
    """Returns what a network returned as an `Output`.

    >>> import jax.numpy as jnp
    >>> as_output(jnp.zeros(4)).heads
    ()
    """
    return output if isinstance(output, Output) else Output(output)


def read_head(heads: Any, name: str, needs: str) -> Any:
    """Returns D's head of this name; raises `Refused` if there is none, with what `needs` it.

    >>> read_head({"class": 3}, "class", "the loss")
    3
    """
    if isinstance(heads, Mapping) and name in heads:
        return heads[name]
    others = ", ".join(map(str, heads)) if isinstance(heads, Mapping) else ""
    way = "features=True" if name == "features" else f'heads=(("{name}", size),)'
    raise Refused(
        f"{needs} needs a head of D called {name}, and D has {'only ' + others if others else 'none'}: "
        f"give D {way}"
    )


def per_example(tree: Any) -> Array:
    """Returns the mean [B] over patches, then over scales, of numbers [B, ...] or of a tuple of them.

    Use it on losses: the loss of a mean of logits would be another loss.

    >>> import jax.numpy as jnp
    >>> per_example((jnp.ones((2, 4)), jnp.full((2, 8, 8), 3.0))).tolist()
    [2.0, 2.0]
    """
    scales = [x if x.ndim == 1 else x.reshape(x.shape[0], -1).mean(axis=1) for x in jax.tree.leaves(tree)]
    return scales[0] if len(scales) == 1 else sum(scales) / len(scales)
