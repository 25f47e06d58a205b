"""Which training methods for GANs do actually converge? Ten of them on the Dirac-GAN, compared with theory.

    python experiments/which_converge.py

    10 s of processor time, 60 s on 2 cores of an AMD EPYC (Zen 5) shared with much other work; jax 0.10.2,
    2026-11-21. Each of the 20 cells is as proved: `results/which_converge.md`. The figure of the paths,
    `pictures/which_converge.png`, needs the extra `report`.

After Mescheder et al., 2018: all data are at 0, all of G's samples at θ, and D is the line ψ x. The players
start at (1, 1) and take steps of plain gradient descent, both at once or D first and then G. Measured is the
distance r to the equilibrium (0, 0) over time, classified by the second half of the run:

    none        r falls by less than a tenth
    linear      log r falls with the number of steps rather than with its logarithm
    sublinear   the other way round

The theorems are about steps near the equilibrium. The update has a Jacobian there, whose spectral radius ρ is
measured by the instrument `update_operator` and computed by `theory` from the formula in the docstring of
`dirac`. ρ < 1: linear convergence at that rate. ρ > 1: none. ρ = 1: no linear convergence; the rest depends
on higher orders of the field. The non-saturating loss and least squares attract: r² falls at the rates
2 θ ψ tanh(θ ψ / 2) and 4 (θ ψ)², over a rotation r⁴/8 and r⁴/2, so r falls as 1/sqrt(steps) with alternating
steps; simultaneous steps also repel, and end in a circle. The minimax loss keeps r. A clipped WGAN and
WGAN-GP do not converge with either (Mescheder et al., 2018, section 3). The second has no ρ, since its
penalty has a kink where D is flat; it cycles, or with `--penalty 1` comes to rest at θ = 2.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import jaxgan as jg
from jaxgan.folder import files

if TYPE_CHECKING:  # --help does not wait for JAX
    from collections.abc import Callable

HOME = Path(__file__).parent
SLOPE = 0.5
"""f'(0) of the logistic loss."""


@dataclass(frozen=True)
class Config:
    steps: int = 20_000
    lr: float = 0.1
    """Learning rate of both players."""
    gamma: float = 0.6
    """Weight of R1 and of R2."""
    sigma: float = 1.0
    """Standard deviation of the instance noise."""
    weight: float = 1.0
    """Weight of consensus optimisation."""
    penalty: float = 0.25
    """Weight of WGAN-GP's penalty."""
    clip: float = 1.0
    """WGAN's bound on |ψ|."""
    out: Path = HOME


class Method(NamedTuple):
    """A training method: its game, and the entries of the field's Jacobian [[a, w], [-w, e]] at (0, 0)."""

    name: str
    game: jg.Game
    w: float | None  # None if there is no derivative
    a: float = 0.0
    e: float = 0.0
    clip: float | None = None


class Cell(NamedTuple):
    """A method with simultaneous or alternating steps: what is measured, and what is proved."""

    method: str
    moves: str
    measured: str
    rate: float | None  # linear: factor per step; sublinear: p of r ~ steps^-p
    radius: float  # the last r
    spectral_radius: float | None  # by the instrument
    closed_form: float | None
    theorem: str

    @property
    def agrees(self) -> bool:
        """Whether the measurement agrees with the theorem."""
        return self.measured in {"not linear": {"sublinear", "none"}}.get(self.theorem, {self.theorem})


def methods(config: Config) -> list[Method]:
    """Returns the rows of the table."""
    from jaxgan.games import toy

    o, t = jg.objectives, jg.terms
    gamma, sigma, weight = config.gamma, config.sigma, config.weight
    pull = weight * SLOPE**2
    return [
        Method("GAN", toy.dirac(o.minimax()), SLOPE),
        Method("non-saturating", toy.dirac(o.non_saturating()), SLOPE),
        Method("least squares", toy.dirac(o.least_squares(-1.0, 1.0, 1.0)), 1.0),
        Method("WGAN", toy.dirac(o.wasserstein()), 1.0, clip=config.clip),
        Method("WGAN-GP", toy.dirac(o.wasserstein(), d_terms=[t.wgan_gp(config.penalty)]), None),
        Method("instance noise", with_noise(sigma), SLOPE, e=-(sigma**2) / 2),
        Method("R1", toy.dirac(o.minimax(), d_terms=[t.r1(gamma)]), SLOPE, e=-gamma),
        Method("R2", toy.dirac(o.minimax(), d_terms=[t.r2(gamma)]), SLOPE, e=-gamma),
        Method(
            "R1 + R2, relativistic",
            toy.dirac(o.relativistic(), d_terms=[t.r1(gamma), t.r2(gamma)]),
            SLOPE,
            e=-2 * gamma,
        ),
        Method("consensus", with_consensus(toy.dirac(o.minimax()), weight), SLOPE, a=-pull, e=-pull),
    ]


