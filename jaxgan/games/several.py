"""Several adversaries as one."""

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
    """Adversaries that each have meetings of their own, by name: their losses add up.

    Two critics of the same fakes (Durugkar et al., 2017), or one of either direction of a translation (Zhu et
    al., 2017). Metrics of one called "a" are d/a/adv and the like.

    >>> several({}).d_loss({}, {})[1]
    {}
    """

    def init(key: Key, meetings: Mapping[str, Any], keys: Key) -> tuple[Side, PyTree]:
        made = {name: one.init(fold(key, name), meetings[name], keys) for name, one in adversaries.items()}
        params = {name: side.params for name, (side, _) in made.items()}
        stats = {name: side.stats for name, (side, _) in made.items()}
        return Side(params, stats), {name: memory for name, (_, memory) in made.items()}

    def meet(
        who: str, params: Params, stats: Stats, memory: PyTree, meetings: Mapping[str, Any], turn: Turn
    ) -> tuple[Any, Stats, PyTree]:
        views, after, memories = {}, {}, {}
        for name, one in adversaries.items():
            own = turn._replace(keys=fold(turn.keys, name))
            views[name], after[name], memories[name] = one.meet(
                who, params[name], stats[name], memory[name], meetings[name], own
            )
        return views, after, memories

    def total(who: str, views: Any, memory: PyTree) -> Total:
        losses: list[Array] = [jnp.zeros(())]
        metrics: dict[str, Array] = {}
        memories = {}
        for name, one in adversaries.items():
            of_one = one.d_loss if who == "d" else one.g_loss
            loss, numbers, memories[name] = of_one(views[name], memory[name])
            losses.append(loss)
            metrics |= {f"{who}/{name}/{number.removeprefix(who + '/')}": x for number, x in numbers.items()}
        return jax.tree.reduce(jnp.add, losses), metrics, memories

    whole = tuple(dict.fromkeys(what for one in adversaries.values() for what in one.whole))
    return Adversary(init, meet, partial(total, "d"), partial(total, "g"), whole=whole)
