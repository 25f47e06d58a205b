"""The eigenvalues of the field's Jacobian: how the players move near where they stand.

θ' = v(θ) attracts where every real part is negative; an imaginary part turns, and the ratio of the two says
how small a step has to be (Mescheder et al., 2017; 2018).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxgan.errors import Refused
from jaxgan.games.game import State
from jaxgan.instruments.field import Field, Map, smooth
from jaxgan.parts.types import Array, Batch
from jaxgan.rules.rule import Rule

BOUND = 4000
"""Numbers up to which a matrix is written out: its eigenvalues take minutes there, and grow with the cube."""

POWERS = 5
"""Products that tell about how long J makes a vector."""

KEPT = {"hyperparameters", "hyperparams"}  # where our rules and optax's keep numbers that never move


def eigenvalues(field: Field) -> np.ndarray:
    """Every eigenvalue of J, complex [n], the largest real part first; refused beyond `BOUND` parameters.

    For Dirac-GAN with R1 of weight γ they are -γ/2 ± sqrt(γ²/4 - f'(0)²).

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.instruments.field import field
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> turning = eigenvalues(field(bilinear(), state, {"x": jnp.zeros((1, 1))}))
    >>> sorted(turning.imag.tolist())
    [-1.0, 1.0]
    """
    smooth(field)
    found = np.linalg.eigvals(jacobian(field))
    return found[np.argsort(-found.real, kind="stable")]


def jacobian(field: Field) -> np.ndarray:
    """J itself [n, n] in float64, on the host; refused beyond `BOUND` parameters."""
    few(field.at.size, "the leading eigenvalues, by Arnoldi's method, are `leading`")
    return written_out(field.transposed, field.at)


def leading(field: Field, k: int = 6, products: int = 2000) -> np.ndarray:
    """The k eigenvalues of J of largest modulus, complex [k], by Arnoldi's method (1951) with restarts.

    Only products with J are needed, about `products` at most. Each eigenvalue λ has a vector u of length 1
    with |J u - λ u| <= sqrt(ε) |J|, ε the parameters' precision and |J| the most that a vector was stretched,
    or all are refused.

    >>> import optax
    >>> from jaxgan.games.toy import quadratic
    >>> from jaxgan.instruments.field import field
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> game = quadratic(jnp.diag(jnp.arange(1.0, 6.0)))  # it turns at the rates 1 to 5
    >>> rule = simultaneous(game, optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> abs(leading(field(game, state, {}), k=2)).round(3).tolist()
    [5.0, 5.0]
    """
    found = _arnoldi(field, field.product, "LM", k, products)
    return found[np.argsort(-abs(found), kind="stable")]


def rightmost(field: Field, k: int = 2, products: int = 2000) -> np.ndarray:
    """The k eigenvalues of J of largest real part, complex [k], by Arnoldi's method, checked as `leading` is.

    They say whether the state attracts, and are harder to find: beside many near 0 it may be in vain.

    >>> import optax
    >>> from jaxgan.games.toy import quadratic
    >>> from jaxgan.instruments.field import field
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> game = quadratic(jnp.zeros((5, 3)), g_curvature=jnp.diag(jnp.arange(-1.0, 4.0)), d_curvature=7.0)
    >>> rule = simultaneous(game, optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> rightmost(field(game, state, {}), k=1).real.round(3).tolist()  # the minimum G is not in
    [1.0]
    """
    found = _at_an_edge(field, "LR", k, products)
    return found[np.argsort(-found.real, kind="stable")]


def fastest(field: Field, k: int = 2, products: int = 2000) -> np.ndarray:
    """The k eigenvalues of J of largest imaginary part either way, complex [k], found as `rightmost` are.

    They say how fast the game turns. Where it hardly does there is no such edge to find.

    >>> import optax
    >>> from jaxgan.games.toy import quadratic
    >>> from jaxgan.instruments.field import field
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> game = quadratic(jnp.diag(jnp.arange(5.0)), d_curvature=jnp.diag(jnp.array([9.0, 0, 0, 0, 0])))
    >>> rule = simultaneous(game, optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> abs(fastest(field(game, state, {})).imag).round(3).tolist()  # not the -9, which is of largest modulus
    [4.0, 4.0]
    """
    found = _at_an_edge(field, "LI", k, products)
    return found[np.argsort(-abs(found.imag), kind="stable")]


def _at_an_edge(field: Field, which: str, k: int, products: int) -> np.ndarray:
    """Eigenvalues that may lie next to 0: shifted away from it, since the solver's tolerance is relative."""
    u = jax.random.normal(jax.random.key(0), field.at.shape, field.at.dtype)
    for _ in range(POWERS):
        u = field.product(u / (float(jnp.linalg.norm(u)) or 1.0))
    size = float(jnp.linalg.norm(u))

    def shifted(u: Array) -> Array:
        return field.product(u) + size * u

    return _arnoldi(field, shifted, which, k, products) - size


def _arnoldi(field: Field, product: Map, which: str, k: int, products: int) -> np.ndarray:
    smooth(field)
    if field.at.size < k + 2:
        raise Refused(f"{k} eigenvalues by Arnoldi's method need {k + 2} parameters: take `eigenvalues`")
    width = min(field.at.size, max(2 * k + 1, 20))

    def solve(operator: Any, start: np.ndarray, tol: float, sweeps: int) -> tuple:
        from scipy.sparse.linalg import eigs

        return eigs(operator, k, which=which, v0=start, tol=tol, maxiter=sweeps, ncv=width)

    return krylov(product, field.at, k, solve, max(products // width, 1))


def krylov(product: Map, like: Array, k: int, solve: Callable[..., tuple], sweeps: int) -> np.ndarray:
    """k eigenvalues by a solver of scipy, checked: (operator, start, tolerance, sweeps) -> (λ, vectors)."""
    from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator

    size = 0.0

    def multiplied(u: np.ndarray) -> np.ndarray:
        nonlocal size
        image = finite(product(jnp.asarray(u.reshape(-1), like.dtype)))
        size = max(size, float(np.linalg.norm(image) / np.linalg.norm(u)))
        return image

    operator = LinearOperator((like.size, like.size), matvec=multiplied, dtype=np.float64)
    start = np.random.RandomState(0).randn(like.size)
    if not multiplied(start).any():  # then it is 0, which the solvers take for a bad start
        return np.zeros(k)
    limit = float(jnp.finfo(like.dtype).eps) ** 0.5
    try:
        values, vectors = solve(operator, start, limit / 10, sweeps)
    except ArpackNoConvergence:
        values, vectors = solve(operator, start, np.inf, sweeps)  # what one sweep finds, to say how far off
    except ArpackError as error:
        raise Refused(f"the solver of eigenvalues gives up: {error}") from None
    apart = [_image(multiplied, u) - value * u for value, u in zip(values, vectors.T, strict=True)]
    residual = max(map(np.linalg.norm, apart))
    if residual > limit * size:
        raise Refused(
            f"the {len(values)} eigenvalues have not converged within {sweeps} sweeps: the residual is "
            f"{residual / size:.2g} of |J|, not {limit:.2g}; allow more --products, or ask for fewer"
        )
    return values


def _image(multiplied: Callable[[np.ndarray], np.ndarray], u: np.ndarray) -> np.ndarray:
    """Of a vector that may be complex."""
    return multiplied(u.real) + (1j * multiplied(u.imag) if u.imag.any() else 0)


def update_operator(rule: Rule, state: State, batches: Batch, updates: int = 1) -> np.ndarray:
    """The Jacobian [n, n] of the rule's own update, over all that moves: parameters, optimisers, memory.

    On one batch and one key, with the networks' statistics and what terms remember held. At a fixed point the
    rule attracts where its spectral radius, the largest modulus of an eigenvalue, is below 1, at that rate
    per step. Of a rule that is not the same at each, as `lookahead`, it is a period of `updates` that has a
    rate; and optimisers that count begin otherwise than they go on, so the state is to have moved before.

    Steps of h by both at once have 1 + h λ, λ of the field. Where D goes first, each of one number, the
    field's J = [[a, b], [c, e]] makes D's step [[1, 0], [h c, 1 + h e]] and, from there, G's
    [[1 + h a, h b], [0, 1]]. Their product has the trace t = 2 + h (a + e) + h² b c and the determinant
    p = (1 + h a) (1 + h e), so the eigenvalues are t/2 ± sqrt(t²/4 - p). Where a = e = 0 and b c = -w² they
    lie on the unit circle as long as h w <= 2: no step converges linearly, none diverges.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.alternating import alternating
    >>> rule, batches = alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1)), {"x": jnp.zeros((1, 1, 1))}
    >>> state = rule.init(jax.random.key(0), batches)
    >>> round(spectral_radius(update_operator(rule, state, batches)), 5)
    1.0
    """
    moving, put_back = _moving(state)
    few(moving.size, "take a smaller game")

    def step(moving: Array) -> Array:
        state = put_back(moving)
        for _ in range(updates):
            state, _ = rule.update(state, batches)
        return _moving(state)[0]

    @jax.jit
    def transposed(u: Array) -> Array:
        return jax.vjp(step, moving)[1](u)[0]

    return written_out(transposed, moving)


def spectral_radius(matrix: np.ndarray) -> float:
    """The largest modulus of an eigenvalue.

    >>> round(spectral_radius(np.array([[0.0, -2.0], [2.0, 0.0]])), 6)
    2.0
    """
    return float(abs(np.linalg.eigvals(matrix)).max())


def few(n: int, instead: str) -> None:
    """Refuses a matrix that is too large to be written out."""
    if n > BOUND:
        raise Refused(f"{n} numbers are too many for a full spectrum, which takes up to {BOUND}: {instead}")


def written_out(transposed: Map, like: Array, block: int = 64) -> np.ndarray:
    """The matrix [n, n] in float64, a block of rows at a time."""
    rows = jax.jit(jax.vmap(transposed))
    unit = np.eye(like.size, dtype=like.dtype)
    return np.concatenate([finite(rows(unit[i : i + block])) for i in range(0, len(unit), block)])


def finite(x: Array) -> np.ndarray:
    """The numbers in float64 on the host, refused where some are none."""
    numbers = np.asarray(x, np.float64)
    if not np.isfinite(numbers).all():
        raise Refused("a derivative of the losses is not finite here: look at an earlier state")
    return numbers


def _moving(state: State) -> tuple[Array, Callable[[Array], State]]:
    """What an update moves and a derivative can follow, as one vector, and the state around another."""
    tree = (state.g.params, state.d.params, state.g.opt_state, state.d.opt_state, state.rule)
    paths, form = jax.tree.flatten_with_path(tree)
    leaves = [leaf for _, leaf in paths]
    floats = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    place = [i for i in floats if not KEPT & {getattr(key, "name", None) for key in paths[i][0]}]
    vector, unravel = ravel_pytree([leaves[i] for i in place])

    def put_back(vector: Array) -> State:
        new = dict(zip(place, unravel(vector), strict=True))
        filled = [new.get(i, x) for i, x in enumerate(leaves)]
        g, d, g_opt, d_opt, rule = jax.tree.unflatten(form, filled)
        g, d = state.g.replace(params=g, opt_state=g_opt), state.d.replace(params=d, opt_state=d_opt)
        return state.replace(g=g, d=d, rule=rule)

    return vector, put_back
