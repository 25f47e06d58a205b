"""One discriminator against several streams of fakes."""

from collections.abc import Mapping
from typing import Any

import jax

from jaxgan.errors import Refused
from jaxgan.games.adversary import Adversary, Turn
from jaxgan.games.game import Side
from jaxgan.games.several import several
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Key, Params, PyTree, Stats


def shared(adversaries: Mapping[str, Adversary]) -> Adversary:
    """Combines adversaries that share one D and its parameters, each with its own `Meeting` by name.

    For example samples and reconstructions judged by the same D (Larsen et al., 2016; Rosca et al., 2017).
    Each adversary has its own objective, weight, terms and memory; losses are added and metrics named as in
    `several`. D's statistics pass through the meetings in the order of the mapping; `judge` is the first's.

    >>> from flax import linen as nn
    >>> import jax.numpy as jnp
    >>> from jaxgan.games.adversary import Meeting, adversary
    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.parts.objectives import hinge
    >>> critic = adversary(from_linen(nn.Dense(1)), hinge())
    >>> both = dict.fromkeys(("drawn", "rebuilt"), Meeting(jnp.zeros((4, 2)), jnp.ones((4, 2))))
    >>> keys = jax.random.split(jax.random.key(1), 4)
    >>> side, _ = shared(dict.fromkeys(both, critic)).init(jax.random.key(0), both, keys)
    >>> side.params["kernel"].shape
    (2, 1)
    """
    if not adversaries:
        raise Refused("jg.shared needs one or more adversaries")

    def init(key: Key, meetings: Mapping[str, Any], keys: Key) -> tuple[Side, PyTree]:
        inits = {name: adversary.init(key, meetings[name], keys) for name, adversary in adversaries.items()}
        (first, side), *others = ((name, side) for name, (side, _) in inits.items())
        for name, other in others:
            if _shapes(other) != _shapes(side):
                raise Refused(
                    f"the adversaries {first} and {name} share one D, but their networks differ: give both "
                    "the same, or use jg.several"
                )
        return side, {name: memory for name, (_, memory) in inits.items()}

    def meet(
        who: str, params: Params, stats: Stats, memory: PyTree, meetings: Mapping[str, Any], turn: Turn
    ) -> tuple[Any, Stats, PyTree]:
        views, memories = {}, {}
        for name, adversary in adversaries.items():
            own_turn = turn._replace(keys=fold(turn.keys, name))
            views[name], stats, memories[name] = adversary.meet(
                who, params, stats, memory[name], meetings[name], own_turn
            )
        return views, stats, memories

    judge = next(iter(adversaries.values())).judge
    return several(adversaries)._replace(init=init, meet=meet, judge=judge)


def _shapes(side: Side) -> str:
    return str(jax.tree.map(jax.typeof, side))
