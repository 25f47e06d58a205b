"""Penalties and auxiliary losses that either player may carry beside the objective."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.output import per_example
from jaxgan.parts.types import Array, Augment, PyTree, Schedule, View, at, augmented


class Term(NamedTuple):
    """A loss per input of D, with a memory of its own where it needs one.

    `init`: () -> state. `apply`: (view, state) -> (loss [B], new state). A term without memory carries ().
    A loss per patch, shaped like the logits, is averaged as they are. Means over the batch are taken by
    `view.mean`. A memory moves with every micro-batch of every step. `gradients`: whether it asks for
    `view.real_gradient` or `view.fake_gradient`, which then share D's calls on both. `whole`: whether an
    input's loss depends on statistics of its batch, so that those of micro-batches would not add up to it.
    """

    name: str
    init: Callable[[], PyTree]
    apply: Callable[[View, PyTree], tuple[Array, PyTree]]
    gradients: bool = False
    whole: bool = False


def stateless(name: str, loss: Callable[[View], Array], gradients: bool = False, whole: bool = False) -> Term:
    """A term from a plain function (view) -> [B].

    >>> drift = stateless("drift", lambda view: 1e-3 * view.real_out**2)  # Karras et al., 2018
    """
    return Term(name, lambda: (), lambda view, state: (loss(view), state), gradients, whole)


def r1(gamma: Schedule = 1.0, *, plain: bool = False) -> Term:
    """gamma/2 |grad_x D(x)|^2 on real inputs (Mescheder et al., 2018), D the mean logit of an input.

    The gradient is that in what D was shown; `plain`: in the examples before augmentation, noise and packing,
    through all of these, as R3GAN has it (Huang et al., 2024).

    >>> r1(lambda step: 10.0 * 0.99**step).name  # a weight may be a schedule
    'r1'
    """
    return _flat("r1", gamma, lambda v: v.real_gradient(plain))


def r2(gamma: Schedule = 1.0, *, plain: bool = False) -> Term:
    """gamma/2 |grad_x D(x)|^2 on fake inputs (Mescheder et al., 2018); `plain` as in `r1`.

    >>> both = [r1(0.1), r2(0.1)]  # as in Huang et al., 2024
    """
    return _flat("r2", gamma, lambda v: v.fake_gradient(plain))


def _flat(name: str, gamma: Schedule, gradient: Callable[[View], Array]) -> Term:
    def loss(v: View) -> Array:
        squared = _squared_norm(gradient(v))
        per_input = squared.reshape(v.keys.shape[0], -1).sum(axis=1)  # of a pack the sum
        return at(gamma, v.step) / 2 * per_input

    return stateless(name, loss, gradients=True)


def wgan_gp(weight: Schedule = 10.0, *, one_sided: bool = False) -> Term:
    """weight (|grad_x D(x)| - 1)^2 at random points between real and fake (Gulrajani et al., 2017).

    One-sided: only slopes above 1 are penalised (Petzka et al., 2018).

    >>> lipschitz = wgan_gp(10.0, one_sided=True)
    """

    def loss(v: View) -> Array:
        mix = _per_input(jax.vmap(jax.random.uniform)(v.keys), v.real)
        slope = _norm(_input_gradient(v.d, mix * v.real + (1 - mix) * v.fake))
        return at(weight, v.step) * jnp.square(jax.nn.relu(slope - 1) if one_sided else slope - 1)

    return stateless("gp", loss)


def dragan(weight: Schedule = 10.0, spread: float = 0.5) -> Term:
    """weight (|grad_x D(x)| - 1)^2 around the data: x + a * spread * std(x) * u, with a, u ~ U(0, 1).

    Kodali et al., 2017; the standard deviation is that of the whole batch, all devices included, so that it
    is refused where the batch comes in micro-batches.

    >>> dragan().name
    'dragan'
    """

    def loss(v: View) -> Array:
        std = jnp.sqrt(v.mean(jnp.square(v.real - v.mean(v.real))))
        u = jax.vmap(lambda k: jax.random.uniform(jax.random.fold_in(k, 0), v.real.shape[1:]))(v.keys)
        a = _per_input(jax.vmap(lambda k: jax.random.uniform(jax.random.fold_in(k, 1)))(v.keys), v.real)
        slope = _norm(_input_gradient(v.d, v.real + a * spread * std * u))
        return at(weight, v.step) * jnp.square(slope - 1)

    return stateless("dragan", loss, whole=True)


def consistency(augment: Augment, weight: Schedule = 10.0) -> Term:
    """weight (D(T(x)) - D(x))^2 on real inputs, T an augmentation (Zhang et al., 2020).

    D is asked of both with the same dropout and vectors of spectral norm, so that T alone makes a difference.
    Of a pack every example is augmented by itself.

    >>> from jaxgan.parts.augmentations import translation
    >>> consistency(translation()).name
    'cr'
    """
    return stateless("cr", lambda v: at(weight, v.step) * _moved_by(augment, v, v.real))


def consistency_of_fakes(augment: Augment, weight: Schedule = 10.0) -> Term:
    """weight (D(T(x)) - D(x))^2 on fake inputs; of both kinds it is balanced (bCR, Zhao et al., 2021).

    >>> from jaxgan.parts.augmentations import translation
    >>> balanced = [consistency(translation()), consistency_of_fakes(translation())]
    """
    return stateless("cr_fake", lambda v: at(weight, v.step) * _moved_by(augment, v, v.fake))


class _Lazy(NamedTuple):
    state: PyTree  # of the term itself
    last: Array  # its mean when it was last due


def lazily(term: Term, every: int) -> Term:
    """The term at every n-th step, n times as strong (Karras et al., 2020): the same pull for less work.

    Only its gradient is n-fold, and 0 between. Its value is the term's own, and between that of the last one
    that was due (of micro-batches the last), so that a log shows it whichever steps are written down.

    On CPU the gradient of a convolution runs 2 to 3 times slower inside the condition, so small n do not pay.
    Instruments look at one step, and so see the term n-fold or not at all. Rules that look ahead do so with
    the n-fold term: with a = n times rate times curvature extragradient pulls by 1 - a + a^2, optimism by 2 a
    and then back by a, so that n has to be smaller there.

    >>> often_enough = lazily(r1(10.0), every=16)
    """

    if not isinstance(term, Term):
        raise Refused(f"{term!r} is no Term: give one such as jg.terms.r1(10.0)")
    if every < 1:
        raise Refused(f"a term is lazy by 1 or more steps, not {every}")

    def apply(view: View, memory: _Lazy) -> tuple[Array, _Lazy]:
        def due(memory: _Lazy) -> tuple[Array, _Lazy]:
            loss, state = applied(term, view, memory.state)
            value = jax.lax.stop_gradient(loss)
            return value + every * (loss - value), _Lazy(state, view.mean(value).astype(jnp.float32))

        def idle(memory: _Lazy) -> tuple[Array, _Lazy]:
            kind = jax.eval_shape(due, memory)[0]
            per_input = kind.shape[0] == view.real.shape[0]  # or per example, of which a pack has several
            like = (view.real if per_input else view.real_plain).reshape(kind.shape[0], -1)[:, 0]
            return jnp.full_like(like, memory.last, kind.dtype), memory

        return jax.lax.cond(view.step % every == 0, due, idle, memory)

    return Term(term.name, lambda: _Lazy(term.init(), jnp.float32(0)), apply, term.gradients, term.whole)


def per_input(whose: str, loss: PyTree, view: View) -> Array:
    """The loss as a number per input of D or per example; refused unless it is that, or one to each logit."""
    inputs, examples = view.keys.shape, view.real_plain.shape[:1]
    given = [x.shape for x in jax.tree.leaves(loss)]
    if given in ([inputs], [examples], [x.shape for x in jax.tree.leaves(view.real_out)]):
        return per_example(loss)
    raise Refused(f"{whose} must give one number per input, shape {inputs}; it gives {jnp.shape(loss)}")


def applied(term: Term, view: View, state: PyTree) -> tuple[Array, PyTree]:
    """What a term gives, refused unless it is a loss per input and a state like the one before."""
    given = term.apply(view, state)
    if not isinstance(given, tuple) or len(given) != 2:
        raise Refused(f"the term {term.name} must return (loss, state); for a loss alone use `stateless`")
    loss, new = given
    if (after := _kind(new)) != (before := _kind(state)):
        raise Refused(f"the state of the term {term.name} must stay {before}, as init makes it, not {after}")
    return per_input(f"the term {term.name}", loss, view), new


def _kind(tree: PyTree) -> str:
    kinds = jax.tree.map(jax.typeof, tree)
    return str(jax.tree.map(lambda kind: f"{kind.dtype}{list(kind.shape)}", kinds)).replace("'", "")


def _moved_by(augment: Augment, v: View, x: Array) -> Array:
    return per_example(jax.tree.map(_squared_distance, v.d(_each_augmented(augment, v, x)), v.d(x)))


def _squared_distance(a: Array, b: Array) -> Array:
    return jnp.square(a - b)


def _each_augmented(augment: Augment, v: View, x: Array) -> Array:
    """D's inputs with every example augmented, of which a pack [..., C m] has m side by side as channels."""
    m = v.real_plain.shape[0] // x.shape[0]
    apart = jnp.moveaxis(x.reshape(*x.shape[:-1], m, -1), -2, 1)
    keys = jax.vmap(lambda key: jax.random.split(key, m))(v.keys)
    new = augmented(augment, keys.reshape(-1), apart.reshape(-1, *apart.shape[2:])).reshape(apart.shape)
    return jnp.moveaxis(new, 1, -2).reshape(x.shape)


def _input_gradient(d: Callable[[Array], PyTree], x: Array) -> Array:
    return jax.grad(lambda x: per_example(d(x)).sum())(x)


def _squared_norm(x: Array) -> Array:
    return jnp.square(x).sum(axis=tuple(range(1, x.ndim)))


def _norm(x: Array) -> Array:
    """The norm [B], with gradient 0 where it is 0 (the square root alone would give NaN)."""
    squared = _squared_norm(x)
    return jnp.where(squared > 0, jnp.sqrt(jnp.where(squared > 0, squared, 1.0)), 0.0)


def _per_input(x: Array, like: Array) -> Array:
    return x.reshape(x.shape + (1,) * (like.ndim - 1))
