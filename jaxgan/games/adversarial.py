"""A game as what G's side makes of a batch, against an adversary: most methods, put together by hand.

G runs on batch statistics in both losses. Of all statistics a rule keeps only those of the player that moves:
G's running averages advance with G's steps, D's vectors with D's.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.games.adversary import Adversary, Turn
from jaxgan.games.game import Aux, Context, Game, Looks, Loss, Side
from jaxgan.parts.rng import each, fold
from jaxgan.parts.types import Array, Batch, Given, Key, Lowering, Params, Stats


class Play(NamedTuple):
    """What G's side makes of a batch.

    `met`: what the adversary is shown, a `Meeting`, or for `several` one to each name. `stats`: those of G's
    networks, moved on. `losses`: what G minimises beside the adversary's, numbers per example [N] by name.
    """

    met: Any
    stats: Stats
    losses: Mapping[str, Array] = {}


def adversarial(
    adversary: Adversary,
    *,
    init: Callable[[Key, Batch, Key], Side],
    play: Callable[[Params, Stats, Batch, Turn], Play],
    sample: Callable[[Side, Key, Array, Given], Any],
    given: tuple[str, ...] = (),
    classes: int = 0,
    looks: Looks = Looks(),  # noqa: B008 - immutable
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Game:
    """The game of G's side against an adversary; `jg.gan` is the one most people play.

    `init`: (key, batch, keys [N]) -> G's side: any tree of parameters, of two generators, of an encoder
    beside one. `play`: (params, stats, batch, turn) -> what it makes of a batch in training, where
    `turn.keys` has a key to each example. `sample`, `given`, `classes`, `looks` are those of the game.

    >>> from flax import linen as nn
    >>> from jaxgan.games.adversary import Meeting, adversary
    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.parts.objectives import hinge
    >>> move = from_linen(nn.Dense(2))  # moves points of one cloud onto those of another
    >>> def play(params, stats, batch, turn):
    ...     moved, stats = move.apply(params, stats, batch["source"], train=True)
    ...     far = jnp.square(moved - batch["source"]).sum(axis=-1)
    ...     return Play(Meeting(batch["x"], moved), stats, {"far": far})
    >>> game = adversarial(
    ...     adversary(from_linen(nn.Dense(1)), hinge()),
    ...     init=lambda key, batch, keys: Side(*move.init(key, batch["source"])),
    ...     play=play,
    ...     sample=lambda g, key, index, given: move.apply(*g, given["source"])[0],
    ...     given=("source",),
    ... )
    """

    def loss_of(who: str) -> Loss:
        def loss(g_params: Params, d_params: Params, context: Context) -> tuple[Array, Aux]:
            turn = Turn(each(context.key, context.batch["index"]), context.step, context.update)
            made = play(g_params, context.g_stats, context.batch, turn)
            view, d_stats, memory = adversary.meet(
                who, d_params, context.d_stats, context.extra, made.met, turn
            )
            total = adversary.g_loss if who == "g" else adversary.d_loss
            loss, metrics, memory = total(view, memory)
            if who == "g":
                if clash := sorted(f"g/{name}" for name in made.losses if f"g/{name}" in metrics):
                    raise Refused(f"two losses are called {clash[0]}: rename the one that `play` returns")
                own = {f"g/{name}": lowering.mean(x) for name, x in made.losses.items()}
                loss, metrics = loss + sum(own.values()), {**metrics, **own}
            return loss, Aux(made.stats, d_stats, memory, metrics)

        return loss

    def begin(key: Key, batch: Batch) -> tuple[Side, Side, Any]:
        keys = each(key, batch["index"])
        g = init(fold(key, "g"), batch, keys)
        turn = Turn(keys, jnp.int32(0), jnp.int32(0))

        def rest(batch: Batch) -> tuple[Side, Any]:
            return adversary.init(fold(key, "d"), play(g.params, g.stats, batch, turn).met, keys)

        return g, *_alone(lowering, rest)(batch)

    return Game(begin, loss_of("d"), loss_of("g"), sample, given, classes, looks, lowering, adversary.whole)


def _alone(lowering: Lowering, of: Callable[[Batch], Any]) -> Callable[[Batch], Any]:
    """The function as a single device calls it: a state begins outside of what binds the axis of devices."""
    if lowering.axis is None:
        return of

    def bound(batch: Batch) -> Any:
        one = jax.vmap(of, axis_name=lowering.axis)(jax.tree.map(lambda x: x[None], batch))
        return jax.tree.map(lambda x: x[0], one)

    return bound
