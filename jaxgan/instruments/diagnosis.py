"""Several instruments at once: the cheap ones for regular use in training, or all of them for one state."""

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import jax
import numpy as np
import optax

from jaxgan.errors import Refused
from jaxgan.games.game import Game, State
from jaxgan.instruments.field import field
from jaxgan.instruments.gap import duality_gap
from jaxgan.instruments.hessian import curvature
from jaxgan.instruments.noise import gradient_noise
from jaxgan.instruments.rotation import rotation_estimate
from jaxgan.instruments.spectrum import eigenvalues, fastest, leading, rightmost
from jaxgan.parts.types import Batch

FULL = 1000
"""The largest number of parameters for which all eigenvalues take no longer than a few."""

EDGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "modulus": abs,
    "imaginary": lambda spectrum: abs(spectrum.imag),
    "real": np.real,
}
"""The quantities in which eigenvalues at an edge of the spectrum are largest."""


class Diagnosis(NamedTuple):
    """Numbers by name, the eigenvalues that were computed, and a line for each instrument that refused."""

    numbers: dict[str, float]
    spectrum: np.ndarray
    refused: list[str]


def rotation_and_noise(game: Game, state: State, batches: Batch, probes: int = 4) -> dict[str, float]:
    """Returns "rotation", the share of J that rotates, and both noise scales, from batches [N, B, ...].

    Costs N gradients of each player, and a product with J and one with J^T per probe.

    >>> import jax.numpy as jnp
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> rotation_and_noise(bilinear(), state, {"x": jnp.zeros((2, 1, 1))})
    {'rotation': 1.0, 'g/noise_scale': 0.0, 'd/noise_scale': 0.0}
    """
    first = field(game, state, jax.tree.map(lambda x: x[0], batches))
    noise = {f"{who}/noise_scale": gradient_noise(game, state, batches, who).scale for who in ("g", "d")}
    return {"rotation": rotation_estimate(first, probes).share, **noise}


def run_instruments(
    game: Game,
    state: State,
    batches: Batch,
    tx: optax.GradientTransformation = optax.adam(1e-3),  # noqa: B008 - immutable
    k: int = 6,
    steps: int = 100,
    products: int = 2000,
    say: Callable[[str], None] = lambda part: None,
) -> Diagnosis:
    """Runs all instruments on a state; leaves of `batches` are [N, B, ...], N at least 2.

    Spectrum and Hessians are those of the first batch. Beyond `FULL` parameters only the k eigenvalues of
    largest modulus and the two each of largest imaginary and of largest real part are computed, with about
    `products` products at most for each of the three, and for each Hessian. `tx` and `steps` are those of the
    duality gap. `say` gets a line at the start of each part, since some take minutes.

    >>> import jax.numpy as jnp
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> diagnosis = run_instruments(bilinear(), state, {"x": jnp.zeros((2, 1, 1))}, steps=1)
    >>> diagnosis.numbers["spectrum/modulus"], diagnosis.numbers["spectrum/imaginary"], diagnosis.refused
    (1.0, 1.0, [])
    """
    size = sum(x.size for x in jax.tree.leaves((state.g.params, state.d.params)))
    full = size <= FULL
    parts, number = (5 if full else 7), count(1)

    def announce(part: str) -> None:
        say(f"part {next(number)} of {parts}, {part}")

    announce("rotation and noise")
    numbers, spectrum, refused = rotation_and_noise(game, state, batches), np.zeros(0, complex), []
    first = field(game, state, jax.tree.map(lambda x: x[0], batches))
    solvers: dict[tuple[str, ...], Callable[[], np.ndarray]] = {
        ("modulus",): lambda: leading(first, k, products),
        ("imaginary",): lambda: fastest(first, products=products),
        ("real",): lambda: rightmost(first, products=products),
    }
    for edges, solve in ({tuple(EDGES): lambda: eigenvalues(first)} if full else solvers).items():
        announce(f"eigenvalues of {size:,} parameters, {'all' if full else f'the largest {edges[0]}'}")
        try:
            values = solve()
        except Refused as error:
            refused.append(f"spectrum ({', '.join(edges)}): {error}")
            continue
        numbers |= {f"spectrum/{edge}": float(EDGES[edge](values).max()) for edge in edges}
        spectrum = np.concatenate([spectrum, values])
    for who in ("g", "d"):
        announce(f"{who}'s Hessian")
        try:
            numbers[f"{who}/bottom"], numbers[f"{who}/top"] = curvature(first, who, products)
        except Refused as error:
            refused.append(f"{who}'s Hessian: {error}")
    announce("duality gaps")
    numbers["g/gap"], numbers["d/gap"] = duality_gap(game, state, batches, tx, steps)
    return Diagnosis(numbers, spectrum, refused)
