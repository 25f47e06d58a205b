"""Networks in D's side that are no discriminators: a score network, a classifier, a critic of codes."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games.adversary import Adversary, Total, Turn
from jaxgan.games.game import Side
from jaxgan.games.networks import Call, check_called, initialising, training
from jaxgan.parts.frozen import Frozen
from jaxgan.parts.network import Network
from jaxgan.parts.types import Array, Key, Lowering, Params, PyTree, Stats

Losses = Callable[[Call, Any, Turn], Mapping[str, Array]]  # (call, meeting, turn) -> losses [N] by name


def nothing(call: Call, meeting: Any, turn: Turn) -> Mapping[str, Array]:
    """No losses."""
    return {}


def companions(
    networks: Mapping[str, Network],
    *,
    d_losses: Losses,
    g_losses: Losses = nothing,
    frozen: Mapping[str, Frozen] = {},
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Adversary:
    """Networks that move with D by losses of their own, and what G minimises of them.

    `d_losses`, `g_losses`: (call, meeting, turn) -> losses by name, one number per example; `call(name,
    *inputs)` is that of `networks_game`. All networks must be called in `d_losses`. `frozen`: networks that
    are called likewise and never change, such as a teacher: their weights are memory of the game. Beside
    critics: `jg.several({"critic": critic, "score": companions(...)})`; rates of their own: `jg.each_own`.

    A network that regresses on G's examples, which G keeps near its output:

    >>> from flax import linen as nn
    >>> from jaxgan.games.adversary import Meeting
    >>> from jaxgan.parts.network import from_linen
    >>> def error(call, meeting, turn):
    ...     return {"error": jnp.square(call("mean", jnp.ones((4, 1))) - meeting.fake).sum(axis=1)}
    >>> pair = companions({"mean": from_linen(nn.Dense(2))}, d_losses=error, g_losses=error)
    >>> keys, meeting = jax.random.split(jax.random.key(0), 4), Meeting(jnp.zeros((4, 2)), jnp.ones((4, 2)))
    >>> side, memory = pair.init(jax.random.key(0), meeting, keys)
    >>> side.params["mean"]["kernel"].shape
    (1, 2)
    """
    if both := sorted(networks.keys() & frozen.keys()):
        raise Refused(f"{both[0]} is both trained and frozen: give the networks different names")

    def with_frozen(call: Call, weights: Mapping[str, tuple[Params, Stats]]) -> Call:
        def either(name: str, *inputs: Any, **options: Any) -> Any:
            if name in frozen:
                return frozen[name].network.apply(*jax.lax.stop_gradient(weights[name]), *inputs)[0]
            return call(name, *inputs, **options)

        return either

    def init(key: Key, meeting: Any, keys: Key) -> tuple[Side, PyTree]:
        memory = {name: jax.tree.map(jnp.asarray, (net.params, net.stats)) for name, net in frozen.items()}
        call, side = initialising(networks, key)
        d_losses(with_frozen(call, memory), meeting, Turn(keys, jnp.int32(0), jnp.int32(0)))
        check_called(networks, side, "`d_losses`")
        return side, memory

    def meet(
        who: str, params: Params, stats: Stats, memory: PyTree, meeting: Any, turn: Turn
    ) -> tuple[Mapping[str, Array], Stats, PyTree]:
        call, new = training(networks, params, stats, turn)
        losses = (d_losses if who == "d" else g_losses)(with_frozen(call, memory), meeting, turn)
        return losses, new, memory

    def total(who: str, losses: Mapping[str, Array], memory: PyTree) -> Total:
        means = {f"{who}/{name}": lowering.mean(loss) for name, loss in losses.items()}
        return sum(means.values(), jnp.zeros(())), means, memory

    return Adversary(init, meet, partial(total, "d"), partial(total, "g"))
