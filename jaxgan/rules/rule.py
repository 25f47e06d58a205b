"""How the players move."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Context, Game, Player, Side, State
from jaxgan.parts.average import Average, Averages
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Array, Batch, Key, PyTree

Metrics = Mapping[str, Array]


class Rule(NamedTuple):
    """A game and how it is played: a pure update of the whole state.

    `init`: (key, batches) -> State. `update`: (state, batches) -> (state, metrics). Leaves of `batches` are
    [batches, micro, B, ...]: as many batches as one update eats, each in micro-batches whose gradients are
    averaged before the player steps. `rule._replace(update=...)` is another rule of the same game.

    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> game = bilinear()
    >>> simultaneous(game, optax.sgd(0.1), optax.sgd(0.1)).game is game
    True
    """

    game: Game
    init: Callable[[Key, Batch], State]
    update: Callable[[State, Batch], tuple[State, Metrics]]
    batches: int = 1


class Gradient(NamedTuple):
    """A player's mean gradient, and the state with its statistics and the game's memory moved on."""

    grads: PyTree
    state: State
    metrics: Metrics


def gradient(
    game: Game,
    who: str,
    state: State,
    micros: Batch,
    key: Key,
    step: Array,
    of: str | None = None,
) -> Gradient:
    """Player `who`'s gradient ("g" or "d") of its loss, or the one `of` the other, over [micro, B, ...].

    Micro-batches are averaged. The gradient's Euclidean norm is a metric, WHO/grad.
    The loss is a mean over devices and so, again, is its gradient: right under `shard_map` and `pmap` alike.
    """
    loss = game.g_loss if (of or who) == "g" else game.d_loss
    differentiate = jax.grad(loss, argnums=0 if who == "g" else 1, has_aux=True)
    n = jax.tree.leaves(micros)[0].shape[0]
    _check_whole(game, n)

    def evaluate(stats: PyTree, extra: PyTree, batch: Batch) -> tuple:
        g_stats = stats if who == "g" else state.g.stats
        d_stats = stats if who == "d" else state.d.stats
        # what is remembered is no function of the parameters, for rules that differentiate once more
        remembered = jax.lax.stop_gradient((g_stats, d_stats, extra))
        context = Context(*remembered, step, batch, key, state.step)
        grads, aux = differentiate(state.g.params, state.d.params, context)
        return (aux.g_stats if who == "g" else aux.d_stats), aux.extra, (grads, aux.metrics)

    def accumulate(carry: tuple, batch: Batch) -> tuple[tuple, None]:
        stats, extra, total = carry
        stats, extra, new = evaluate(stats, extra, batch)
        return (stats, extra, jax.tree.map(jnp.add, total, new)), None

    player: Player = getattr(state, who)
    first, rest = jax.tree.map(lambda x: x[0], micros), jax.tree.map(lambda x: x[1:], micros)
    carry = evaluate(player.stats, state.extra, first)
    if n > 1:
        carry, _ = game.lowering.loop(accumulate, carry, rest)
    stats, extra, total = carry
    grads, metrics = jax.tree.map(lambda x: x / n, total)
    state = state.replace(**{who: player.replace(stats=stats)}, extra=extra)
    grads = game.lowering.average(grads)
    return Gradient(grads, state, {**metrics, f"{who}/grad": optax.tree.norm(grads)})


def _check_whole(game: Game, micros: int) -> None:
    """Refuses micro-batches of a game whose losses are of the whole batch."""
    if micros > 1 and game.whole:
        raise Refused(
            f"{' and '.join(game.whole)} would take statistics of each micro-batch in the place of the whole "
            f"batch: play without --micro-batches, not with {micros}"
        )


def stepped(player: Player, tx: optax.GradientTransformation, grads: PyTree) -> Player:
    """The player after one step of its optimiser."""
    updates, opt_state = tx.update(grads, player.opt_state, player.params)
    # a number that is told later has 32 bits, and so has what optax multiplies by it; keys stay what they are
    opt_state = jax.tree.map(_of_type, opt_state, player.opt_state)
    return player.replace(params=optax.apply_updates(player.params, updates), opt_state=opt_state)


def _of_type(new: Array, old: Array) -> Array:
    return new if new.dtype == old.dtype else new.astype(old.dtype)


def averaged(average: Averages | None, state: State) -> State:
    """The state with its averages of G moved on: once an update, after G's last step."""
    sampled, others = _averages(average)

    def moved(average: Average, past: Side) -> Side:
        return Side(*average.update(past, state.g.params, state.g.stats, state.step))

    return state.replace(
        ema=None if sampled is None or state.ema is None else moved(sampled, state.ema),
        averages={name: moved(other, state.averages[name]) for name, other in others.items()},
    )


def _averages(average: Averages | None) -> tuple[Average | None, dict[str, Average]]:
    """The average that is sampled, if any, and the others by name; refused what is none."""
    if average is None or isinstance(average, Average):
        return average, {}
    if not isinstance(average, Mapping) or not average:
        raise Refused(f"{average!r} is no Average: give one such as jg.ema(0.999), or several by name")
    for name, one in average.items():
        if not isinstance(one, Average):
            raise Refused(f"{one!r} is no Average: give one such as jg.ema(0.999)")
        if not isinstance(name, str) or not name.isidentifier():
            raise Refused(f"an average is called by a word such as long, not {name!r}")
    (_, sampled), *others = average.items()
    return sampled, dict(others)


def optimiser(tx: optax.GradientTransformation) -> optax.GradientTransformation:
    """The optimiser, refused if it is none."""
    if not hasattr(tx, "init"):
        raise Refused(f"{tx!r} is no optimiser: give one of optax, such as optax.adam(1e-4)")
    return tx


def starter(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    average: Averages | None,
) -> Callable[[Key, Batch], State]:
    """The `init` of a rule without memory: both players, their optimisers, the averages of G."""
    for tx in (g_tx, d_tx):
        optimiser(tx)
    sampled, others = _averages(average)

    def init(key: Key, batches: Batch) -> State:
        _check_whole(game, jax.tree.leaves(batches)[0].shape[1])
        g, d, extra = game.init(fold(key, "init"), jax.tree.map(lambda x: x[0, 0], batches))
        return State(
            step=jnp.zeros((), jnp.int32),
            key=key,
            g=Player(*g, g_tx.init(g.params)),
            d=Player(*d, d_tx.init(d.params)),
            ema=None if sampled is None else Side(*sampled.init(*g)),
            extra=extra,
            rule=(),
            averages={name: Side(*other.init(*g)) for name, other in others.items()},
        )

    return init
