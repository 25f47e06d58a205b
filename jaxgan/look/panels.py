"""Pictures of what both players have learnt: each a chart, or a line saying why there is none."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.look import latent
from jaxgan.look.subject import Subject
from jaxgan.metrics.nearest import nearest
from jaxgan.pictures.chart import Chart, chart
from jaxgan.pictures.colours import COLOURS, FAINT, INK
from jaxgan.pictures.images import quantise

Panel = Callable[[Subject], Chart | str]

TRUNCATIONS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)


def interpolation(seen: Subject) -> Chart | str:
    """From one latent to another, straight and along the sphere."""
    if (latents := seen.latents) is None:
        return NO_LATENTS
    title = "Interpolation between latents"
    ways = {"linear": latent.linear, "spherical": latent.spherical}
    starts, ends = latents.z[:8:2], latents.z[1:8:2]
    if seen.images:
        t = np.linspace(0, 1, 9)
        rows, names = [], []
        for number, (a, b) in enumerate(zip(starts, ends, strict=True)):
            for name, way in ways.items():
                rows.append(latents.decode(way(a, b, t), _given(seen, 2 * number, len(t))))
                names.append(name)
        return _tiled("interpolation", title, rows, names, [f"{x:.3g}" for x in t])
    if not seen.points:
        return NEITHER
    t = np.linspace(0, 1, 400)

    def draw(figure: Any) -> str:
        for axes, (name, way) in zip(figure.subplots(1, 2), ways.items(), strict=True):
            _plane(axes, seen, name)
            for number, (a, b) in enumerate(zip(starts, ends, strict=True)):
                x = latents.decode(way(a, b, t), _given(seen, 2 * number, len(t)))
                axes.plot(x[:, 0], x[:, 1], color=COLOURS[number], lw=1.4)
                axes.plot(x[[0, -1], 0], x[[0, -1], 1], "o", color=COLOURS[number], ms=4)
        return "grey: training examples"

    return chart("interpolation", title, (7.2, 3.7), draw)


def truncation(seen: Subject) -> Chart | str:
    """Latents moved towards their mean: diversity given away for what is usual."""
    if (latents := seen.latents) is None:
        return NO_LATENTS
    title = "Latents z moved towards their mean m: m + psi (z - m)"
    middle = latents.z.mean(axis=0)
    if seen.images:
        z, own = latents.z[:10], {name: leaf[:10] for name, leaf in seen.samples.given.items()}
        rows = [latents.decode(middle + psi * (z - middle), own) for psi in TRUNCATIONS]
        return _tiled("truncation", title, rows, [f"psi {psi:g}" for psi in TRUNCATIONS], [])
    if not seen.points:
        return NEITHER

    def draw(figure: Any) -> str:
        for axes, psi in zip(figure.subplots(2, 3).flat, TRUNCATIONS, strict=True):
            _plane(axes, seen, f"psi {psi:g}")
            x = latents.decode(middle + psi * (latents.z - middle), seen.samples.given)
            axes.plot(x[:, 0], x[:, 1], ".", color=COLOURS[0], ms=2, alpha=0.6, rasterized=True)
        return "grey: training examples"

    return chart("truncation", title, (7.2, 5.2), draw)


def traversals(seen: Subject) -> Chart | str:
    """Along the directions in the latent space that change most."""
    if (latents := seen.latents) is None:
        return NO_LATENTS
    if not seen.images and not seen.points:
        return NEITHER
    title = "Along latent directions"
    z, x, label = latents.z, seen.samples.x, seen.samples.given.get("label")
    if label is not None:  # what a class is does not follow the latent
        z, x = _apart(z, label), _apart(x, label)
    found = latent.directions(z, x, 6)
    if not len(found.vectors):
        return "all samples are the same: no direction changes them"
    names = [
        f"{100 * varied:.0f} % of variance"
        + (f"\n{100 * followed:.0f} % linear in z" if followed >= 0 else "")
        for varied, followed in zip(found.varied, found.followed, strict=True)
    ]
    reach = 3 * (latents.z @ found.vectors.T).std(axis=0)
    if seen.images:
        t = np.linspace(-1, 1, 7)
        rows = []
        for vector, far in zip(found.vectors, reach, strict=True):
            along = [latents.z[start] + far * t[:, None] * vector for start in (0, 1)]
            decoded = [latents.decode(way, _given(seen, start, len(t))) for start, way in enumerate(along)]
            rows.append(np.concatenate(decoded))
        return _tiled("directions", title, rows, names, [f"{3 * x:+.2g}" for x in t] * 2, gap_after=7)
    t = np.linspace(-1, 1, 61)

    def draw(figure: Any) -> str:
        every = np.atleast_1d(figure.subplots(1, len(names)))
        for axes, name, vector, far in zip(every, names, found.vectors, reach, strict=True):
            _plane(axes, seen, name)
            for start in range(12):
                way = latents.z[start] + far * t[:, None] * vector
                points = latents.decode(way, _given(seen, start, len(t)))
                axes.plot(points[:, 0], points[:, 1], color=COLOURS[start % len(COLOURS)], lw=1)
        return "grey: training examples; each line from 3 standard deviations before a latent to 3 beyond"

    return chart("directions", title, (3.6 * len(names), 3.8), draw)


def neighbours(seen: Subject) -> Chart | str:
    """The training examples nearest to samples, and whether samples are nearer than held-out examples are."""
    title = "Nearest training examples, by Euclidean distance"
    beside = min(5, len(seen.train.x))
    index, distance = nearest(seen.samples.x, seen.train.x, k=beside)
    held_out = None if seen.held_out is None else nearest(seen.held_out.x, seen.train.x)[1][:, 0]

    def draw(figure: Any) -> str:
        axes = figure.subplots(1, 2, width_ratios=(1, 1.3)) if seen.images else [figure.add_subplot()]
        if seen.images:
            count = 10
            rows = np.stack(
                [seen.samples.x[:count], *(seen.train.x[index[:count, k]] for k in range(beside))], axis=1
            )
            _show(axes[0], _tiles(rows.reshape(-1, *seen.shape), 1 + beside, 1)[0])
            axes[0].set_title("samples, and beside each its nearest", fontsize=9)
        found = {"samples": distance[:, 0], **({} if held_out is None else {"held out": held_out})}
        _histogram(axes[-1], found)
        axes[-1].set_xlabel("distance to the nearest training example")
        of = f"{'all' if seen.whole else 'the first'} {len(seen.train.x):,} training examples"
        return f"{of if held_out is None else f'{of}; nearer than held-out ones: copies'}\n{OUTERMOST}"

    return chart("neighbours", title, (7.4, 4.4) if seen.images else (4.4, 3.2), draw)


def spectrum(seen: Subject) -> Chart | str:
    """The power of real and of generated images by frequency."""
    if not seen.images:
        return "examples that are no images have no power spectrum"

    def draw(figure: Any) -> str:
        axes = figure.add_subplot()
        for name, x, colour in (
            ("training examples", seen.train.x[: len(seen.samples.x)], INK),
            ("samples", seen.samples.x, COLOURS[1]),
        ):
            found = power(x)
            low, middle, high = np.percentile(found, (10, 50, 90), axis=0)
            axes.plot(middle, color=colour, label=name)
            axes.fill_between(np.arange(len(middle)), low, high, color=colour, alpha=0.15, lw=0)
        axes.set_yscale("log")
        axes.set_xlabel("cycles per image")
        axes.set_ylabel("power")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
        return "median over images, and where 80 % of them lie"

    return chart("spectrum", "Power spectrum", (4.8, 3.4), draw)


def scores(seen: Subject) -> Chart | str:
    """What the discriminator makes of examples that it was trained on, of held-out ones and of samples."""
    if seen.judge is None:
        return "no single network of this game judges examples"
    sets = {"training": seen.train, "held out": seen.held_out, "samples": seen.samples}
    found = {name: seen.judge(*examples) for name, examples in sets.items() if examples is not None}
    if not all(np.isfinite(logits).all() for logits in found.values()):
        return "what the discriminator says is not finite"

    def draw(figure: Any) -> str:
        axes = figure.add_subplot()
        _histogram(axes, found)
        axes.set_xlabel("logit of the discriminator")
        overfitted = "where held-out examples score as low as samples, D has overfitted"
        return f"{overfitted if seen.held_out else 'there are no held-out examples'}\n{OUTERMOST}"

    return chart("scores", "Scores of the discriminator", (4.8, 3.4), draw)


PANELS: Sequence[Panel] = (interpolation, truncation, traversals, neighbours, spectrum, scores)
OUTERMOST = "what lies further out is in the outermost bars"
NO_LATENTS = "this game has no latents to move"
NEITHER = "examples that are neither images nor points of two numbers or more cannot be drawn"


def _given(seen: Subject, start: int, count: int) -> dict[str, np.ndarray]:
    """The conditions of one sample, for all on the way from it."""
    given = seen.samples.given
    return {name: np.repeat(leaf[start : start + 1], count, axis=0) for name, leaf in given.items()}


def _apart(x: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Less the mean of each class."""
    x = x.copy()
    for number in np.unique(label):
        x[label == number] -= x[label == number].mean(axis=0)
    return x