def with_noise(sigma: float, points: int = 64) -> jg.Game:
    """The Dirac-GAN with instance noise in expectation, by quantiles of the noise instead of draws.

    With curvature f''(0) = -1/4 of the logistic loss on either side, noise adds -σ²/2 to D's own entry of J.
    """
    from statistics import NormalDist

    from jax.nn import softplus

    from jaxgan.games import toy

    noise = np.array([NormalDist().inv_cdf((i + 0.5) / points) for i in range(points)])
    noise *= sigma / noise.std()
    return toy.of_losses(
        lambda theta, psi: -softplus(psi * (theta + noise)).mean(),
        lambda theta, psi: softplus(psi * (theta + noise)).mean() + softplus(-psi * noise).mean(),
        1.0,
        1.0,
    )


def with_consensus(game: jg.Game, weight: float) -> jg.Game:
    """Consensus optimisation as a game: each loss plus weight/2 |v|², v the field (Mescheder et al., 2017).

    With simultaneous steps it is the rule `consensus`; as a game it works with alternating steps as well. It
    makes J into J - weight J^T J, which on the Dirac-GAN adds -weight f'(0)² to both players' own entries.
    """
    import jax
    import optax

    def squared_norm(g: Any, d: Any, context: Any) -> Any:
        g_grad = jax.grad(game.g_loss, argnums=0, has_aux=True)(g, d, context)[0]
        d_grad = jax.grad(game.d_loss, argnums=1, has_aux=True)(g, d, context)[0]
        return optax.tree.norm((g_grad, d_grad), squared=True)

    def regularised(loss: Callable) -> Callable:
        def value(g: Any, d: Any, context: Any) -> tuple:
            plain, aux = loss(g, d, context)
            return plain + weight / 2 * squared_norm(g, d, context), aux

        return value

    return game._replace(g_loss=regularised(game.g_loss), d_loss=regularised(game.d_loss))


def rules(method: Method, lr: float) -> dict[str, jg.Rule]:
    """Returns the rules of the two cells of a method."""
    import optax

    sgd = optax.sgd(lr)
    d_sgd = sgd if method.clip is None else optax.chain(sgd, jg.clip_weights(method.clip))
    return {
        "simultaneous": jg.simultaneous(method.game, sgd, d_sgd),
        "alternating": jg.alternating(method.game, sgd, d_sgd),
    }


def theory(method: Method, moves: str, lr: float) -> tuple[str, float | None]:
    """Returns what is proved for a cell, and the spectral radius by its formula."""
    if method.w is None:
        return "none", None
    coupling, d_own = lr * method.w, 1 + lr * method.e
    g_own = 1 + lr * method.a
    trace, determinant = g_own + d_own, g_own * d_own
    if moves == "simultaneous":
        determinant += coupling**2
    else:
        trace -= coupling**2
    radius = float(abs(np.roots([1.0, -trace, determinant])).max())
    if method.clip is not None or radius > 1 + 1e-9:
        return "none", radius
    return ("linear" if radius < 1 - 1e-9 else "not linear"), radius


def train(rule: jg.Rule, steps: int) -> tuple[np.ndarray, Any]:
    """Returns the players' path [steps + 1, 2] from (1, 1), and a state at the equilibrium with a batch."""
    import jax
    import jax.numpy as jnp

    batch = {"x": jnp.zeros((1, 1, 1, 1)), "index": jnp.zeros((1, 1, 1), jnp.uint32)}
    state = rule.init(jax.random.key(0), batch)

    def step(state: jg.State, _: None) -> tuple[jg.State, tuple]:
        return rule.update(state, batch)[0], (state.g.params, state.d.params)

    last, path = jax.jit(lambda state: jax.lax.scan(step, state, length=steps))(state)
    ends = [jnp.append(x, end) for x, end in zip(path, (last.g.params, last.d.params), strict=True)]
    zero = jnp.zeros_like(state.g.params)
    equilibrium = state.replace(g=state.g.replace(params=zero), d=state.d.replace(params=zero))
    return np.stack(ends, axis=1), (equilibrium, batch)


