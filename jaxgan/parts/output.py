"""The output of a discriminator: logits, and the outputs of any other heads."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

from jaxgan.errors import Refused

Array = jax.Array


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


def per_example(tree: Any) -> Array:
    """Returns the mean [B] over patches, then over scales, of numbers [B, ...] or of a tuple of them.

    Use it on losses: the loss of a mean of logits would be another loss.

    >>> import jax.numpy as jnp
    >>> per_example((jnp.ones((2, 4)), jnp.full((2, 8, 8), 3.0))).tolist()
    [2.0, 2.0]
    """
    scales = [x if x.ndim == 1 else x.reshape(x.shape[0], -1).mean(axis=1) for x in jax.tree.leaves(tree)]
    return scales[0] if len(scales) == 1 else sum(scales) / len(scales)


def read_head(heads: Any, name: str, needs: str) -> Any:
    """Returns the output of a head of D; raises `Refused` if D has no such head.

    >>> read_head({"class": 3}, "class", "the term class")
    3
    """
    if not isinstance(heads, Mapping) or name not in heads:
        hint = "features=True" if name == "features" else f'heads=(("{name}", SIZE),)'
        raise Refused(f"{needs} needs a discriminator with the head {name}: build it with {hint}")
    return heads[name]