def _tiled(
    name: str,
    title: str,
    rows: Sequence[np.ndarray],
    row_names: Sequence[str],
    column_names: Sequence[str],
    gap_after: int = 0,
) -> Chart:
    """Images in rows, [columns, H, W, C] each."""
    canvas, across, down = _tiles(np.concatenate(rows), len(rows[0]), gap_after)

    def draw(figure: Any) -> str:
        axes = figure.add_subplot()
        _show(axes, canvas)
        axes.set_yticks(down, row_names)
        axes.set_xticks(across[: len(column_names)], column_names)
        return ""

    inch = 0.55 / (across[1] - across[0])
    height, width = canvas.shape[:2]
    return chart(name, title, (width * inch + 1.3, height * inch + 0.7), draw)


def _tiles(images: np.ndarray, columns: int, gap_after: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images [n, H, W, C] as tiles of one, a wider gap after one column; the middles of columns and rows."""
    scale, gap = max(1, 48 // min(images.shape[1:3])), 3
    tiles = quantise(images).repeat(scale, axis=1).repeat(scale, axis=2)
    n, height, width, channels = tiles.shape
    left = np.arange(columns) * (width + gap) + 4 * gap * (np.arange(columns) >= (gap_after or columns))
    top = np.arange(n // columns) * (height + gap)
    canvas = np.full((int(top[-1]) + height, int(left[-1]) + width, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        y, x = top[number // columns], left[number % columns]
        canvas[y : y + height, x : x + width] = tile[..., :3] if channels >= 3 else tile[..., :1]
    return canvas, left + width / 2, top + height / 2


def _show(axes: Any, canvas: np.ndarray) -> None:
    axes.imshow(canvas, interpolation="nearest")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=8)
    axes.set(xticks=[], yticks=[])


def _plane(axes: Any, seen: Subject, title: str) -> None:
    """Training points in grey, and room around them."""
    x = seen.train.x[:2000]
    axes.plot(x[:, 0], x[:, 1], ".", color=FAINT, ms=2, rasterized=True)
    reach = 1.25 * float(np.abs(x[:, :2]).max()) or 1.0
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
    axes.title.set_fontsize(9)


def _reach(values: np.ndarray) -> tuple[float, float]:
    """Between which ends nearly all of them lie, but for a tail that would leave the rest no room."""
    low, quarter, middle, three_quarters, high = np.percentile(values, (0.5, 25, 50, 75, 99.5))
    reach = 5 * (three_quarters - quarter)
    return max(low, middle - reach), min(high, middle + reach)


def _histogram(axes: Any, found: Mapping[str, np.ndarray]) -> None:
    """Densities in the same bins; what lies far out is in the outermost."""
    ends = np.array([_reach(values) for values in found.values()])  # of each: a large set outvotes none
    low, high = ends[:, 0].min(), ends[:, 1].max()
    if low == high:
        low, high = low - 0.5, high + 0.5
    bins = np.linspace(low, high, 41)
    for number, (name, values) in enumerate(found.items()):
        axes.hist(
            values.clip(low, high),
            bins,
            density=True,
            histtype="step",
            color=COLOURS[number],
            label=name,
            lw=1.6,
        )
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=5)
    axes.legend()


def power(images: np.ndarray) -> np.ndarray:
    """[n, H, W, C] -> [n, R]: the mean of |F|^2 / HW over each ring of frequencies and over channels.

    F is the Fourier transform; the r-th ring holds frequencies of about r cycles over the shorter side, up to
    R - 1, half of its pixels. Generators that enlarge by transposed convolutions have too much in the last
    rings (Durall et al., 2020). White noise of variance s^2 has s^2 in each.

    >>> stripes = np.cos(2 * np.pi * 3 * np.arange(16) / 16)[None, None, :, None] * np.ones((1, 16, 1, 1))
    >>> power(stripes)[0].argmax().item()
    3
    """
    height, width = images.shape[1:3]
    side = min(height, width)
    squared = np.square(np.abs(np.fft.fft2(images.astype(np.float64), axes=(1, 2)))).mean(axis=-1)
    y, x = np.fft.fftfreq(height)[:, None] * side, np.fft.fftfreq(width)[None] * side
    ring = np.rint(np.hypot(y, x)).astype(np.int64).ravel()
    rings = side // 2 + 1
    inside = ring < rings
    flat = squared.reshape(len(images), -1)[:, inside] / (height * width)
    total = np.stack([np.bincount(ring[inside], row, rings) for row in flat])
    return total / np.bincount(ring[inside], minlength=rings)
