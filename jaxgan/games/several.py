"""Several adversaries combined into one."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games.adversary import Adversary, Meeting, Total, Turn
from jaxgan.games.game import Side
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Key, Params, PyTree, Stats

Weigh = Callable[[Array, Mapping[str, Any]], Array]  # (G's losses [K], views by name) -> weights [K]


def several(adversaries: Mapping[str, Adversary], weigh: Weigh | None = None) -> Adversary:
    """Combines adversaries by name, each with a `Meeting` of its own, or one for all: losses are added.

    For example two critics of the same fakes (Nguyen et al., 2017), or one per direction of a translation
    (Zhu et al., 2017). Metrics of an adversary "a" are called d/a/adv and so on. `weigh`: weights of G's
    losses, in the order of the mapping, logged as g/a/weight; see `harsher`. D's losses are always added.
    Without adversaries D's side is empty and all losses are 0, as for a variational autoencoder.

    >>> several({}).d_loss({}, {})[1]
    {}
    """

    def init(key: Key, meetings: Any, keys: Key) -> tuple[Side, PyTree]:
        meetings = by_name(adversaries, meetings)
        inits = {n: adversary.init(fold(key, n), meetings[n], keys) for n, adversary in adversaries.items()}
        params = {name: side.params for name, (side, _) in inits.items()}
        stats = {name: side.stats for name, (side, _) in inits.items()}
        return Side(params, stats), {name: memory for name, (_, memory) in inits.items()}

    def meet(
        who: str, params: Params, stats: Stats, memory: PyTree, meetings: Any, turn: Turn
    ) -> tuple[Any, Stats, PyTree]:
        meetings = by_name(adversaries, meetings)
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
        if who == "g" and weigh is not None:
            values = jnp.stack(losses[1:])
            weights = weigh(values, views)
            metrics |= {f"g/{name}/weight": weight for name, weight in zip(adversaries, weights, strict=True)}
            return (weights * values).sum(), metrics, memories
        return jax.tree.reduce(jnp.add, losses), metrics, memories

    whole = tuple(dict.fromkeys(part for adversary in adversaries.values() for part in adversary.whole))
    return Adversary(init, meet, partial(total, "d"), partial(total, "g"), whole=whole)


def harsher(strictness: float | Callable[[Mapping[str, Any]], Array]) -> Weigh:
    """GMAN's weights w = softmax(strictness V) of G's losses V: their sum w V favours the harsher critics.

    0 is the mean of all critics, infinity the harshest alone. The gradient flows through the weights, as in
    the sum that G minimises (Durugkar et al., 2017). A strictness that G learns is read from the views.

    >>> harsher(0.0)(jnp.array([1.0, 3.0]), {}).tolist()
    [0.5, 0.5]
    """
    return lambda losses, views: jax.nn.softmax(
        (strictness(views) if callable(strictness) else strictness) * losses
    )


def by_name(adversaries: Mapping[str, Any], meetings: Any) -> Mapping[str, Any]:
    """Returns a meeting for each adversary; one `Meeting` is that of all."""
    if isinstance(meetings, Meeting):
        return dict.fromkeys(adversaries, meetings)
    if missing := sorted(adversaries.keys() - meetings.keys()):
        raise Refused(f"`play` must return a meeting for each adversary; it returns none for {missing[0]}")
    return meetings
