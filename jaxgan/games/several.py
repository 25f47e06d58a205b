"""Several adversaries combined into one."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.games.adversary import Adversary, Total, Turn
from jaxgan.games.game import Side
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, Params, PyTree, Stats


def several(adversaries: Mapping[str, Adversary]) -> Adversary:
    """Combines adversaries by name, each with its own `Meeting`: their losses are added.

    For example two critics of the same fakes (Durugkar et al., 2017), or one per direction of a translation
    (Zhu et al., 2017). Metrics of an adversary "a" are called d/a/adv and so on.

    >>> several({}).d_loss({}, {})[1]
    {}
    """

    def init(key: Key, meetings: Mapping[str, Any], keys: Key) -> tuple[Side, PyTree]:
        inits = {n: adversary.init(fold(key, n), meetings[n], keys) for n, adversary in adversaries.items()}
        params = {name: side.params for name, (side, _) in inits.items()}
        stats = {name: side.stats for name, (side, _) in inits.items()}
        return Side(params, stats), {name: memory for name, (_, memory) in inits.items()}

    def meet(
        who: str, params: Params, stats: Stats, memory: PyTree, meetings: Mapping[str, Any], turn: Turn
    ) -> tuple[Any, Stats, PyTree]:
        views, new_stats, memories = {}, {}, {}
        for name, adversary in adversaries.items():
            own_turn = turn._replace(keys=fold(turn.keys, name))
            views[name], new_stats[name], memories[name] = adversary.meet(
                who, params[name], stats[name], memory[name], meetings[name], own_turn
            )
        return views, new_stats, memories

    def total(who: str, views: Any, memory: PyTree) -> Total:
        losses: list[Array] = [jnp.zeros(())]
        metrics: dict[str, Array] = {}
        memories = {}
        for name, adversary in adversaries.items():
            loss_of = adversary.d_loss if who == "d" else adversary.g_loss
            loss, own_metrics, memories[name] = loss_of(views[name], memory[name])
            losses.append(loss)
            metrics |= {f"{who}/{name}/{key.removeprefix(who + '/')}": x for key, x in own_metrics.items()}
        return jax.tree.reduce(jnp.add, losses), metrics, memories

    whole = tuple(dict.fromkeys(part for adversary in adversaries.values() for part in adversary.whole))
    return Adversary(init, meet, partial(total, "d"), partial(total, "g"), whole=whole)
