"""The variational estimate of an f-divergence, as a game."""

from jaxgan.parts.objectives.divergences import Divergence
from jaxgan.parts.objectives.objective import Objective, separable


def f_gan(divergence: Divergence, *, saturating: bool = False) -> Objective:
    """D: f*(g(f)) - g(r), G: -g(f): D estimates an f-divergence of data from samples, which G makes small.

    Nowozin et al., 2016; r and f are real and fake logits, and `divergence` is one of
    `objectives.divergences`, which has their formulas. -D's loss is a lower bound of the divergence. With
    `saturating` G minimises that bound, -f*(g(f)); otherwise, as the paper advises, it maximises what D
    maximises on real examples, which has the same fixed point.

    >>> import jax.numpy as jnp
    >>> from jaxgan.parts.objectives import divergences
    >>> loss = f_gan(divergences.pearson)
    >>> float(loss.d_loss(jnp.array([3.0]), jnp.array([2.0]))[0])  # 2^2 / 4 + 2 - 3
    0.0
    """
    g, conjugate = divergence
    return separable(lambda r: -g(r), conjugate, lambda r, f: -conjugate(f) if saturating else -g(f))
