"""Standing statistics of BatchNorm, collected anew for sampling."""

from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.games.game import Side
from jaxgan.parts.network import Network
from jaxgan.parts.types import Key, Stats

COLLECTION = "batch_stats"
"""The collection of running means and variances, in Linen as in NNX."""


def standing_statistics(network: Network, g: Side, batches: Iterable[tuple[Any, ...]], key: Key) -> Side:
    """Returns G with the means of its batch statistics over batches of inputs, each a tuple.

    Brock et al., 2019: for a G whose running averages are not those of its parameters, such as an average of
    parameters. Every batch counts alike, whatever its size; a G without BatchNorm stays as it is, and so do
    other statistics, such as the vectors of spectral norm.

    >>> from jaxgan.models import mlp
    >>> from jaxgan.parts.network import from_linen
    >>> network = from_linen(mlp.Generator((2,), (4,), norm="batch"))
    >>> z = jax.random.normal(jax.random.key(0), (3, 8, 2))
    >>> g = Side(*network.init(jax.random.key(1), z[0]))
    >>> standing = standing_statistics(network, g, [(x,) for x in z], jax.random.key(2))
    >>> bool((standing.stats["batch_stats"]["BatchNorm_0"]["mean"] != 0).all())
    True
    """
    if COLLECTION not in g.stats:
        return g

    @jax.jit
    def moments(inputs: tuple[Any, ...], key: Key) -> Stats:
        keys = jax.random.split(key, jax.tree.leaves(inputs)[0].shape[0])

        def after(value: float) -> Stats:
            start = jax.tree.map(lambda x: jnp.full_like(x, value), g.stats[COLLECTION])
            stats = {**g.stats, COLLECTION: start}
            step = {"step": None} if network.reads_step else {}
            return network.apply(g.params, stats, *inputs, key=keys, train=True, **step)[1][COLLECTION]

        # running statistics are m old + (1 - m) batch, from which two starts tell m and the batch's
        return jax.tree.map(lambda zero, one: zero / (1 - (one - zero)), after(0.0), after(1.0))

    collected = [moments(inputs, jax.random.fold_in(key, n)) for n, inputs in enumerate(batches)]
    means = jax.tree.map(lambda *x: sum(x) / len(x), *collected)
    return Side(g.params, {**g.stats, COLLECTION: means})
