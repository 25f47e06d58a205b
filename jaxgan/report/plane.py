"""Charts of runs on points in the plane: examples, samples, and the logits of D."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Points
from jaxgan.data.source import Source, examples
from jaxgan.games.game import Game, Side
from jaxgan.pictures.chart import Chart, plane_chart
from jaxgan.pictures.words import short
from jaxgan.run.reopen import reopen
from jaxgan.run.sample import sampler

COUNT = 20_000  # points of a density
BINS = 120
SIDE = 96  # grid points along each side of D's landscape

Extent = tuple[float, float, float, float]  # left, right, bottom, top


def planes(run: Path, lane: str = "", trust: bool = False) -> list[Chart]:
    """Draws the density of real and of generated points, and the logits of D, at the newest checkpoint.

    Returns no charts if the examples are not points in the plane, and no logits if the game has not one D.
    """
    opened = reopen(run, lane=lane, trust=trust)
    game, source, state = opened.experiment.game, opened.experiment.source, opened.state
    if not isinstance(source.kind, Points) or source.shape != (2,):
        return []
    real = examples(source, COUNT)
    generated = sampler(game, source)(state.generator, COUNT)
    ends = extent(real)
    charts = [
        plane_chart("plane-real", "Real examples", lambda axes: density(axes, real, ends)),
        plane_chart("plane-generated", "Generated", lambda axes: density(axes, generated, ends)),
    ]
    if game.looks.judge is not None and set(game.given) <= {"label"}:
        logits = landscape(game, state.d.side, source, ends)
        charts.append(
            plane_chart(
                "plane-landscape",
                "Logits of D",
                lambda axes: _draw_logits(axes, logits, real, generated, ends),
            )
        )
    return charts


def extent(points: np.ndarray) -> Extent:
    """Returns a square around points [n, 2], a quarter wider than their range.

    >>> extent(np.array([[0.0, 0.0], [2.0, 1.0]]))
    (-0.25, 2.25, -0.75, 1.75)
    """
    low, high = points.min(axis=0), points.max(axis=0)
    half = 1.25 * float((high - low).max() or 1.0) / 2
    x, y = map(float, (low + high) / 2)
    return x - half, x + half, y - half, y + half


def density(axes: Any, points: np.ndarray, ends: Extent) -> str:
    """Draws the square root of the density of points [n, 2]; returns how many are outside the picture."""
    finite = points[np.isfinite(points).all(axis=1)]
    counts, _, _ = np.histogram2d(finite[:, 0], finite[:, 1], bins=BINS, range=[ends[:2], ends[2:]])
    axes.imshow(np.sqrt(counts).T, origin="lower", extent=ends, cmap="cividis", interpolation="nearest")
    outside = len(points) - int(counts.sum())
    share = f", {short(100 * outside / len(points))} % of them outside the picture" if outside else ""
    return f"{len(points):,} points{share}"


def landscape(game: Game, d: Side, source: Source, ends: Extent, side: int = SIDE) -> np.ndarray:
    """Returns the logits of D on a grid [side, side], rows from the bottom; their mean over labels."""
    x, y = jnp.linspace(ends[0], ends[1], side), jnp.linspace(ends[2], ends[3], side)
    points = jnp.stack(jnp.meshgrid(x, y), axis=-1).reshape(-1, 2)

    @jax.jit
    def logits(d: Side) -> jax.Array:
        judge = game.looks.judge
        assert judge is not None
        if "label" not in game.given:
            return judge(d, points, {})
        labels = jnp.arange(source.classes, dtype=jnp.int32)
        each = jax.vmap(lambda label: judge(d, points, {"label": jnp.full(len(points), label)}))
        return each(labels).mean(axis=0)

    return np.asarray(logits(d)).reshape(side, side)


def _draw_logits(axes: Any, logits: np.ndarray, real: np.ndarray, generated: np.ndarray, ends: Extent) -> str:
    picture = axes.imshow(logits, origin="lower", extent=ends, cmap="cividis", interpolation="bilinear")
    if np.isfinite(logits).all() and np.ptp(logits) > 0:
        axes.contour(logits, levels=9, extent=ends, colors="white", linewidths=0.4, linestyles="solid")
    for points, size, colour in ((real[:300], 12, "white"), (generated[:300], 2, "#d81b60")):
        axes.scatter(*points.T, s=size, color=colour, linewidths=0, rasterized=True)
    axes.set_xlim(ends[:2])
    axes.set_ylim(ends[2:])
    axes.figure.colorbar(picture, location="bottom", fraction=0.05, pad=0.02)
    return "higher is more real; white: real points, pink: generated points"
