"""G's loss when its side makes both the real and the fake inputs of D."""

from jaxgan.parts.objectives.objective import Objective


def swapped(objective: Objective) -> Objective:
    """G minimises D's loss with real and fake exchanged: both halves, where most G losses have the fake one.

    For pairs (x, E(x)) against (G(z), z): E moves the real half alone, and learns nothing from a loss of the
    fake half (Donahue et al., 2017; Dumoulin et al., 2017). Of `non_saturating` it is softplus(r) +
    softplus(-f).

    >>> import jax.numpy as jnp
    >>> from jaxgan.parts.objectives.classical import hinge
    >>> float(swapped(hinge()).g_loss(jnp.array([3.0]), jnp.array([0.5]))[0])  # relu(1 - f) + relu(1 + r)
    4.5
    """
    over = objective.over
    return objective._replace(
        g_loss=lambda real, fake: objective.d_loss(fake, real),
        over=over and (lambda lowering: swapped(over(lowering))),
    )
