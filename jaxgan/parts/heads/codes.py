"""Heads that predict the codes in the latent, which so get a meaning in G's examples."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.classes import one_per_input
from jaxgan.parts.gaussian import negative_log_likelihood
from jaxgan.parts.heads.task import Task
from jaxgan.parts.output import read_head
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at

MOST_LOG_DEVIATION = 3.0
"""The deviations of continuous codes are between exp(-3) and exp(3)."""


def codes(
    discrete: Mapping[str, int] | None = None,
    continuous: Mapping[str, int] | None = None,
    weight: Schedule = 1.0,
    continuous_weight: Schedule = 0.1,
) -> Task:
    """Both: -log Q(c | G(z)) for every code c in z, the information that examples keep about it (InfoGAN).

    `discrete`: numbers of classes by the code's name in the latent, one-hot: Q is the softmax of a head.
    `continuous`: numbers of entries: Q is normal, with mean and log of the deviation from a head of twice the
    size. For one code, E log Q + H(c) is at most the mutual information of code and example, and equal to it
    for the best Q (Chen et al., 2016). Q shares D's layers, and each player learns it with its own
    parameters only.

    >>> from jaxgan.parts import latents
    >>> code = {"digit": latents.categorical(10), "style": latents.uniform(2)}
    >>> latent = latents.parts(noise=latents.normal(62), **code)
    >>> codes({"digit": 10}, {"style": 2}).heads
    (('code_digit', 10), ('code_style', 4))
    """
    discrete, continuous = discrete or {}, continuous or {}
    if not {**discrete, **continuous} or discrete.keys() & continuous.keys():
        raise Refused(f"codes need different names, and one at least: {[*discrete, *continuous]}")

    def discrete_term(name: str) -> Term:
        def loss(view: View) -> Array:
            code, logits = _code(view, name), read_head(view.fake_heads, f"code_{name}", f"the code {name}")
            return at(weight, view.step) * (jax.nn.logsumexp(logits, axis=1) - (code * logits).sum(axis=1))

        return stateless(f"code_{name}", loss)

    def continuous_term(name: str) -> Term:
        def loss(view: View) -> Array:
            outputs = read_head(view.fake_heads, f"code_{name}", f"the code {name}")
            return at(continuous_weight, view.step) * normal_nll(_code(view, name), outputs)

        return stateless(f"code_{name}", loss)

    terms = (*map(discrete_term, discrete), *map(continuous_term, continuous))
    sizes = {**discrete, **{name: 2 * size for name, size in continuous.items()}}
    return Task(tuple((f"code_{name}", size) for name, size in sizes.items()), terms, terms)


def normal_nll(code: Array, outputs: Array) -> Array:
    """-log N(code; m, s) [B], summed over the code's entries, of outputs [m, t] with log s = 3 tanh(t / 3).

    >>> round(float(normal_nll(jnp.zeros((1, 1)), jnp.zeros((1, 2)))[0]), 4)  # log(2 pi) / 2
    0.9189
    """
    mean, raw = jnp.split(outputs, 2, axis=1)
    log_deviation = MOST_LOG_DEVIATION * jnp.tanh(raw / MOST_LOG_DEVIATION)
    return negative_log_likelihood(code, mean, jnp.exp(log_deviation))


def _code(view: View, name: str) -> Array:
    if not isinstance(view.z, Mapping) or name not in view.z:
        raise Refused(
            f"the latent has no part called {name}: make it of parts, as in "
            f"latents.parts({name}=latents.categorical(10), noise=latents.normal(62))"
        )
    one_per_input(view, f"the code {name}")
    return view.z[name].reshape(view.keys.shape[0], -1)
