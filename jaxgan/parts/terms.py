"""Penalties and auxiliary losses that are added to either player's objective."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.output import per_example
from jaxgan.parts.types import Array, Augment, PyTree, Schedule, View, at, augment_each, per_row


class Term(NamedTuple):
    """A loss per input of D, with a state if it needs one.

    `init`: () -> state. `apply`: (view, state) -> (loss [B], new state). The state of a stateless term is ().
    A loss per patch, shaped like the logits, is averaged as they are. Means over the batch are taken by
    `view.mean`. The state is updated in every micro-batch of every step. `gradients`: whether it uses
    `view.real_gradient` or `view.fake_gradient`, which then share D's calls on both. `whole`: whether an
    input's loss depends on statistics of its batch, so that the losses of micro-batches do not add up to it.
    """

    name: str
    init: Callable[[], PyTree]
    apply: Callable[[View, PyTree], tuple[Array, PyTree]]
    gradients: bool = False
    whole: bool = False


def stateless(name: str, loss: Callable[[View], Array], gradients: bool = False, whole: bool = False) -> Term:
    """Makes a term from a plain function (view) -> [B].

    >>> drift = stateless("drift", lambda view: 1e-3 * view.real_out**2)  # Karras et al., 2018
    """
    return Term(name, lambda: (), lambda view, state: (loss(view), state), gradients, whole)


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
        per_input = _squared_norm(gradient(v)).reshape(v.keys.shape[0], -1).sum(axis=1)  # summed over packs
        return at(gamma, v.step) / 2 * per_input

    return stateless(name, loss, gradients=True)


def wgan_gp(weight: Schedule = 10.0, *, one_sided: bool = False) -> Term:
    """weight (|grad_x D(x)| - 1)^2 at random points between real and fake (Gulrajani et al., 2017).

    With `one_sided`, only slopes above 1 are penalised (Petzka et al., 2018).

    >>> lipschitz = wgan_gp(10.0, one_sided=True)
    """

    def loss(v: View) -> Array:
        mix = per_row(jax.vmap(jax.random.uniform)(v.keys), v.real)
        slope = _norm(_input_gradient(v.d, mix * v.real + (1 - mix) * v.fake))
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
        slope = _norm(_input_gradient(v.d, v.real + a * spread * std * u))
        return at(weight, v.step) * jnp.square(slope - 1)

    return stateless("dragan", loss, whole=True)


def consistency(augment: Augment, weight: Schedule = 10.0) -> Term:
    """weight (D(T(x)) - D(x))^2 on real inputs, T an augmentation (Zhang et al., 2020).

    Both calls of D have the same dropout and spectral-norm vectors, so that only T makes a difference. The
    examples of a pack are augmented separately.

    >>> from jaxgan.parts.augmentations import translation
    >>> consistency(translation()).name
    'cr'
    """
    return stateless("cr", lambda v: at(weight, v.step) * _inconsistency(augment, v, v.real))


def consistency_of_fakes(augment: Augment, weight: Schedule = 10.0) -> Term:
    """weight (D(T(x)) - D(x))^2 on fake inputs; together with `consistency` it is bCR (Zhao et al., 2021).

    >>> from jaxgan.parts.augmentations import translation
    >>> balanced = [consistency(translation()), consistency_of_fakes(translation())]
    """
    return stateless("cr_fake", lambda v: at(weight, v.step) * _inconsistency(augment, v, v.fake))


class _Lazy(NamedTuple):
    state: PyTree  # of the term itself
    last: Array  # its mean when it was last evaluated


def lazily(term: Term, every: int) -> Term:
    """Evaluates the term every n steps, with n times its gradient (lazy regularisation; Karras et al., 2020).

    Between those steps its gradient is 0. Its value is not scaled, and between those steps is the last one
    evaluated (the last micro-batch's), so that a log shows it at whichever steps are logged.

    On CPU the gradient of a convolution runs 2 to 3 times slower inside the condition, so small n do not pay.
    Instruments evaluate one step, and so see the term n-fold or not at all. Rules that look ahead do so with
    the n-fold term: with a = n times rate times curvature, extragradient scales by 1 - a + a^2, and optimism
    steps by 2 a and then back by a, so n has to be smaller there.

    >>> lazy = lazily(r1(10.0), every=16)
    """
    if not isinstance(term, Term):
        raise Refused(f"{term!r} is no Term: give one such as jg.terms.r1(10.0)")
    if every < 1:
        raise Refused(f"lazily needs every=1 or more steps, not {every}")

    def apply(view: View, memory: _Lazy) -> tuple[Array, _Lazy]:
        def due(memory: _Lazy) -> tuple[Array, _Lazy]:
            loss, state = apply_term(term, view, memory.state)
            value = jax.lax.stop_gradient(loss)
            return value + every * (loss - value), _Lazy(state, view.mean(value).astype(jnp.float32))

        def idle(memory: _Lazy) -> tuple[Array, _Lazy]:
            loss = jax.eval_shape(due, memory)[0]
            per_input = loss.shape[0] == view.real.shape[0]  # else per example, of which a pack has several
            like = (view.real if per_input else view.real_plain).reshape(loss.shape[0], -1)[:, 0]
            return jnp.full_like(like, memory.last, loss.dtype), memory

        return jax.lax.cond(view.step % every == 0, due, idle, memory)

    return Term(term.name, lambda: _Lazy(term.init(), jnp.float32(0)), apply, term.gradients, term.whole)


def per_input(whose: str, loss: PyTree, view: View) -> Array:
    """Returns the loss per input of D or per example; raises `Refused` if its shape is neither, nor D's."""
    inputs, examples = view.keys.shape, view.real_plain.shape[:1]
    shapes = [x.shape for x in jax.tree.leaves(loss)]
    if shapes in ([inputs], [examples], [x.shape for x in jax.tree.leaves(view.real_out)]):
        return per_example(loss)
    raise Refused(f"{whose} must give one number per input, shape {inputs}; it gives {jnp.shape(loss)}")


def apply_term(term: Term, view: View, state: PyTree) -> tuple[Array, PyTree]:
    """Applies a term; raises `Refused` unless it returns a loss per input and a state of unchanged shapes."""
    returned = term.apply(view, state)
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise Refused(f"the term {term.name} must return (loss, state); for a loss alone use `stateless`")
    loss, new = returned
    if (after := _shapes(new)) != (before := _shapes(state)):
        raise Refused(f"the state of the term {term.name} must stay {before}, as init makes it, not {after}")
    return per_input(f"the term {term.name}", loss, view), new


def _shapes(tree: PyTree) -> str:
    types = jax.tree.map(jax.typeof, tree)
    return str(jax.tree.map(lambda x: f"{x.dtype}{list(x.shape)}", types)).replace("'", "")


def _inconsistency(augment: Augment, v: View, x: Array) -> Array:
    out, out_plain = v.d(_augment_inputs(augment, v, x)), v.d(x)
    return per_example(jax.tree.map(lambda a, b: jnp.square(a - b), out, out_plain))


def _augment_inputs(augment: Augment, v: View, x: Array) -> Array:
    """Augments each of the m examples in D's inputs [..., C m]."""
    m = v.real_plain.shape[0] // x.shape[0]
    unpacked = jnp.moveaxis(x.reshape(*x.shape[:-1], m, -1), -2, 1)
    keys = jax.vmap(lambda key: jax.random.split(key, m))(v.keys)
    new = augment_each(augment, keys.reshape(-1), unpacked.reshape(-1, *unpacked.shape[2:]))
    return jnp.moveaxis(new.reshape(unpacked.shape), 1, -2).reshape(x.shape)


def _input_gradient(d: Callable[[Array], PyTree], x: Array) -> Array:
    return jax.grad(lambda x: per_example(d(x)).sum())(x)


def _squared_norm(x: Array) -> Array:
    return jnp.square(x).sum(axis=tuple(range(1, x.ndim)))


def _norm(x: Array) -> Array:
    """The norm [B], with gradient 0 where it is 0 (the square root alone would give NaN)."""
    squared = _squared_norm(x)
    return jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1.0)), 0.0)
