"""Update rules: the parts that all of them share."""

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
    """A game with a pure update of the whole state.

    `init`: (key, batches) -> State. `update`: (state, batches) -> (state, metrics). Leaves of `batches` are
    [batches, micro, B, ...]: as many batches as one update takes, each in micro-batches whose gradients are
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
    """A player's mean gradient, and the state with its statistics and the game's memory updated."""

    grads: PyTree
    state: State
    metrics: Metrics


def update_key(state: State) -> Key:
    """Returns the key of an update in which both players see the same latents."""
    return fold(state.key, state.step, "both")


def only_batch(batches: Batch) -> Batch:
    """[1, micro, B, ...] -> [micro, B, ...], for rules that take one batch per update."""
    return jax.tree.map(lambda x: x[0], batches)


def gradient(
    game: Game,
    who: str,
    state: State,
    micros: Batch,
    key: Key,
    step: Array,
    of: str | None = None,
) -> Gradient:
    """Returns the gradient in player `who` ("g" or "d") of its loss, or of that of player `of`.

    Averaged over the micro-batches [micro, B, ...]. The gradient's Euclidean norm is a metric, WHO/grad.
    The loss is a mean over devices, and so is its gradient, under `shard_map` and `pmap` alike.
    """
    loss = game.g_loss if (of or who) == "g" else game.d_loss
    differentiate = jax.grad(loss, argnums=0 if who == "g" else 1, has_aux=True)
    n = jax.tree.leaves(micros)[0].shape[0]
    _check_whole(game, n)

    def evaluate(stats: PyTree, extra: PyTree, batch: Batch) -> tuple:
        g_stats = stats if who == "g" else state.g.stats
        d_stats = stats if who == "d" else state.d.stats
        # constants of the parameters, for rules that differentiate the gradient
        constants = jax.lax.stop_gradient((g_stats, d_stats, extra))
        context = Context(*constants, step, batch, key, state.step)
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
    """Raises `Refused` for micro-batches of a game whose losses are over the whole batch."""
    if micros > 1 and game.whole:
        raise Refused(
            f"{' and '.join(game.whole)} would take statistics of each micro-batch instead of the whole "
            f"batch: leave --micro-batches at 1, not {micros}"
        )


def step_player(player: Player, tx: optax.GradientTransformation, grads: PyTree) -> Player:
    """Returns the player after one step of its optimiser."""
    updates, opt_state = tx.update(grads, player.opt_state, player.params)

    def keep_dtype(new: Array, old: Array) -> Array:
        # a traced hyperparameter is float32, and promotes what optax multiplies by it
        return new if new.dtype == old.dtype else new.astype(old.dtype)  # keys cannot be cast

    opt_state = jax.tree.map(keep_dtype, opt_state, player.opt_state)
    return player.replace(params=optax.apply_updates(player.params, updates), opt_state=opt_state)


def update_averages(average: Averages | None, state: State) -> State:
    """Updates the state's averages of G: once per update, after G's last step."""
    sampled, others = _split_averages(average)

    def update(average: Average, old: Side) -> Side:
        return Side(*average.update(old, state.g.params, state.g.stats, state.step))

    return state.replace(
        ema=None if sampled is None or state.ema is None else update(sampled, state.ema),
        averages={name: update(other, state.averages[name]) for name, other in others.items()},
    )


def _split_averages(averages: Averages | None) -> tuple[Average | None, dict[str, Average]]:
    """Returns the average to sample from, if any, and the others by name; raises `Refused` if one is none."""
    if averages is None or isinstance(averages, Average):
        return averages, {}
    if not isinstance(averages, Mapping) or not averages:
        raise Refused(f"{averages!r} is no Average: give one such as jg.ema(0.999), or several by name")
    for name, average in averages.items():
        if not isinstance(average, Average):
            raise Refused(f"{average!r} is no Average: give one such as jg.ema(0.999)")
        if not isinstance(name, str) or not name.isidentifier():
            raise Refused(f"the name of an average must be an identifier such as long, not {name!r}")
    (_, sampled), *others = averages.items()
    return sampled, dict(others)


def check_optimiser(tx: optax.GradientTransformation) -> optax.GradientTransformation:
    """Returns the optimiser; raises `Refused` if it is none."""
    if not hasattr(tx, "init"):
        raise Refused(f"{tx!r} is no optimiser: give one of optax, such as optax.adam(1e-4)")
    return tx


def make_init(
    game: Game,
    g_tx: optax.GradientTransformation,
    d_tx: optax.GradientTransformation,
    average: Averages | None,
) -> Callable[[Key, Batch], State]:
    """Returns the `init` of a rule without memory: both players, their optimisers, the averages of G."""
    for tx in (g_tx, d_tx):
        check_optimiser(tx)
    sampled, others = _split_averages(average)

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
