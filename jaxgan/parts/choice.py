"""Several copies of a network, of which each example is the output of one."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.network import Network
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Key, Params, Stats


def one_of(
    count: int, network: Network, *, before: Network | None = None, after: Network | None = None
) -> Network:
    """A network of `count` copies with parameters of their own: the latent's `which` picks the copy.

    Its input is a latent {"noise": [B, n], "which": one-hot [B, count]}, as `latents.parts(noise=...,
    which=latents.categorical(count))` draws it from the key of the example, so that a sample has the same
    copy wherever it is drawn. All copies share `before`, which reads the noise, and `after`, which reads what
    was picked: Ghosh et al. (2018) share the first layers, Hoang et al. (2018) all but the first. Every copy
    runs on the whole batch, and has batch statistics of it.

    >>> from flax import linen as nn
    >>> from jaxgan.parts.network import from_linen
    >>> two = one_of(2, from_linen(nn.Dense(3)), before=from_linen(nn.Dense(8)))
    >>> z = {"noise": jnp.ones((4, 5)), "which": jax.nn.one_hot(jnp.array([0, 1, 0, 1]), 2)}
    >>> params, stats = two.init(jax.random.key(0), z)
    >>> params["copies"]["kernel"].shape, two.apply(params, stats, z)[0].shape
    ((2, 8, 3), (4, 3))
    """
    shared = {"before": before, "after": after}
    if count < 1:
        raise Refused(f"one_of needs 1 or more copies, not {count}")

    def run(params: Params, stats: Stats, z: Any, options: dict[str, Any], name: str, x: Any) -> tuple:
        part = shared[name]
        if part is None:
            return x, {}
        return part.apply(params[name], stats[name], x, **_own(part, options, name))

    def apply(
        params: Params, stats: Stats, z: Any, key: Key | None = None, train: bool = False, step: Any = None
    ) -> tuple[Any, Stats]:
        new, options = {}, {"key": key, "train": train, "step": step}
        h, new["before"] = run(params, stats, z, options, "before", z["noise"])
        outputs, new["copies"] = jax.vmap(
            lambda params, stats: network.apply(params, stats, h, **_own(network, options, "copies"))
        )(params["copies"], stats["copies"])
        picked = jnp.einsum("bk,kb...->b...", z["which"], outputs)
        x, new["after"] = run(params, stats, z, options, "after", picked)
        return x, new

    def init(key: Key, z: Any) -> tuple[Params, Stats]:
        if not isinstance(z, dict) or sorted(z) != ["noise", "which"] or z["which"].shape[1:] != (count,):
            raise Refused(
                f"one_of needs latents.parts(noise=..., which=latents.categorical({count})), to pick a copy"
            )
        params: dict[str, Params] = {"before": {}, "after": {}}
        stats: dict[str, Stats] = {"before": {}, "after": {}}
        h = z["noise"]
        if before is not None:
            params["before"], stats["before"] = before.init(fold(key, "before"), h)
            h = before.apply(params["before"], stats["before"], h)[0]
        keys = jax.random.split(fold(key, "copies"), count)
        params["copies"], stats["copies"] = jax.vmap(network.init, (0, None))(keys, h)
        if after is not None:
            copy = jax.tree.map(lambda x: x[0], (params["copies"], stats["copies"]))
            params["after"], stats["after"] = after.init(fold(key, "after"), network.apply(*copy, h)[0])
        return params, stats

    return Network(init, apply, reads_step=any(n.reads_step for n in (network, before, after) if n))


def _own(network: Network, options: dict[str, Any], name: str) -> dict[str, Any]:
    """Returns the options that the network takes, with keys of its own."""
    key = options["key"]
    own = {"key": None if key is None else fold(key, name), "train": options["train"]}
    return {**own, "step": options["step"]} if network.reads_step else own