def classify(r: np.ndarray, blocks: int = 20) -> tuple[str, float | None]:
    """Classifies how r falls over the second half of its steps, before it is below 1e-10 of its start.

    Returns "linear" and the factor per step, "sublinear" and p of steps^-p, or "none".

    >>> steps = np.arange(1, 1000)
    >>> [classify(r)[0] for r in (0.9**steps, steps**-0.5, 1 + 1 / steps)]
    ['linear', 'sublinear', 'none']
    """
    tiny = np.flatnonzero(r < 1e-10 * r[0])
    steps = np.arange(len(r))[: tiny[0] if len(tiny) else len(r)][1:]
    half = steps[len(steps) // 2 :]
    half = half[: len(half) // blocks * blocks]
    # means of blocks, over which the rotation averages out
    n, log_r = (x.reshape(blocks, -1).mean(axis=1) for x in (half, np.log(r[half])))
    if log_r[0] - log_r[-1] < -math.log(0.9):
        return "none", None
    fits = {name: np.polyfit(x, log_r, 1, full=True) for name, x in (("linear", n), ("sublinear", np.log(n)))}
    best = min(fits, key=lambda name: float(fits[name][1][0]))
    slope = float(fits[best][0][0])
    return best, math.exp(slope) if best == "linear" else -slope


def table(config: Config) -> tuple[list[Cell], dict[tuple[str, str], np.ndarray]]:
    """Returns every cell, and the paths."""
    import jax

    from jaxgan.instruments import field, spectrum

    cells, paths = [], {}
    for method in methods(config):
        for moves, rule in rules(method, config.lr).items():
            path, (equilibrium, batch) = train(rule, config.steps)
            r = np.hypot(*path.T)
            try:
                field.check_smooth(
                    field.field(method.game, equilibrium, jax.tree.map(lambda x: x[0, 0], batch))
                )
                radius = spectrum.spectral_radius(spectrum.update_operator(rule, equilibrium, batch))
            except jg.Refused:
                radius = None
            theorem, closed_form = theory(method, moves, config.lr)
            cells.append(Cell(method.name, moves, *classify(r), float(r[-1]), radius, closed_form, theorem))
            paths[method.name, moves] = path
    return cells, paths


def markdown(cells: list[Cell], config: Config) -> str:
    """Returns the table as Markdown."""
    options = ", ".join(f"{name} {value:g}" for name, value in asdict(config).items() if name != "out")
    lines = [
        f"Dirac-GAN, {options}: `experiments/which_converge.py` explains the columns.",
        "",
        "| method | moves | measured | rate | last r | spectral radius | by formula | theorem | agree |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in cells:
        rate = {"linear": "{:.6f} a step", "sublinear": "steps^-{:.2f}"}.get(cell.measured, "")
        radii = ["-" if x is None else f"{x:.6f}" for x in (cell.spectral_radius, cell.closed_form)]
        numbers = [rate.format(cell.rate), f"{cell.radius:.2g}", *radii]
        words = [cell.method, cell.moves, cell.measured, *numbers, cell.theorem]
        lines.append(f"| {' | '.join([*words, 'yes' if cell.agrees else '**no**'])} |")
    return "\n".join(lines) + "\n"


def plot(cells: list[Cell], paths: dict[tuple[str, str], np.ndarray], path: Path) -> None:
    """Plots a panel per cell, with its path from light to dark."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = len(cells) // 2
    figure, axes = plt.subplots(2, columns, figsize=(1.6 * columns, 3.9), layout="constrained")
    for i, cell in enumerate(cells):
        panel, points = axes[i % 2, i // 2], paths[cell.method, cell.moves][:1000]
        limit = 1.1 * max(1.5, min(float(abs(points).max()), 3.0))
        panel.scatter(*points.T, c=np.arange(len(points)), cmap="Blues", vmin=-400, s=1.5, linewidths=0)
        panel.plot(*points[0], "o", color="tab:red", markersize=3)
        panel.plot(0, 0, "+", color="black", markersize=6)
        panel.set(xlim=(-limit, limit), ylim=(-limit, limit), xticks=[], yticks=[], aspect="equal")
        panel.set_xlabel(cell.measured, fontsize=8)
        if i % 2 == 0:
            panel.set_title(cell.method.replace(", ", ",\n"), fontsize=8)
        if i < 2:
            panel.set_ylabel(cell.moves, fontsize=8)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main(config: Config) -> None:
    import jax

    with jax.enable_x64(True):
        cells, paths = table(config)
    text = markdown(cells, config)
    results = config.out / "results"
    results.mkdir(parents=True, exist_ok=True)
    files.write(results / "which_converge.md", text)
    options = {name: value for name, value in asdict(config).items() if name != "out"}
    rows = {"options": options, "cells": [{**cell._asdict(), "agrees": cell.agrees} for cell in cells]}
    files.write(results / "which_converge.json", json.dumps(rows, indent=1) + "\n")
    (config.out / "pictures").mkdir(exist_ok=True)
    plot(cells, paths, config.out / "pictures" / "which_converge.png")
    print(text)


if __name__ == "__main__":
    import tyro

    main(tyro.cli(Config, description=__doc__, use_underscores=False))
