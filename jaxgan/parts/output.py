"""What a discriminator says of its inputs: logits, and whatever else it has heads for."""

from typing import Any, NamedTuple

import jax

Array = jax.Array


class Output(NamedTuple):
    """A network that returns an array alone has said a logit and nothing else.

    `logit`: [B], or [B, ...] with one to each patch, or a tuple of such arrays with one to each scale.
    `heads`: anything else that terms read: class logits, codes, features of hidden layers.

    >>> import jax.numpy as jnp
    >>> Output(jnp.zeros(4), {"class": jnp.zeros((4, 10))}).heads["class"].shape
    (4, 10)
    """

    logit: Any
    heads: Any = ()


def as_output(said: Any) -> Output:
    """What a network returned, as an Output.

    >>> import jax.numpy as jnp
    >>> as_output(jnp.zeros(4)).heads
    ()
    """
    return said if isinstance(said, Output) else Output(said)


def per_example(tree: Any) -> Array:
    """[B]: the mean over patches, then over scales, of numbers [B, ...] or of a tuple of them.

    Of losses, that is: a mean of logits would be another loss.

    >>> import jax.numpy as jnp
    >>> per_example((jnp.ones((2, 4)), jnp.full((2, 8, 8), 3.0))).tolist()
    [2.0, 2.0]
    """
    scales = [x if x.ndim == 1 else x.reshape(x.shape[0], -1).mean(axis=1) for x in jax.tree.leaves(tree)]
    return scales[0] if len(scales) == 1 else sum(scales) / len(scales)
