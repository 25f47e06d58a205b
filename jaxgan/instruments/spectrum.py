"""The eigenvalues of the field's Jacobian, which describe the dynamics of the players near a state.

θ' = v(θ) converges if every real part is negative; imaginary parts rotate, and the ratio of the two
determines how small a step has to be (Mescheder et al., 2017; 2018).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxgan.errors import Refused
from jaxgan.games.game import State
from jaxgan.instruments.field import Field, Map, check_smooth
from jaxgan.parts.types import Array, Batch
from jaxgan.rules.rule import Rule

BOUND = 4000
"""The largest dense matrix: its eigenvalues take minutes, and the time grows with the cube of the size."""

POWERS = 5
"""Power iterations to estimate the norm of J."""

CONSTANT = {"hyperparameters", "hyperparams"}  # where our rules and optax's states have constants


def eigenvalues(field: Field) -> np.ndarray:
    """Returns all eigenvalues of J, complex [n], by falling real part; refused beyond `BOUND` parameters.

    For Dirac-GAN with R1 of weight γ they are -γ/2 ± sqrt(γ²/4 - f'(0)²).

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.instruments.field import field
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> sorted(eigenvalues(field(bilinear(), state, {"x": jnp.zeros((1, 1))})).imag.tolist())
    [-1.0, 1.0]
    """
    check_smooth(field)
    values = np.linalg.eigvals(jacobian(field))
    return values[np.argsort(-values.real, kind="stable")]


def jacobian(field: Field) -> np.ndarray:
    """Returns J as a dense matrix [n, n] in float64, on the host; refused beyond `BOUND` parameters."""
    check_size(field.at.size, "use `leading`, which computes the leading eigenvalues by Arnoldi's method")
    return dense_matrix(field.transposed, field.at)


def leading(field: Field, k: int = 6, products: int = 2000) -> np.ndarray:
    """Returns the k eigenvalues of J of largest modulus, complex [k], by restarted Arnoldi iteration (1951).

    It takes about `products` products with J at most. All are refused unless each eigenvalue λ has a vector u
    of length 1 with |J u - λ u| <= sqrt(ε) |J|, where ε is the parameters' precision and |J| the largest
    factor by which a vector was stretched.

    >>> import optax
    >>> from jaxgan.games.toy import quadratic
    >>> from jaxgan.instruments.field import field
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> game = quadratic(jnp.diag(jnp.arange(1.0, 6.0)))  # it rotates at the rates 1 to 5
    >>> rule = simultaneous(game, optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> abs(leading(field(game, state, {}), k=2)).round(3).tolist()
    [5.0, 5.0]
    """
    values = _arnoldi(field, field.product, "LM", k, products)
    return values[np.argsort(-abs(values), kind="stable")]


def rightmost(field: Field, k: int = 2, products: int = 2000) -> np.ndarray:
    """Returns the k eigenvalues of J of largest real part, complex [k], by Arnoldi's method, as `leading`.

    They show whether the state attracts. They are harder to find: it may fail if many others are near 0.

    >>> import optax
    >>> from jaxgan.games.toy import quadratic
    >>> from jaxgan.instruments.field import field
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> game = quadratic(jnp.zeros((5, 3)), g_curvature=jnp.diag(jnp.arange(-1.0, 4.0)), d_curvature=7.0)
    >>> rule = simultaneous(game, optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> rightmost(field(game, state, {}), k=1).real.round(3).tolist()  # G is not at a minimum
    [1.0]
    """
    values = _extreme_eigenvalues(field, "LR", k, products)
    return values[np.argsort(-values.real, kind="stable")]


def fastest(field: Field, k: int = 2, products: int = 2000) -> np.ndarray:
    """Returns the k eigenvalues of J of largest absolute imaginary part, complex [k], as `rightmost`.

    They show how fast the game rotates. It may fail if the game hardly does.

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
    values = _extreme_eigenvalues(field, "LI", k, products)
    return values[np.argsort(-abs(values.imag), kind="stable")]


def _extreme_eigenvalues(field: Field, which: str, k: int, products: int) -> np.ndarray:
    """Returns eigenvalues that may be near 0: J is shifted, since the solver's tolerance is relative."""
    u = jax.random.normal(jax.random.key(0), field.at.shape, field.at.dtype)
    for _ in range(POWERS):
        u = field.product(u / (float(jnp.linalg.norm(u)) or 1.0))
    size = float(jnp.linalg.norm(u))

    def shifted(u: Array) -> Array:
        return field.product(u) + size * u

    return _arnoldi(field, shifted, which, k, products) - size


def _arnoldi(field: Field, product: Map, which: str, k: int, products: int) -> np.ndarray:
    check_smooth(field)
    if field.at.size < k + 2:
        raise Refused(f"{k} eigenvalues by Arnoldi's method need {k + 2} parameters: use `eigenvalues`")
    width = min(field.at.size, max(2 * k + 1, 20))

    def solve(operator: Any, start: np.ndarray, tol: float, sweeps: int) -> tuple:
        from scipy.sparse.linalg import eigs

        return eigs(operator, k, which=which, v0=start, tol=tol, maxiter=sweeps, ncv=width)

    return krylov(product, field.at, k, solve, max(products // width, 1))


def krylov(product: Map, like: Array, k: int, solve: Callable[..., tuple], sweeps: int) -> np.ndarray:
    """Returns k eigenvalues, checked, of a scipy solver (operator, start, tolerance, sweeps) -> (λ, u)."""
    from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator

    size = 0.0  # the largest |J u| / |u|

    def multiply(u: np.ndarray) -> np.ndarray:
        nonlocal size
        image = finite_float64(product(jnp.asarray(u.reshape(-1), like.dtype)))
        size = max(size, float(np.linalg.norm(image) / np.linalg.norm(u)))
        return image

    def multiply_complex(u: np.ndarray) -> np.ndarray:
        return multiply(u.real) + (1j * multiply(u.imag) if u.imag.any() else 0)

    operator = LinearOperator((like.size, like.size), matvec=multiply, dtype=np.float64)
    start = np.random.RandomState(0).randn(like.size)
    if not multiply(start).any():  # J is 0, for which the solvers fail
        return np.zeros(k)
    limit = float(jnp.finfo(like.dtype).eps) ** 0.5
    try:
        values, vectors = solve(operator, start, limit / 10, sweeps)
    except ArpackNoConvergence:
        values, vectors = solve(operator, start, np.inf, sweeps)  # unconverged, to report the residual
    except ArpackError as error:
        raise Refused(f"the eigenvalue solver failed: {error}") from None
    residuals = [multiply_complex(u) - value * u for value, u in zip(values, vectors.T, strict=True)]
    residual = max(map(np.linalg.norm, residuals))
    if residual > limit * size:
        raise Refused(
            f"the {len(values)} eigenvalues have not converged within {sweeps} sweeps: the residual is "
            f"{residual / size:.2g} of |J|, not {limit:.2g}; allow more --products, or ask for fewer"
        )
    return values


def update_operator(rule: Rule, state: State, batches: Batch, updates: int = 1) -> np.ndarray:
    """Returns the Jacobian [n, n] of a rule's update in parameters, optimiser states and the rule's state.

    On one batch and one key, with the networks' statistics and the terms' states fixed. A fixed point
    attracts if the spectral radius, the largest modulus of an eigenvalue, is below 1, which is then the rate
    per step. A rule whose updates differ, as `lookahead`, has a rate per period of `updates`. Optimisers with
    a step count start differently, so take a state after some updates.

    Simultaneous steps of h have eigenvalues 1 + h λ, λ those of the field. If D moves first and each player
    is one number, the field's J = [[a, b], [c, e]] makes D's step [[1, 0], [h c, 1 + h e]] and, from there,
    G's [[1 + h a, h b], [0, 1]]. Their product has the trace t = 2 + h (a + e) + h² b c and the determinant
    p = (1 + h a) (1 + h e), so the eigenvalues are t/2 ± sqrt(t²/4 - p). For a = e = 0 and b c = -w² they are
    on the unit circle as long as h w <= 2: no step converges linearly, none diverges.

    >>> import optax
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.alternating import alternating
    >>> rule, batches = alternating(bilinear(), optax.sgd(0.1), optax.sgd(0.1)), {"x": jnp.zeros((1, 1, 1))}
    >>> state = rule.init(jax.random.key(0), batches)
    >>> round(spectral_radius(update_operator(rule, state, batches)), 5)
    1.0
    """
    vector, unravel = _ravel(state)
    check_size(vector.size, "take a smaller game")

    def step(vector: Array) -> Array:
        state = unravel(vector)
        for _ in range(updates):
            state, _ = rule.update(state, batches)
        return _ravel(state)[0]

    @jax.jit
    def transposed(u: Array) -> Array:
        return jax.vjp(step, vector)[1](u)[0]

    return dense_matrix(transposed, vector)


def spectral_radius(matrix: np.ndarray) -> float:
    """Returns the largest modulus of an eigenvalue.

    >>> round(spectral_radius(np.array([[0.0, -2.0], [2.0, 0.0]])), 6)
    2.0
    """
    return float(abs(np.linalg.eigvals(matrix)).max())


def check_size(n: int, instead: str) -> None:
    """Refuses a dense matrix that is too large."""
    if n > BOUND:
        raise Refused(f"{n} numbers are too many for a full spectrum, which has at most {BOUND}: {instead}")


def dense_matrix(transposed: Map, like: Array, block: int = 64) -> np.ndarray:
    """Returns the matrix [n, n] in float64, computed in blocks of rows."""
    rows = jax.jit(jax.vmap(transposed))
    unit = np.eye(like.size, dtype=like.dtype)
    return np.concatenate([finite_float64(rows(unit[i : i + block])) for i in range(0, len(unit), block)])


def finite_float64(x: Array) -> np.ndarray:
    """Returns an array in float64 on the host; refused if it is not finite."""
    numbers = np.asarray(x, np.float64)
    if not np.isfinite(numbers).all():
        raise Refused("a derivative of the losses is not finite at this state: use an earlier one")
    return numbers


def _ravel(state: State) -> tuple[Array, Callable[[Array], State]]:
    """Returns the floats that an update changes as a vector, and a function from such vectors to states."""
    tree = (state.g.params, state.d.params, state.g.opt_state, state.d.opt_state, state.rule)
    paths, form = jax.tree.flatten_with_path(tree)
    leaves = [leaf for _, leaf in paths]
    floats = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    variable = [i for i in floats if not CONSTANT & {getattr(key, "name", None) for key in paths[i][0]}]
    vector, unravel_leaves = ravel_pytree([leaves[i] for i in variable])

    def unravel(vector: Array) -> State:
        new = dict(zip(variable, unravel_leaves(vector), strict=True))
        g, d, g_opt, d_opt, rule = jax.tree.unflatten(form, [new.get(i, x) for i, x in enumerate(leaves)])
        g, d = state.g.replace(params=g, opt_state=g_opt), state.d.replace(params=d, opt_state=d_opt)
        return state.replace(g=g, d=d, rule=rule)

    return vector, unravel
