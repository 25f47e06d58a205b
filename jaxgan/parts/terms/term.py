"""What a penalty or auxiliary loss is."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.errors import Refused
from jaxgan.parts.output import per_example
from jaxgan.parts.types import Array, PyTree, View


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
