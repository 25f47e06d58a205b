"""Runs on points in the plane: where the examples and the samples lie, and what D makes of the ground."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Points
from jaxgan.data.source import Source, examples
from jaxgan.games.game import Game, Side
from jaxgan.pictures.chart import Chart, square
from jaxgan.pictures.words import short
from jaxgan.run.reopen import reopen
from jaxgan.run.sample import sampler

COUNT = 20_000  # points of a density
BINS = 120
GROUND = 96  # points to a side, of D's landscape


def planes(run: Path, lane: str = "", trust: bool = False) -> list[Chart]:
    """Density of real and of generated points, and the logits of D, at the newest checkpoint of a run.

    None of a run whose examples are not points in the plane; without the last where no single D judges.
    """
    again = reopen(run, lane=lane, trust=trust)
    game, source, state = again.experiment.game, again.experiment.source, again.state
    if not isinstance(source.kind, Points) or source.shape != (2,):
        return []
    real = examples(source, COUNT)
    made = sampler(game, source)(state.generator, COUNT)
    ends = extent(real)
    charts = [
        square("plane-real", "Real examples", lambda axes: density(axes, real, ends)),
        square("plane-generated", "Generated", lambda axes: density(axes, made, ends)),
    ]
    if game.looks.judge is not None and set(game.given) <= {"label"}:
        logits = landscape(game, state.d.side, source, ends)
        charts.append(
            square("plane-landscape", "What D sees", lambda axes: _relief(axes, logits, real, made, ends))
        )
    return charts


def extent(points: np.ndarray) -> tuple[float, float, float, float]:
    """A square around points [n, 2], a quarter wider than they reach: left, right, bottom, top.

    >>> extent(np.array([[0.0, 0.0], [2.0, 1.0]]))
    (-0.25, 2.25, -0.75, 1.75)
    """
    low, high = points.min(axis=0), points.max(axis=0)
    middle, reach = (low + high) / 2, 1.25 * float((high - low).max() or 1.0) / 2
    x, y = map(float, middle)
    return x - reach, x + reach, y - reach, y + reach


def density(axes: Any, points: np.ndarray, ends: tuple[float, float, float, float]) -> str:
    """Draws how densely points [n, 2] lie, by its square root; says how many are off the picture."""
    there = points[np.isfinite(points).all(axis=1)]
    counts, _, _ = np.histogram2d(there[:, 0], there[:, 1], bins=BINS, range=[ends[:2], ends[2:]])
    axes.imshow(np.sqrt(counts).T, origin="lower", extent=ends, cmap="cividis", interpolation="nearest")
    off = len(points) - int(counts.sum())
    return f"{len(points):,} points" + (
        f", {short(100 * off / len(points))} % of them off the picture" if off else ""
    )


def landscape(
    game: Game, d: Side, source: Source, ends: tuple[float, float, float, float], side: int = GROUND
) -> np.ndarray:
    """The logits of D over a square [side, side], rows from the bottom; their mean over labels."""
    x, y = jnp.linspace(ends[0], ends[1], side), jnp.linspace(ends[2], ends[3], side)
    ground = jnp.stack(jnp.meshgrid(x, y), axis=-1).reshape(-1, 2)

    @jax.jit
    def judged(d: Side) -> jax.Array:
        judge = game.looks.judge
        assert judge is not None
        if "label" not in game.given:
            return judge(d, ground, {})
        labels = jnp.arange(source.classes, dtype=jnp.int32)
        each = jax.vmap(lambda label: judge(d, ground, {"label": jnp.full(len(ground), label)}))
        return each(labels).mean(axis=0)

    return np.asarray(judged(d)).reshape(side, side)


def _relief(
    axes: Any, logits: np.ndarray, real: np.ndarray, made: np.ndarray, ends: tuple[float, float, float, float]
) -> str:
    picture = axes.imshow(logits, origin="lower", extent=ends, cmap="cividis", interpolation="bilinear")
    if np.isfinite(logits).all() and np.ptp(logits) > 0:
        axes.contour(logits, levels=9, extent=ends, colors="white", linewidths=0.4, linestyles="solid")
    for points, size, colour in ((real[:300], 12, "white"), (made[:300], 2, "#d81b60")):
        axes.scatter(*points.T, s=size, color=colour, linewidths=0, rasterized=True)
    axes.set_xlim(ends[:2])
    axes.set_ylim(ends[2:])
    axes.figure.colorbar(picture, location="bottom", fraction=0.05, pad=0.02)
    return "logit of D, higher is more real; white: real points, pink: generated"
