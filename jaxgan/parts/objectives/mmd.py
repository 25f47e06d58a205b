"""Maximum mean discrepancies of D's features: G matches distributions of features, D makes them differ."""

import jax.numpy as jnp

from jaxgan.parts.objectives.kernels import Kernel
from jaxgan.parts.objectives.objective import Objective, of_terms
from jaxgan.parts.terms import stateless
from jaxgan.parts.terms.between import features, need
from jaxgan.parts.types import Array, View


def mmd(kernel: Kernel, *, head: str = "features") -> Objective:
    """G: MMD^2 between real and fake features, D: -MMD^2, the attractive loss (Li et al., 2017).

    MMD^2 = E k(x, x') - 2 E k(x, y) + E k(y, y') over features x of real and y of fake inputs of all
    devices, x' and y' being of other inputs than x and y: unbiased, so 0 on average where the distributions
    are equal, and then often negative. Features are D's head `head`; of "features" the last layer. D has to
    be kept smooth: by `jg.terms.witness_gp` (Binkowski et al., 2018) or `clip_weights`. Its logit plays no
    part. `kernel` is one of `jg.objectives.kernels`, or any function of two arrays of rows.

    >>> from jaxgan.parts.objectives import kernels
    >>> mmd(kernels.rational_quadratic()).d_terms[0].name
    'mmd'
    """

    def d_loss(view: View) -> Array:
        real, fake, across = similarities(kernel, view, head)
        return 2 * across - real - fake

    return of_terms(
        stateless("mmd", d_loss, whole=True),
        stateless("mmd", lambda view: discrepancy(kernel, view, head), whole=True),
    )


def repulsive_mmd(
    kernel: Kernel, *, of_real: Kernel | None = None, of_fake: Kernel | None = None, head: str = "features"
) -> Objective:
    """G: MMD^2 as in `mmd`, D: E k(x, x') - E k(y, y') of features x of real and y of fake inputs.

    D moves features of real inputs apart and those of fake ones together, whatever their distance from each
    other: the repulsive loss (Wang et al., 2019), with spectral norm and a kernel of width 1. `of_real` and
    `of_fake` are D's kernels of either sort if they are others, such as the paper's, with which D stops where
    real ones are far enough from each other and fake ones close enough.

    >>> from jaxgan.parts.objectives.kernels import bounded_rbf, rbf
    >>> objective = repulsive_mmd(rbf([1.0]), of_real=bounded_rbf(most=4.0), of_fake=bounded_rbf(least=0.25))
    """

    def d_loss(view: View) -> Array:
        real, _, _ = similarities(of_real or kernel, view, head)
        _, fake, _ = similarities(of_fake or kernel, view, head)
        return real - fake

    return of_terms(
        stateless("mmd", d_loss, whole=True),
        stateless("mmd", lambda view: discrepancy(kernel, view, head), whole=True),
    )


def discrepancy(kernel: Kernel, view: View, head: str) -> Array:
    """Returns rows [B] whose mean over all devices is the unbiased MMD^2."""
    real, fake, across = similarities(kernel, view, head)
    return real + fake - 2 * across


def similarities(kernel: Kernel, view: View, head: str) -> tuple[Array, Array, Array]:
    """Returns mean similarities [B] of each input with others: of real, of fake, of real with fake."""
    need(view, 2, "MMD")
    real, fake = (features(heads, head, "MMD") for heads in (view.real_heads, view.fake_heads))
    every_real, every_fake = view.lowering.gather(real), view.lowering.gather(fake)
    count = every_real.shape[0]
    other = view.lowering.own_rows(real.shape[0])[:, None] != jnp.arange(count)

    def within(own: Array, every: Array) -> Array:
        return jnp.where(other, kernel(own, every), 0).sum(axis=1) / (count - 1)

    return within(real, every_real), within(fake, every_fake), kernel(real, every_fake).mean(axis=1)
