"""Toy games with known equilibria and spectra. All but the Dirac-GAN have no networks, data or randomness.

Their parameters have the default precision: float64 with `jax_enable_x64`.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from jaxgan.games.game import Aux, Context, Game, Loss, Side
from jaxgan.games.gan import gan
from jaxgan.parts.latents import normal
from jaxgan.parts.network import Network
from jaxgan.parts.objectives import Objective
from jaxgan.parts.rng import each
from jaxgan.parts.terms import Term
from jaxgan.parts.types import Array, Batch, Given, Key, Lowering, Params, Schedule

Value = Callable[[Params, Params], Array]


def of_losses(
    g_loss: Value,
    d_loss: Value,
    g: Params,
    d: Params,
    sample: Callable[[Params, Key], Array] | None = None,
) -> Game:
    """The game of two plain functions of both players' parameters, which start at g and d.

    `sample` draws one example from G's parameters and a key; without it an example is G's parameters.

    >>> game = of_losses(lambda g, d: g * d + g**2, lambda g, d: -g * d, 1.0, 2.0)
    >>> g, d, _ = game.init(jax.random.key(0), {})
    >>> float(jax.grad(game.g_loss, has_aux=True)(g.params, d.params, Context({}, {}, (), 0, {}, None, 0))[0])
    4.0
    """

    def loss(value: Value, name: str) -> Loss:
        def evaluate(g: Params, d: Params, context: Context) -> tuple[Array, Aux]:
            loss = value(g, d)
            return loss, Aux(context.g_stats, context.d_stats, context.extra, {name: loss})

        return evaluate

    def init(key: Key, batch: Batch) -> tuple[Side, Side, tuple]:
        return Side(jax.tree.map(_floats, g), {}), Side(jax.tree.map(_floats, d), {}), ()

    def samples(g: Side, key: Key, index: Array, given: Given) -> Array:
        draw = sample or (lambda params, key: params)
        return jax.vmap(lambda key: draw(g.params, key))(each(key, index))

    return Game(init, loss(d_loss, "d/adv"), loss(g_loss, "g/adv"), samples)


def bilinear(start: float = 1.0) -> Game:
    """min over g, max over d of g d, whose gradient flow moves in circles (Mescheder et al., 2017).

    >>> g, d, _ = bilinear().init(jax.random.key(0), {})
    >>> float(g.params), float(d.params)
    (1.0, 1.0)
    """
    return of_losses(lambda g, d: g * d, lambda g, d: -g * d, start, start)


def quadratic(
    coupling: Array,
    g_curvature: Array | float = 0.0,
    d_curvature: Array | float = 0.0,
    answer: Array | None = None,
    start: float = 1.0,
) -> Game:
    """L_g = g^T P g / 2 + g^T A d and L_d = d^T Q d / 2 + d^T B g, with B = `answer`, by default -A^T.

    A [n, m] is the coupling; the curvatures P [n, n] and Q [m, m] are symmetric, or numbers times the
    identity. The field's Jacobian is [[P, A], [B, Q]] everywhere, and the equilibrium 0. With the default B
    [m, n] the game is zero-sum except for the curvatures.

    >>> g, d, _ = quadratic(jnp.ones((2, 3)), d_curvature=0.1).init(jax.random.key(0), {})
    >>> g.params.shape, d.params.shape
    ((2,), (3,))
    """
    n, m = coupling.shape
    back = -coupling.T if answer is None else answer

    def curved(curvature: Array | float, x: Array) -> Array:
        return x @ (jnp.asarray(curvature) * (jnp.eye(x.size) if jnp.ndim(curvature) == 0 else 1) @ x) / 2

    return of_losses(
        lambda g, d: curved(g_curvature, g) + g @ coupling @ d,
        lambda g, d: curved(d_curvature, d) + d @ back @ g,
        jnp.full(n, start, float),
        jnp.full(m, start, float),
    )


def dirac(
    objective: Objective,
    *,
    d_terms: Sequence[Term] = (),
    g_terms: Sequence[Term] = (),
    instance_noise: Schedule = 0.0,
    start: tuple[float, float] = (1.0, 1.0),
    lowering: Lowering = Lowering(),  # noqa: B008 - immutable
) -> Game:
    """The Dirac-GAN: all data at 0, all of G's samples at theta, D(x) = psi x (Mescheder et al., 2018).

    A `gan` of two networks of one parameter each, so that every objective, term and noise applies; the batch
    is zeros [B, 1], and without noise one example is enough. The equilibrium is (0, 0), where the descent
    v = -(grad_g, grad_d) has the Jacobian

        no term      [[0, f'], [-f', 0]]        eigenvalues +- f' i
        R1, R2       [[0, f'], [-f', -gamma]]   -gamma/2 +- sqrt(gamma^2/4 - f'^2)
        noise of s   [[0, f'], [-f', 2 f'' s^2]]   f'' s^2 +- sqrt(f''^2 s^4 - f'^2), the logistic f'' = -1/4

    with f' = 1/2 for the logistic losses, 1 for Wasserstein and for least squares of targets -1 and 1 (G: 1).
    A step of size h is 1 + h v' if both players move at once. If D moves first and G's gradient is taken
    after D's step, it is

        [[1, h f'], [0, 1]] [[1, 0], [-h f', 1 - h gamma]]

    with determinant 1 - h gamma and trace 2 - h gamma - h^2 f'^2. Without gamma it preserves areas, and
    rotates by the angle whose cosine is 1 - h^2 f'^2 / 2 as long as h f' < 2. The slope that `wgan_gp`
    penalises is |psi|, so its field has no derivative at psi = 0, and no spectrum: it ends in a cycle.

    >>> from jaxgan.parts.objectives import wasserstein
    >>> from jaxgan.parts.terms import r1
    >>> game = dirac(wasserstein(), d_terms=[r1(0.5)], start=(0.1, 0.2))
    >>> batch = {"x": jnp.zeros((1, 1)), "index": jnp.arange(1)}
    >>> g, d, _ = game.init(jax.random.key(0), batch)
    >>> [round(float(x), 4) for x in (g.params, d.params)]
    [0.1, 0.2]
    """
    theta, psi = start
    generator = Network(
        lambda key, z: (_floats(theta), {}),
        lambda theta, stats, z, key=None, train=False: (jnp.broadcast_to(theta, (z.shape[0], 1)), stats),
    )
    discriminator = Network(
        lambda key, x: (_floats(psi), {}),
        lambda psi, stats, x, key=None, train=False: (psi * x[:, 0], stats),
    )
    return gan(
        generator,
        discriminator,
        latent=normal(1),
        objective=objective,
        d_terms=d_terms,
        g_terms=g_terms,
        instance_noise=instance_noise,
        lowering=lowering,
    )


def two_modes(sigma: float = 0.1, ridge: float = 0.0, start: tuple[float, float] = (-0.5, 1.5)) -> Game:
    """Data half from N(-1, sigma^2), half from N(1, sigma^2); G has two such modes, with means m = (m1, m2).

    D(x) = d1 x + d2 x^2 is a Wasserstein critic with ridge/2 |d|^2, and losses are exact expectations:
    L_g = -E D(fake), L_d = E D(fake) - E D(real) + ridge/2 |d|^2. Means and squares of real and fake agree
    only at m = (-1, 1) or (1, -1), where d = 0. With K = [[1, 2 m1], [1, 2 m2]] / 2, whose singular values
    there are 1/sqrt(2) and sqrt(2), the field's Jacobian is [[0, -K], [K^T, ridge]]; for each singular value
    s the descent has the eigenvalues -ridge/2 +- sqrt(ridge^2/4 - s^2).

    >>> g, _, _ = two_modes().init(jax.random.key(0), {})
    >>> two_modes().sample(g, jax.random.key(1), jnp.arange(5), {}).shape
    (5, 1)
    """

    def mean_logit(modes: Array, d: Array) -> Array:
        return d[0] * modes.mean() + d[1] * (jnp.square(modes).mean() + sigma**2)

    def sample(modes: Array, key: Key) -> Array:
        which, spread = jax.random.split(key)
        return jax.random.choice(which, modes, (1,)) + sigma * jax.random.normal(spread, (1,))

    return of_losses(
        lambda modes, d: -mean_logit(modes, d),
        lambda modes, d: mean_logit(modes, d) - mean_logit(jnp.array([-1.0, 1.0]), d) + ridge / 2 * d @ d,
        jnp.array(start, float),
        jnp.zeros(2),
        sample,
    )


def linear_quadratic(covariance: Array, ridge: float = 0.0, start: float = 0.5) -> Game:
    """G(z) = A z learns the covariance S [n, n] of normal data, against D(x) = x^T W x.

    In expectation L_g = -tr(W A A^T), L_d = tr(W (A A^T - S)) + ridge/2 |W|^2 (Nagarajan & Kolter, 2017;
    Feizi et al., 2017). A [n, n] starts as `start` times the identity, W as 0. At an equilibrium W = 0 and
    A A^T = S. For n = 1 the descent there has the eigenvalues -ridge/2 +- sqrt(ridge^2/4 - 4 S): without a
    ridge it cycles.

    >>> g, _, _ = linear_quadratic(jnp.eye(3)).init(jax.random.key(0), {})
    >>> linear_quadratic(jnp.eye(3)).sample(g, jax.random.key(1), jnp.arange(5), {}).shape
    (5, 3)
    """
    n = covariance.shape[0]

    return of_losses(
        lambda a, w: -jnp.vdot(w, a @ a.T),
        lambda a, w: jnp.vdot(w, a @ a.T - covariance) + ridge / 2 * jnp.vdot(w, w),
        start * jnp.eye(n),
        jnp.zeros((n, n)),
        lambda a, key: a @ jax.random.normal(key, (n,)),
    )


def _floats(x: Params) -> Array:
    return jnp.array(x, float)
