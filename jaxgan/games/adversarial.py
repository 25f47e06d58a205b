"""Games of any generator side against an adversary, from which most methods can be built.

G runs on batch statistics in both losses. A rule keeps only the statistics of the player that moves: G's
running averages advance with G's steps, D's spectral-norm vectors with D's.
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
    """The result of G's side on a batch.

    `met`: the input of the adversary, a `Meeting`, or for `several` one per name. `stats`: the updated
    statistics of G's networks. `losses`: G's own losses beside the adversary's, per example [N], by name.
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
    """The game of G's side against an adversary; `jg.gan` is the usual case.

    `init`: (key, batch, keys [N]) -> G's side: any tree of parameters, such as two generators, or a generator
    and an encoder. `play`: (params, stats, batch, turn) -> `Play`, in training; `turn.keys` has one key per
    example. `sample`, `given`, `classes`, `looks` are those of the game.

    >>> from flax import linen as nn
    >>> from jaxgan.games.adversary import Meeting, adversary
    >>> from jaxgan.parts.network import from_linen
    >>> from jaxgan.parts.objectives import hinge
    >>> network = from_linen(nn.Dense(2))  # maps the points of one distribution to those of another
    >>> def play(params, stats, batch, turn):
    ...     mapped, stats = network.apply(params, stats, batch["source"], train=True)
    ...     distance = jnp.square(mapped - batch["source"]).sum(axis=-1)
    ...     return Play(Meeting(batch["x"], mapped), stats, {"distance": distance})
    >>> game = adversarial(
    ...     adversary(from_linen(nn.Dense(1)), hinge()),
    ...     init=lambda key, batch, keys: Side(*network.init(key, batch["source"])),
    ...     play=play,
    ...     sample=lambda g, key, index, given: network.apply(*g, given["source"])[0],
    ...     given=("source",),
    ... )
    """

    def loss_of(who: str) -> Loss:
        def loss(g_params: Params, d_params: Params, context: Context) -> tuple[Array, Aux]:
            turn = Turn(each(context.key, context.batch["index"]), context.step, context.update)
            played = play(g_params, context.g_stats, context.batch, turn)
            view, d_stats, memory = adversary.meet(
                who, d_params, context.d_stats, context.extra, played.met, turn
            )
            total = adversary.g_loss if who == "g" else adversary.d_loss
            loss, metrics, memory = total(view, memory)
            if who == "g":
                if clash := sorted(f"g/{name}" for name in played.losses if f"g/{name}" in metrics):
                    raise Refused(f"two losses are called {clash[0]}: rename the one that `play` returns")
                g_losses = {f"g/{name}": lowering.mean(x) for name, x in played.losses.items()}
                loss, metrics = loss + sum(g_losses.values()), {**metrics, **g_losses}
            return loss, Aux(played.stats, d_stats, memory, metrics)

        return loss

    def init_game(key: Key, batch: Batch) -> tuple[Side, Side, Any]:
        keys = each(key, batch["index"])
        g = init(fold(key, "g"), batch, keys)
        turn = Turn(keys, jnp.int32(0), jnp.int32(0))

        def init_d(batch: Batch) -> tuple[Side, Any]:
            return adversary.init(fold(key, "d"), play(g.params, g.stats, batch, turn).met, keys)

        return g, *on_one_device(lowering, init_d)(batch)

    return Game(
        init_game, loss_of("d"), loss_of("g"), sample, given, classes, looks, lowering, adversary.whole
    )


def on_one_device(lowering: Lowering, init: Callable[[Batch], Any]) -> Callable[[Batch], Any]:
    """Binds the axis of devices to one device, since `init` is called outside the mapped function."""
    if lowering.axis is None:
        return init

    def bound(batch: Batch) -> Any:
        mapped = jax.vmap(init, axis_name=lowering.axis)(jax.tree.map(lambda x: x[None], batch))
        return jax.tree.map(lambda x: x[0], mapped)

    return bound
