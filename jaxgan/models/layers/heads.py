"""What a discriminator returns: a logit, and the outputs of other heads."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.models.layers.norms import Initializer, Norm, call_layer
from jaxgan.models.layers.numbers import at_least_float32
from jaxgan.parts.output import Heads as Heads
from jaxgan.parts.output import Output

Array = jax.Array


def check_labels(classes: int, label: Array | None) -> None:
    """Raises Refused if a generator has classes and no labels, or labels and no classes."""
    if (label is None) != (classes == 0):
        raise Refused(
            f"this generator has classes={classes} and was given {'no ' if label is None else ''}labels: "
            "use the conditioning `labels` and set classes= of both networks"
        )


class Logit(nn.Module):
    """Features h [B, n] -> logits [B]: <w, h> + b, and + <embedding(label), h> if there are classes.

    The projection discriminator (Miyato & Koyama, 2018). Labels are [B], or [B, m] if an input packs m
    examples: their embeddings are summed. Sums are computed in float32 or more.

    >>> import jax.numpy as jnp
    >>> h, label = jnp.ones((2, 5)), jnp.array([[0, 2], [1, 1]])
    >>> Logit(classes=3).init_with_output(jax.random.key(0), h, label)[0].shape
    (2,)
    """

    classes: int = 0
    norm: Norm = "none"
    kernel_init: Initializer = nn.initializers.lecun_normal()
    embedding_init: Initializer = nn.linear.default_embed_init

    @nn.compact
    def __call__(self, h: Array, label: Array | None = None, train: bool = False) -> Array:
        if label is None and self.classes:
            raise Refused(
                f"this discriminator has classes={self.classes} and was given no labels: "
                "use the conditioning `projection` or `labels`, or classes=0"
            )
        if label is not None and not self.classes:
            raise Refused("this discriminator was given labels and has classes=0: set classes=")
        h = at_least_float32(h)
        logit = call_layer(nn.Dense(1, kernel_init=self.kernel_init), h, self.norm, train)[:, 0]
        if label is None:
            return logit
        if label.shape[0] != h.shape[0]:
            raise Refused(f"{h.shape[0]} inputs need as many labels, or rows of labels, not {label.shape}")
        table = nn.Embed(self.classes, h.shape[-1], embedding_init=self.embedding_init)
        embedding = call_layer(table, label.reshape(h.shape[0], -1), self.norm, train)
        return logit + (embedding.sum(axis=1) * h).sum(axis=-1)


def with_heads(
    logit: Array,
    h: Array,
    heads: Heads,
    hidden: Sequence[Array] | None,
    norm: Norm,
    train: bool,
    kernel_init: Initializer = nn.linear.default_kernel_init,
) -> Array | Output:
    """Returns the logit, or an Output with a dense layer on the features h [B, n] for each of the heads
    (auxiliary classes: Odena et al., 2017; codes: Chen et al., 2016) and `hidden` as the head "features".

    A head of the size (k, n) is a learnt table [k, n], the same for all inputs (proxies of classes: Kang &
    Park, 2020). Must be called inside a compact module, which gets the layers.
    """
    if not heads and hidden is None:
        return logit
    sizes = dict(heads)
    if "features" in sizes or len(sizes) < len(heads):
        raise Refused(f'heads need different names, and not "features": {tuple(heads)}')
    h = at_least_float32(h)

    def output(name: str, size: int | tuple[int, int]) -> Array:
        if isinstance(size, tuple):
            return nn.Embed(*size, name=f"head_{name}")(jnp.arange(size[0]))
        return call_layer(nn.Dense(size, kernel_init=kernel_init, name=f"head_{name}"), h, norm, train)

    outputs: dict[str, Any] = {name: output(name, size) for name, size in sizes.items()}
    return Output(logit, outputs if hidden is None else {**outputs, "features": tuple(hidden)})
