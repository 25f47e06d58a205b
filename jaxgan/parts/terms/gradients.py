"""Penalties on the gradient of D in its inputs."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.parts.terms.slopes import between, input_gradient, norm, squared_norm
from jaxgan.parts.terms.term import Term, stateless
from jaxgan.parts.types import Array, Schedule, View, at, per_row


def r1(gamma: Schedule = 1.0, *, plain: bool = False) -> Term:
    """gamma/2 |grad_x D(x)|^2 on real inputs (Mescheder et al., 2018), D the mean logit of an input.

    The gradient is with respect to D's inputs; with `plain`, to the examples before augmentation, noise and
    packing, through all of these, as in R3GAN (Huang et al., 2024).

    >>> r1(lambda step: 10.0 * 0.99**step).name  # a weight may be a schedule
    'r1'
    """
    return _gradient_penalty("r1", gamma, lambda v: v.real_gradient(plain))


def r2(gamma: Schedule = 1.0, *, plain: bool = False) -> Term:
    """gamma/2 |grad_x D(x)|^2 on fake inputs (Mescheder et al., 2018); `plain` as in `r1`.

    >>> both = [r1(0.1), r2(0.1)]  # as in Huang et al., 2024
    """
    return _gradient_penalty("r2", gamma, lambda v: v.fake_gradient(plain))


def _gradient_penalty(name: str, gamma: Schedule, gradient: Callable[[View], Array]) -> Term:
    def loss(v: View) -> Array:
        per_input = squared_norm(gradient(v)).reshape(v.keys.shape[0], -1).sum(axis=1)  # summed over packs
        return at(gamma, v.step) / 2 * per_input

    return stateless(name, loss, gradients=True)


def wgan_gp(weight: Schedule = 10.0, *, one_sided: bool = False) -> Term:
    """weight (|grad_x D(x)| - 1)^2 at random points between real and fake (Gulrajani et al., 2017).

    With `one_sided`, only slopes above 1 are penalised (Petzka et al., 2018).

    >>> lipschitz = wgan_gp(10.0, one_sided=True)
    """

    def loss(v: View) -> Array:
        slope = norm(input_gradient(v.d, between(v)))
        return at(weight, v.step) * jnp.square(jax.nn.relu(slope - 1) if one_sided else slope - 1)

    return stateless("gp", loss)


def dragan(weight: Schedule = 10.0, spread: float = 0.5) -> Term:
    """weight (|grad_x D(x)| - 1)^2 around the data: x + a * spread * std(x) * u, with a, u ~ U(0, 1).

    Kodali et al., 2017. The standard deviation is over the whole batch, all devices included, so
    micro-batches are refused.

    >>> dragan().name
    'dragan'
    """

    def loss(v: View) -> Array:
        std = jnp.sqrt(v.mean(jnp.square(v.real - v.mean(v.real))))
        u = jax.vmap(lambda k: jax.random.uniform(jax.random.fold_in(k, 0), v.real.shape[1:]))(v.keys)
        a = per_row(jax.vmap(lambda k: jax.random.uniform(jax.random.fold_in(k, 1)))(v.keys), v.real)
        slope = norm(input_gradient(v.d, v.real + a * spread * std * u))
        return at(weight, v.step) * jnp.square(slope - 1)

    return stateless("dragan", loss, whole=True)


def dragan_normal(weight: Schedule = 10.0, deviation: float = 0.5) -> Term:
    """weight (|grad_x D(x + deviation n)| - 1)^2, n ~ N(0, I): the equation of Kodali et al., 2017.

    `dragan` is the variant of the authors' code: one-sided noise, relative to the spread of the data.

    >>> dragan_normal().name
    'dragan'
    """

    def loss(v: View) -> Array:
        noise = jax.vmap(lambda key: jax.random.normal(key, v.real.shape[1:], v.real.dtype))(v.keys)
        slope = norm(input_gradient(v.d, v.real + deviation * noise))
        return at(weight, v.step) * jnp.square(slope - 1)

    return stateless("dragan", loss)
