"""Discriminators whose logit is made of another head, so that objectives and penalties read that one."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.network import Network
from jaxgan.parts.output import Output, as_output, read_head
from jaxgan.parts.types import Array, Params, Stats


def with_logit(network: Network, logit: Callable[[Output], Array]) -> Network:
    """Returns D with the logit that a function makes of its output; heads stay.

    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.models import mlp
    >>> d = from_linen(mlp.Discriminator((8,), heads=(("class", 3),)))
    >>> best = with_logit(d, lambda output: output.heads["class"].max(axis=1))
    >>> best.apply(*best.init(jax.random.key(0), jnp.ones((4, 2))), jnp.ones((4, 2)))[0].logit.shape
    (4,)
    """

    def apply(params: Params, stats: Stats, *inputs: Any, **keywords: Any) -> tuple[Output, Stats]:
        returned, new = network.apply(params, stats, *inputs, **keywords)
        output = as_output(returned)
        return output._replace(logit=logit(output)), new

    return network._replace(apply=apply)


def any_class(network: Network, head: str = "class") -> Network:
    """Returns D with the logit log sum_k exp(a_k) of a head a [B, K], of the sum of all classes.

    The discriminator of the semi-supervised GAN: a softmax over K classes and a generated one whose output is
    fixed at 0 has the probability sigmoid(logit) of not being generated (Salimans et al., 2016).

    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.models import mlp
    >>> d = any_class(from_linen(mlp.Discriminator((8,), heads=(("class", 10),))))
    """

    def logit(output: Output) -> Array:
        return jax.nn.logsumexp(read_head(output.heads, head, "the logit of any class"), axis=1)

    return with_logit(network, logit)


def own_class(network: Network, classes: int, head: str = "class") -> Network:
    """Returns D(x, label) with the logit a_label of a head a [B, K]: a discriminator for each class.

    They share all layers but the last (Liu et al., 2019). With `conditioning.projection` or `labels`, D
    itself gets no label. With packs of labels [B, m] the logits are added, as projections are.

    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.models import mlp
    >>> d = own_class(from_linen(mlp.Discriminator((8,), heads=(("class", 10),))), 10)
    >>> x, label = jnp.ones((4, 2)), jnp.arange(4)
    >>> d.apply(*d.init(jax.random.key(0), x, label), x, label)[0].logit.shape
    (4,)
    """

    def init(key: jax.Array, x: Array, label: Array | None = None) -> tuple[Params, Stats]:
        _check_label(label)
        return network.init(key, x)

    def apply(
        params: Params, stats: Stats, x: Array, label: Array | None = None, **keywords: Any
    ) -> tuple[Output, Stats]:
        label = _check_label(label)

        def logit(output: Output) -> Array:
            outputs = read_head(output.heads, head, "the logit of the own class")
            if outputs.shape[1] != classes:
                raise Refused(f"the head {head} has {outputs.shape[1]} outputs for {classes} classes")
            labels = label.reshape(label.shape[0], -1)
            return jnp.take_along_axis(outputs, labels, axis=1).sum(axis=1)

        return with_logit(network, logit).apply(params, stats, x, **keywords)

    return network._replace(init=init, apply=apply, classes=classes)


def _check_label(label: Array | None) -> Array:
    if label is None:
        raise Refused("a discriminator of the own class needs labels: use conditioning.projection or labels")
    return label
