"""Lower bounds on mutual information, from the scores of a critic T(x, y) on pairs.

`joint` [N, ...] are scores of pairs (x_i, y_i), `product` [N, ...] of pairs from different examples, such as
(x_i, y_{i+1}) of `terms.between.next_rows`: a shuffle may pair an example with itself. Scores per place of a
feature map are averaged like the examples. Means are over all devices, if the bound is told of the lowering.
Bounds are maximised: their negatives are losses of the critic and of whatever makes x or y.

For d pairs of normal numbers of correlation r the mutual information is -d/2 log(1 - r^2), and the best
critic log p(y|x) / p(y), up to the constants that each bound says.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import logsumexp, softplus

from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Lowering


def donsker_varadhan(joint: Array, product: Array, lowering: Lowering = Lowering()) -> Array:  # noqa: B008 - immutable
    """E T(joint) - log E exp T(product), exact for the best critic and any constant beside it.

    Donsker & Varadhan, 1983; Belghazi et al., 2018. Of a finite batch the logarithm is too small on average,
    and so its gradient is biased: `mine` corrects that.

    >>> round(float(donsker_varadhan(jnp.ones(4), jnp.zeros(4))), 6)
    1.0
    """
    return lowering.mean(joint) - _log_mean_exp(product, lowering)


class MineMemory(NamedTuple):
    """The running mean of exp T(product), as its logarithm, and how many batches it has seen."""

    log_mean: Array
    batches: Array


def mine_init() -> MineMemory:
    """The memory of `mine` before the first batch.

    >>> int(mine_init().batches)
    0
    """
    return MineMemory(jnp.zeros(()), jnp.zeros((), jnp.int32))


def mine(
    joint: Array,
    product: Array,
    memory: MineMemory,
    rate: float = 0.01,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> tuple[Array, MineMemory]:
    """The value of `donsker_varadhan` with the gradient E grad T(joint) - E [exp(T) grad T](product) / m

    where m is a running mean of E exp T(product) that moves by `rate` a batch, and is the first batch's at
    first: the bias-corrected gradient of MINE (Belghazi et al., 2018). Returns the bound and the new memory.

    >>> bound, memory = mine(jnp.ones(4), jnp.zeros(4), mine_init())
    >>> round(float(bound), 6), round(float(memory.log_mean), 6)
    (1.0, 0.0)
    """
    log_mean = jax.lax.stop_gradient(_log_mean_exp(product, lowering))
    moved = jnp.logaddexp(jnp.log1p(-rate) + memory.log_mean, jnp.log(rate) + log_mean)
    memory = MineMemory(jnp.where(memory.batches == 0, log_mean, moved), memory.batches + 1)
    slope = lowering.mean(joint) - lowering.mean(jnp.exp(product - memory.log_mean))
    value = donsker_varadhan(joint, product, lowering)
    return slope + jax.lax.stop_gradient(value - slope), memory


def nwj(joint: Array, product: Array, lowering: Lowering = Lowering()) -> Array:  # noqa: B008 - immutable
    """E T(joint) - E exp(T(product) - 1), best at 1 + log ratio: unbiased, and wide (Nguyen et al., 2010).

    >>> float(nwj(jnp.ones(4), jnp.ones(4)))
    0.0
    """
    return lowering.mean(joint) - lowering.mean(jnp.exp(product - 1))


def jensen_shannon(joint: Array, product: Array, lowering: Lowering = Lowering()) -> Array:  # noqa: B008 - immutable
    """log 4 - E softplus(-T(joint)) - E softplus(T(product)), best at the log ratio (Hjelm et al., 2019).

    There it is twice the Jensen-Shannon divergence of joint and product. It is 0 for T = 0 and at most log 4:
    no mutual information, but it grows with it, and has less noise than the bounds with exp.

    >>> round(abs(float(jensen_shannon(jnp.zeros(4), jnp.zeros(4)))), 4)
    0.0
    """
    return jnp.log(4.0) - lowering.mean(softplus(-joint)) - lowering.mean(softplus(product))


def info_nce(scores: Array, own: Array | None = None) -> Array:
    """log N + T_ii - log sum_j exp T_ij, per row [B] of scores [B, N]: at most log N.

    van den Oord et al., 2018. T_ij is the score of x_i with y_j; the sum is over the y, so that any function
    of x beside T cancels, and one of y does not. `own`: the column of each row's own pair, which is
    `lowering.own_rows` if the columns are gathered from all devices and the rows are not; by default the
    row's number.

    >>> info_nce(jnp.zeros((3, 3))).tolist()
    [0.0, 0.0, 0.0]
    """
    rows, columns = scores.shape
    if own is None:
        if rows != columns:
            raise Refused(f"info_nce of {rows} rows and {columns} columns needs own=, each row's column")
        own = jnp.arange(rows)
    return jnp.log(columns) + scores[jnp.arange(rows), own] - logsumexp(scores, axis=1)


def deep_infomax(
    global_joint: Array,
    global_product: Array,
    local_joint: Array,
    local_product: Array,
    *,
    alpha: float = 0.5,
    beta: float = 1.0,
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Array:
    """alpha JS(global) + beta JS(local), which an encoder E and both critics maximise (Hjelm et al., 2019)

    with `jensen_shannon` of scores [N] of a whole example x with a code E(x), and of scores [N, places] of
    each place of its feature map with the code, averaged over places.

    >>> one, places = jnp.zeros(4), jnp.zeros((4, 9))
    >>> round(abs(float(deep_infomax(one, one, places, places))), 4)
    0.0
    """
    whole = jensen_shannon(global_joint, global_product, lowering)
    return alpha * whole + beta * jensen_shannon(local_joint, local_product, lowering)


def _log_mean_exp(x: Array, lowering: Lowering) -> Array:
    return lowering.logsumexp(x) - lowering.logsumexp(jnp.zeros_like(x))
