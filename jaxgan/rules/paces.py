"""Published ways to let the players' rates follow their losses, for `by_feedback`."""

from collections.abc import Callable
from math import log
from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.types import Array, check_range
from jaxgan.rules.feedback import Pace, Rates
from jaxgan.rules.rule import Metrics

Score = Callable[[Metrics], Array]


def gap_aware(
    ideal: float = log(4),
    *,
    width: float | None = None,
    fastest: float = 2.0,
    slowest: float = 0.1,
    smoothing: float = 0.95,
    loss: Score = lambda metrics: metrics["d/adv"],
) -> Pace:
    """D's rate by how far its loss is from the ideal one, which D has where G is perfect.

    Hazimeh & Ponomareva, 2023: with V the running mean of the loss, V* the ideal and x = |V - V*| / width,
    min(fastest, fastest^x) where V >= V*, so that D catches up, and max(slowest, slowest^x) below. V starts
    as V*, and `width` is 0.1 V*. V* is log 4 for `minimax` and `non_saturating`, 2 for `hinge`, 1/4 for
    `least_squares`, 0 for `wasserstein`, whose width must be given. It is another one with label smoothing or
    noise, and moves with augmentation; penalties are not in the loss.

    >>> pace = gap_aware(2.0, smoothing=0.0)
    >>> [round(float(pace.rates(jnp.float32(loss)).d), 3) for loss in (2, 2.1, 2.4, 1.9, 1.6)]
    [1.0, 1.414, 2.0, 0.316, 0.1]
    """
    width = 0.1 * abs(ideal) if width is None else width
    if not width > 0:
        raise Refused("gap_aware needs width=..., the distance of the loss at which the rate is at its end")
    check_range("the smoothing of gap_aware", smoothing, most=1)

    def rates(mean: Array) -> Rates:
        x = jnp.abs(mean - ideal) / width
        above = jnp.minimum(fastest, jnp.exp2(x * jnp.log2(fastest)))
        below = jnp.maximum(slowest, jnp.exp2(x * jnp.log2(slowest)))
        return Rates(1.0, jnp.where(mean >= jnp.float32(ideal), above, below))

    return Pace(
        lambda: jnp.float32(ideal),
        rates,
        # as a difference, so that a loss at the ideal leaves the mean there to the last bit
        lambda mean, metrics: mean + (1 - smoothing) * (loss(metrics) - mean),
    )


def accuracy_gate(most: float = 0.8) -> Pace:
    """D rests while its accuracy in the last update is above `most` (Wu et al., 2016).

    The mean of d/acc_real and d/acc_fake: the shares on the right side of the middle between the mean logits
    of real and fake, rather than of 0. A resting D keeps its parameters and, by `scaled`, its optimiser's
    state; its networks' statistics, such as the vectors of spectral norm, move on.

    >>> pace = accuracy_gate()
    >>> seen = pace.update(pace.init(), {"d/acc_real": jnp.float32(1.0), "d/acc_fake": jnp.float32(0.9)})
    >>> float(pace.rates(pace.init()).d), float(pace.rates(seen).d)
    (1.0, 0.0)
    """
    check_range("the accuracy of accuracy_gate", most, most=1)
    return Pace(
        lambda: jnp.float32(0),
        lambda accuracy: Rates(1.0, jnp.where(accuracy > most, 0.0, 1.0)),
        lambda _, metrics: jnp.float32((metrics["d/acc_real"] + metrics["d/acc_fake"]) / 2),
    )


class Losses(NamedTuple):
    """The memory of `loss_change_ratio`."""

    d: Array
    g: Array
    updates: Array
    rates: Rates


def loss_change_ratio(weight: float = 1.0) -> Pace:
    """Only D moves if its loss changed by more than `weight` times the change of G's, else only G.

    Ouyang et al., 2021: r = |L - L'| / |L'| between the last two updates, of d/adv and g/adv; D moves if
    r_d > weight r_g. Both move in the first two updates.

    >>> pace = loss_change_ratio()
    >>> memory = pace.init()
    >>> for d, g in ((1.0, 1.0), (1.5, 1.1)):
    ...     memory = pace.update(memory, {"d/adv": jnp.float32(d), "g/adv": jnp.float32(g)})
    >>> [float(rate) for rate in pace.rates(memory)]
    [0.0, 1.0]
    """
    check_range("the weight of loss_change_ratio", weight)

    def init() -> Losses:
        zero, one = jnp.float32(0), jnp.float32(1)
        return Losses(zero, zero, jnp.int32(0), Rates(one, one))

    def update(memory: Losses, metrics: Metrics) -> Losses:
        d, g = metrics["d/adv"], metrics["g/adv"]
        tiny = jnp.finfo(jnp.float32).tiny

        def change(new: Array, old: Array) -> Array:
            return jnp.abs(new - old) / jnp.maximum(jnp.abs(old), tiny)

        d_moves = (change(d, memory.d) > weight * change(g, memory.g)).astype(jnp.float32)
        first = memory.updates == 0
        rates = Rates(jnp.where(first, 1.0, 1 - d_moves), jnp.where(first, 1.0, d_moves))
        return Losses(d, g, jnp.minimum(memory.updates + 1, 1), rates)

    return Pace(init, lambda memory: memory.rates, update)


class Plateau(NamedTuple):
    """The memory of `plateau`."""

    mean: Array
    best: Array
    since: Array  # updates since the best one, -1 before the first
    factor: Array


def plateau(
    score: Score,
    *,
    patience: int = 1000,
    factor: float = 0.5,
    tolerance: float = 1e-3,
    smoothing: float = 0.99,
    least: float = 0.0,
) -> Pace:
    """Multiplies both rates by `factor` after `patience` updates without a better running mean of the score.

    `score`: (metrics) -> a number of which lower is better, such as BEGAN's measure of convergence; a
    player's loss is none, since it depends on the other. A mean is better if it is below the best one by
    `tolerance` of its size. Rates do not fall below `least`.

    >>> pace = plateau(lambda metrics: metrics["d/adv"], patience=2)
    >>> memory = pace.init()
    >>> for _ in range(3):
    ...     memory = pace.update(memory, {"d/adv": jnp.float32(1.0)})
    >>> float(pace.rates(memory).g)
    0.5
    """
    if patience < 1:
        raise Refused(f"plateau needs patience=1 or more updates, not {patience}")
    check_range("the factor of plateau", factor, most=1)
    check_range("the smoothing of plateau", smoothing, most=1)

    def init() -> Plateau:
        return Plateau(jnp.float32(0), jnp.float32(0), jnp.int32(-1), jnp.float32(1))

    def update(memory: Plateau, metrics: Metrics) -> Plateau:
        now, first = jnp.float32(score(metrics)), memory.since < 0
        mean = jnp.where(first, now, memory.mean + (1 - smoothing) * (now - memory.mean))
        better = first | (mean < memory.best - tolerance * jnp.abs(memory.best))
        since = jnp.where(better, 0, memory.since + 1)
        due = since >= patience
        return Plateau(
            mean,
            jnp.where(better, mean, memory.best),
            jnp.where(due, 0, since),
            jnp.where(due, jnp.maximum(memory.factor * factor, least), memory.factor),
        )

    return Pace(init, lambda memory: Rates(memory.factor, memory.factor), update)
