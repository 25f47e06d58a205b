"""All instruments at once: the cheap ones for a look now and then, and every one for a state that matters."""

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
"""Parameters up to which all eigenvalues cost no more time than a few."""

EDGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "modulus": abs,
    "imaginary": lambda found: abs(found.imag),
    "real": np.real,
}
"""What the eigenvalues at the edge of a spectrum are large in."""


class Diagnosis(NamedTuple):
    """Numbers by name, the eigenvalues that were found, and a line for each instrument that had to refuse."""

    numbers: dict[str, float]
    spectrum: np.ndarray
    refused: list[str]


def cheap(game: Game, state: State, batches: Batch, probes: int = 4) -> dict[str, float]:
    """How much the game turns, "rotation", and both players' noise scales; leaves of `batches` [N, B, ...].

    Costs N gradients of each player, and a product with J and one with J^T for each probe.

    >>> import jax.numpy as jnp
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> cheap(bilinear(), state, {"x": jnp.zeros((2, 1, 1))})
    {'rotation': 1.0, 'g/noise_scale': 0.0, 'd/noise_scale': 0.0}
    """
    here = field(game, state, jax.tree.map(lambda x: x[0], batches))
    noise = {f"{who}/noise_scale": gradient_noise(game, state, batches, who).scale for who in ("g", "d")}
    return {"rotation": rotation_estimate(here, probes).share, **noise}


def diagnosed(
    game: Game,
    state: State,
    batches: Batch,
    tx: optax.GradientTransformation = optax.adam(1e-3),  # noqa: B008 - immutable
    k: int = 6,
    steps: int = 100,
    products: int = 2000,
    say: Callable[[str], None] = lambda part: None,
) -> Diagnosis:
    """Everything the instruments say of a state; leaves of `batches` are [N, B, ...], N at least 2.

    Spectrum and Hessians are of the first batch. Beyond `FULL` parameters the spectrum is its k eigenvalues
    of largest modulus and the two each of largest imaginary and of largest real part, and each eigen-solve
    takes about `products` at most.
    `tx` and `steps` are the duality gap's. `say` is told which part begins, of how many, since some take
    minutes.

    >>> import jax.numpy as jnp
    >>> from jaxgan.games.toy import bilinear
    >>> from jaxgan.rules.simultaneous import simultaneous
    >>> rule = simultaneous(bilinear(), optax.sgd(0.1), optax.sgd(0.1))
    >>> state = rule.init(jax.random.key(0), {"x": jnp.zeros((1, 1, 1))})
    >>> found = diagnosed(bilinear(), state, {"x": jnp.zeros((2, 1, 1))}, steps=1)
    >>> found.numbers["spectrum/modulus"], found.numbers["spectrum/imaginary"], found.refused
    (1.0, 1.0, [])
    """
    size = sum(x.size for x in jax.tree.leaves((state.g.params, state.d.params)))
    few = size <= FULL
    parts, begun = (5 if few else 7), count(1)

    def begin(part: str) -> None:
        say(f"part {next(begun)} of {parts}, {part}")

    begin("rotation and noise")
    numbers, spectrum, refused = cheap(game, state, batches), np.zeros(0, complex), []
    here = field(game, state, jax.tree.map(lambda x: x[0], batches))
    finders: dict[tuple[str, ...], Callable[[], np.ndarray]] = {
        ("modulus",): lambda: leading(here, k, products),
        ("imaginary",): lambda: fastest(here, products=products),
        ("real",): lambda: rightmost(here, products=products),
    }
    for edges, find in ({tuple(EDGES): lambda: eigenvalues(here)} if few else finders).items():
        largest = "all" if few else f"the largest {' and '.join(edges)}"
        begin(f"eigenvalues of {size:,} parameters, {largest}")
        try:
            found = find()
        except Refused as error:
            refused.append(f"spectrum ({', '.join(edges)}): {error}")
            continue
        numbers |= {f"spectrum/{edge}": float(EDGES[edge](found).max()) for edge in edges}
        spectrum = np.concatenate([spectrum, found])
    for who in ("g", "d"):
        begin(f"{who}'s Hessian")
        try:
            numbers[f"{who}/bottom"], numbers[f"{who}/top"] = curvature(here, who, products)
        except Refused as error:
            refused.append(f"{who}'s Hessian: {error}")
    begin("duality gaps")
    numbers["g/gap"], numbers["d/gap"] = duality_gap(game, state, batches, tx, steps)
    return Diagnosis(numbers, spectrum, refused)
