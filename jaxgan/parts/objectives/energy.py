"""Losses of an energy that D gives each example, low for real ones: its logit is minus the energy.

The usual energy is the error of an autoencoder, as of `models.autoencoder`. In the formulas r and f are real
and fake logits, so that the energies are -r and -f.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.nn import relu

from jaxgan.parts.objectives.objective import Objective, separable
from jaxgan.parts.output import per_example
from jaxgan.parts.terms.term import Term
from jaxgan.parts.types import Array, View, check_range


def ebgan(margin: float = 1.0) -> Objective:
    """D: -r + relu(margin + f), G: -f: D lifts the energy of each fake up to the margin (Zhao et al., 2017).

    The margin has the unit of the energy, such as the mean squared error of a pixel: one that real examples
    are far below, and fakes can be lifted above. G may get `terms.pulling_away` as well.

    >>> ebgan(margin=10.0).d_loss(jnp.array([-2.0]), jnp.array([-7.0])).tolist()  # energies 2 and 7
    [5.0]
    """
    check_range("the margin of ebgan", margin, above=True)
    return separable(lambda r: -r, lambda f: relu(margin + f), lambda r, f: -f)


def began(gamma: float = 0.5, rate: float = 1e-3) -> Objective:
    """D: -r + k f, G: -f, with k moved so that E f = gamma E r: the energies keep a ratio.

    Berthelot et al., 2017: k starts at 0, and after each step of D it is clip(k + rate (E f - gamma E r), 0,
    1). The smaller gamma, the more D autoencodes at the cost of telling fakes, which makes samples less
    diverse. The means are over the batch of D's step, all devices included, so micro-batches are refused.
    k f is the term "balance". The paper's measure of convergence is |E f - gamma E r| - E r.

    >>> objective = began(gamma=0.7)
    >>> [term.name for term in objective.d_terms]
    ['balance']
    """
    check_range("gamma of began", gamma)
    check_range("the rate of began", rate)

    def balance(view: View, k: Array) -> tuple[Any, Array]:
        real, fake = (-view.mean(per_example(out)) for out in (view.real_out, view.fake_out))
        moved = k + rate * jax.lax.stop_gradient(gamma * real - fake)
        loss = jax.tree.map(lambda f: k.astype(f.dtype) * f, view.fake_out)
        return loss, jnp.clip(moved, 0, 1).astype(k.dtype)

    term = Term("balance", lambda: jnp.float32(0), balance, whole=True)
    return Objective(lambda r, f: -r, lambda r, f: -f, d_terms=(term,))
