"""Networks with first layers of their own and the last ones in common."""

from collections.abc import Mapping
from typing import Any

from jaxgan.parts.network import Network
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Key, Params, Stats


def branches(first: Mapping[str, Network], last: Network) -> dict[str, Network]:
    """A network for each name, last(first[name](x)), all of them on one tree of parameters.

    For D of two domains whose high layers agree (Liu & Tuzel, 2016): give `jg.shared` an adversary of each.
    Each network initialises the layers of all, so the examples of all domains must have one shape. In a side
    of `jg.networks_game` nothing is needed: call("last", call("a", x)).

    >>> import jax
    >>> import jax.numpy as jnp
    >>> from flax import linen as nn
    >>> from jaxgan.parts.network import from_linen
    >>> two = branches(dict.fromkeys("ab", from_linen(nn.Dense(3))), from_linen(nn.Dense(1)))
    >>> params, stats = two["a"].init(jax.random.key(0), jnp.ones((4, 2)))
    >>> sorted(params), two["b"].apply(params, stats, jnp.ones((4, 2)))[0].shape
    (['first', 'last'], (4, 1))
    """

    def init(key: Key, x: Any) -> tuple[Params, Stats]:
        firsts = {name: network.init(fold(key, name), x) for name, network in first.items()}
        name, (params, stats) = next(iter(firsts.items()))
        shared = last.init(fold(key, "last"), first[name].apply(params, stats, x)[0])
        own = ({name: both[i] for name, both in firsts.items()} for i in range(2))
        params, stats = ({"first": firsts, "last": lasts} for firsts, lasts in zip(own, shared, strict=True))
        return params, stats

    def branch(name: str) -> Network:
        def apply(
            params: Params, stats: Stats, x: Any, key: Key | None = None, train: bool = False
        ) -> tuple[Any, Stats]:
            keys = (None, None) if key is None else (fold(key, "first"), fold(key, "last"))
            h, own = first[name].apply(
                params["first"][name], stats["first"][name], x, key=keys[0], train=train
            )
            y, common = last.apply(params["last"], stats["last"], h, key=keys[1], train=train)
            return y, {"first": {**stats["first"], name: own}, "last": common}

        return Network(init, apply)

    return {name: branch(name) for name in first}
