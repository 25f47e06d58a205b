"""The log of a density ratio, estimated by a logistic D."""

from jax.nn import softplus

from jaxgan.parts.objectives.objective import Objective, separable


def log_ratio() -> Objective:
    """D: softplus(-r) + softplus(f), whose best logit is log p/q; G: -f, an estimate of KL(q | p).

    log (1 - D) - log D of a fake is -f exactly (Rosca et al., 2017; Srivastava et al., 2017, for VEEGAN).

    >>> import jax.numpy as jnp
    >>> float(log_ratio().g_loss(jnp.zeros(1), jnp.array([3.0]))[0])
    -3.0
    """
    return separable(lambda r: softplus(-r), softplus, lambda r, f: -f)
