"""Realness as a distribution over outcomes instead of one logit (Xiangli et al., 2020)."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlogy

from jaxgan.errors import Refused
from jaxgan.parts.objectives.objective import Objective, of_terms
from jaxgan.parts.terms import stateless
from jaxgan.parts.terms.between import features
from jaxgan.parts.types import Array, View


class Anchors(NamedTuple):
    """The distributions over outcomes, [M] each, that D gives to real and to fake inputs."""

    real: Array | np.ndarray
    fake: Array | np.ndarray


def realness_anchors(outcomes: int = 51, seed: int = 0) -> Anchors:
    """Histograms on [-1, 1] of 1,000 draws of U(0, 2) for real, and of N(-1, 0.1) for fake, clipped to it.

    They are part of the loss, so that they are drawn from a seed of their own.

    >>> [round(float(p), 1) for p in realness_anchors(3).real]
    [0.0, 0.2, 0.8]
    """
    random = np.random.RandomState(seed)

    def histogram(draws: np.ndarray) -> np.ndarray:
        counts, _ = np.histogram(np.clip(draws, -1, 1), outcomes, (-1, 1))
        return (counts / len(draws)).astype(np.float32)

    fake = histogram(random.normal(-1, 0.1, 1000))
    return Anchors(histogram(random.uniform(0, 2, 1000)), fake)


def realness(
    anchors: Anchors,
    *,
    towards: Literal["real", "anchor"] = "real",
    attract: float = 1.0,
    repel: float = 1.0,
    head: str = "realness",
) -> Objective:
    """D: KL(A_real | p(r)) + KL(A_fake | p(f)), G: attract KL(t | p(f)) - repel KL(A_fake | p(f))

    with p the softmax of D's head `head` over M outcomes, and t the p(r) of a real input, or with `towards`
    "anchor" A_real. `attract=0` is the first, saturating loss of the paper. With the two outcomes fake and
    real as anchors, D is that of `non_saturating`, and so is G with `towards="anchor", repel=0`. D's logit
    plays no part. `anchors` are two distributions, such as `jg.objectives.realness_anchors(51)`.

    >>> realness(Anchors(jnp.array([0.0, 1.0]), jnp.array([1.0, 0.0]))).d_terms[0].name
    'realness'
    """
    if np.shape(anchors.real) != np.shape(anchors.fake) or np.ndim(anchors.real) != 1:
        raise Refused(
            f"realness needs anchors of as many outcomes, not {np.shape(anchors.real)} and "
            f"{np.shape(anchors.fake)}"
        )
    if towards not in ("real", "anchor"):
        raise Refused(f'realness goes towards "real" or "anchor", not {towards!r}')
    of_real, of_fake = map(jnp.asarray, anchors)

    def log_p(view: View) -> tuple[Array, Array]:
        logits = [features(heads, head, "realness") for heads in (view.real_heads, view.fake_heads)]
        if logits[0].shape[1:] != of_real.shape:
            raise Refused(
                f"D's head {head} has {logits[0].shape[1]} outcomes and the anchors {of_real.shape[0]}: "
                "they must agree"
            )
        real, fake = map(jax.nn.log_softmax, logits)
        return real, fake

    def d_loss(view: View) -> Array:
        real, fake = log_p(view)
        return _divergence(of_real, real) + _divergence(of_fake, fake)

    def g_loss(view: View) -> Array:
        real, fake = log_p(view)
        target = jnp.exp(real) if towards == "real" else of_real
        return attract * _divergence(target, fake) - repel * _divergence(of_fake, fake)

    return of_terms(stateless("realness", d_loss), stateless("realness", g_loss))


def _divergence(p: Array, log_q: Array) -> Array:
    """KL(p | q) [B] over the last axis."""
    return (xlogy(p, p) - p * log_q).sum(axis=-1)
