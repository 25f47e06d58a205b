"""Terms that are evaluated at some steps only."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.terms.term import Term, apply_term
from jaxgan.parts.types import Array, PyTree, View


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

    >>> from jaxgan.parts.terms import r1
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
