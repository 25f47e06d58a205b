"""The pictures of `jaxgan analyze`: each a chart, or a line saying why it cannot be drawn."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.look import latent
from jaxgan.look.subject import Subject
from jaxgan.metrics import disentanglement
from jaxgan.metrics.nearest import nearest
from jaxgan.pictures.chart import Chart, chart
from jaxgan.pictures.colours import COLOURS, FAINT, INK
from jaxgan.pictures.images import quantise

Panel = Callable[[Subject], Chart | str]

TRUNCATIONS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)


def interpolation(subject: Subject) -> Chart | str:
    """Draws paths from one latent to another, linear and spherical."""
    if (latents := subject.latents) is None:
        return NO_LATENTS
    title = "Interpolation between latents"
    paths = {"linear": latent.linear, "spherical": latent.spherical}
    starts, ends = latents.z[:8:2], latents.z[1:8:2]
    if subject.images:
        t = np.linspace(0, 1, 9)
        rows, names = [], []
        for number, (a, b) in enumerate(zip(starts, ends, strict=True)):
            for name, path in paths.items():
                rows.append(latents.decode(path(a, b, t), _given(subject, 2 * number, len(t))))
                names.append(name)
        return _image_grid("interpolation", title, rows, names, [f"{x:.3g}" for x in t])
    if not subject.points:
        return NOT_DRAWABLE
    t = np.linspace(0, 1, 400)

    def draw(figure: Any) -> str:
        for axes, (name, path) in zip(figure.subplots(1, 2), paths.items(), strict=True):
            _plane(axes, subject, name)
            for number, (a, b) in enumerate(zip(starts, ends, strict=True)):
                x = latents.decode(path(a, b, t), _given(subject, 2 * number, len(t)))
                axes.plot(x[:, 0], x[:, 1], color=COLOURS[number], lw=1.4)
                axes.plot(x[[0, -1], 0], x[[0, -1], 1], "o", color=COLOURS[number], ms=4)
        return "grey: training examples"

    return chart("interpolation", title, (7.2, 3.7), draw)


def truncation(subject: Subject) -> Chart | str:
    """Draws samples of latents moved towards their mean, which trades diversity for typical samples."""
    if (latents := subject.latents) is None:
        return NO_LATENTS
    title = "Latents z moved towards their mean m: m + psi (z - m)"
    mean = latents.z.mean(axis=0)
    if subject.images:
        z, given = latents.z[:10], {name: leaf[:10] for name, leaf in subject.samples.given.items()}
        rows = [latents.decode(mean + psi * (z - mean), given) for psi in TRUNCATIONS]
        return _image_grid("truncation", title, rows, [f"psi {psi:g}" for psi in TRUNCATIONS], [])
    if not subject.points:
        return NOT_DRAWABLE

    def draw(figure: Any) -> str:
        for axes, psi in zip(figure.subplots(2, 3).flat, TRUNCATIONS, strict=True):
            _plane(axes, subject, f"psi {psi:g}")
            x = latents.decode(mean + psi * (latents.z - mean), subject.samples.given)
            axes.plot(x[:, 0], x[:, 1], ".", color=COLOURS[0], ms=2, alpha=0.6, rasterized=True)
        return "grey: training examples"

    return chart("truncation", title, (7.2, 5.2), draw)


def traversals(subject: Subject) -> Chart | str:
    """Draws samples along the directions of the latent space that change most."""
    if (latents := subject.latents) is None:
        return NO_LATENTS
    if not subject.images and not subject.points:
        return NOT_DRAWABLE
    title = "Along latent directions"
    z, x, label = latents.z, subject.samples.x, subject.samples.given.get("label")
    if label is not None:  # differences between classes do not follow the latent
        z, x = _centre_classes(z, label), _centre_classes(x, label)
    directions = latent.directions(z, x, 6)
    if not len(directions.vectors):
        return "all samples are the same: no direction changes them"
    names = [
        f"{100 * varied:.0f} % of variance"
        + (f"\n{100 * followed:.0f} % linear in z" if followed >= 0 else "")
        for varied, followed in zip(directions.varied, directions.followed, strict=True)
    ]
    reach = 3 * (latents.z @ directions.vectors.T).std(axis=0)
    if subject.images:
        t = np.linspace(-1, 1, 7)
        rows = []
        for vector, far in zip(directions.vectors, reach, strict=True):
            paths = [latents.z[start] + far * t[:, None] * vector for start in (0, 1)]
            decoded = [latents.decode(z, _given(subject, start, len(t))) for start, z in enumerate(paths)]
            rows.append(np.concatenate(decoded))
        return _image_grid("directions", title, rows, names, [f"{3 * x:+.2g}" for x in t] * 2, gap_after=7)
    t = np.linspace(-1, 1, 61)

    def draw(figure: Any) -> str:
        subplots = np.atleast_1d(figure.subplots(1, len(names)))
        for axes, name, vector, far in zip(subplots, names, directions.vectors, reach, strict=True):
            _plane(axes, subject, name)
            for start in range(12):
                path = latents.z[start] + far * t[:, None] * vector
                points = latents.decode(path, _given(subject, start, len(t)))
                axes.plot(points[:, 0], points[:, 1], color=COLOURS[start % len(COLOURS)], lw=1)
        return "grey: training examples; each line spans 3 standard deviations on either side of a latent"

    return chart("directions", title, (3.6 * len(names), 3.8), draw)


def codes(subject: Subject) -> Chart | str:
    """Draws samples that differ in one code of the latent: in its class, or in one of its numbers."""
    if (latents := subject.latents) is None:
        return NO_LATENTS
    if not subject.images:
        return "only images can be drawn along codes"
    rows, names = [], []
    for name, part in latents.parts.items():
        for code, columns, values in _along(name, part, latents.z):
            for start in (0, 1):
                z = np.repeat(latents.z[start : start + 1], CODE_VALUES, axis=0)
                z[:, columns] = values
                rows.append(latents.decode(z, _given(subject, start, CODE_VALUES)))
                names.append("" if start else code)
    if not rows:
        return NO_CODES
    return _image_grid("codes", "Along the codes of two latents", rows, names, [])


def interpretability(subject: Subject) -> Chart | str:
    """Draws how much each code that D reads off real examples tells of each of their true factors."""
    if isinstance(told := subject.told, str):
        return told
    shares = disentanglement.shares(told.codes, told.factors)
    gap = disentanglement.mutual_information_gap(told.codes, told.factors)["mig"]

    def draw(figure: Any) -> str:
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="cividis", vmin=0, vmax=1, aspect="auto")
        axes.grid(False)
        axes.set_yticks(range(len(told.names)), told.names)
        axes.set_xticks(range(len(told.factors)), list(told.factors))
        for (row, column), share in np.ndenumerate(shares):
            colour = "black" if share > 0.5 else "white"
            axes.text(column, row, f"{share:.2f}", ha="center", va="center", color=colour, fontsize=8)
        return (
            f"mutual information gap {gap.value:.3f}, 95 % interval {gap.low:.3f} to {gap.high:.3f}\n"
            f"share of a factor's entropy that a code tells, of {len(told.codes):,} real examples"
        )

    size = (1.6 + 0.7 * len(told.factors), 1.4 + 0.4 * len(told.names))
    return chart("interpretability", "What codes tell of the true factors", size, draw)


def neighbours(subject: Subject) -> Chart | str:
    """Draws the nearest training examples, and their distances from samples and from held-out examples."""
    title = "Nearest training examples, by Euclidean distance"
    k = min(5, len(subject.train.x))
    index, distance = nearest(subject.samples.x, subject.train.x, k=k)
    held_out = None if subject.held_out is None else nearest(subject.held_out.x, subject.train.x)[1][:, 0]

    def draw(figure: Any) -> str:
        axes = figure.subplots(1, 2, width_ratios=(1, 1.3)) if subject.images else [figure.add_subplot()]
        if subject.images:
            count = 10
            rows = np.stack(
                [subject.samples.x[:count], *(subject.train.x[index[:count, rank]] for rank in range(k))],
                axis=1,
            )
            _show(axes[0], _tiles(rows.reshape(-1, *subject.shape), 1 + k, 1)[0])
            axes[0].set_title("each sample, and its nearest on the right", fontsize=9)
        distances = {"samples": distance[:, 0], **({} if held_out is None else {"held out": held_out})}
        _histogram(axes[-1], distances)
        axes[-1].set_xlabel("distance to the nearest training example")
        size = f"{'all' if subject.whole else 'the first'} {len(subject.train.x):,} training examples"
        copies = "" if held_out is None else "; samples nearer than held-out examples are copies"
        return f"{size}{copies}\n{OUTERMOST}"

    return chart("neighbours", title, (7.4, 4.4) if subject.images else (4.4, 3.2), draw)


def spectrum(subject: Subject) -> Chart | str:
    """Draws the power spectra of real and of generated images."""
    if not subject.images:
        return "only images have a power spectrum"

    def draw(figure: Any) -> str:
        axes = figure.add_subplot()
        for name, x, colour in (
            ("training examples", subject.train.x[: len(subject.samples.x)], INK),
            ("samples", subject.samples.x, COLOURS[1]),
        ):
            low, median, high = np.percentile(power(x), (10, 50, 90), axis=0)
            axes.plot(median, color=colour, label=name)
            axes.fill_between(np.arange(len(median)), low, high, color=colour, alpha=0.15, lw=0)
        axes.set_yscale("log")
        axes.set_xlabel("cycles per image")
        axes.set_ylabel("power")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
        return "median over images, and the band of 80 % of them"

    return chart("spectrum", "Power spectrum", (4.8, 3.4), draw)


def scores(subject: Subject) -> Chart | str:
    """Draws the discriminator's logits of training examples, held-out examples and samples."""
    if subject.judge is None:
        return "this game has no single network that judges examples"
    sets = {"training": subject.train, "held out": subject.held_out, "samples": subject.samples}
    logits = {name: subject.judge(*examples) for name, examples in sets.items() if examples is not None}
    if not all(np.isfinite(values).all() for values in logits.values()):
        return "the discriminator's logits are not finite"

    def draw(figure: Any) -> str:
        axes = figure.add_subplot()
        _histogram(axes, logits)
        axes.set_xlabel("logit of the discriminator")
        overfitted = "if held-out examples score as low as samples, D has overfitted"
        return f"{overfitted if subject.held_out else 'there are no held-out examples'}\n{OUTERMOST}"

    return chart("scores", "Scores of the discriminator", (4.8, 3.4), draw)


PANELS: Sequence[Panel] = (
    interpolation,
    truncation,
    traversals,
    neighbours,
    spectrum,
    scores,
)
OF_CODES: Sequence[Panel] = (codes, interpretability)
"""Pictures of latents in parts only."""
CODE_VALUES = 10
"""Values of a code in a row of pictures."""
MOST_NUMBERS = 8
"""Numbers in a part of the latent that counts as a code; a larger one is noise."""
OUTERMOST = "the outermost bars include all values beyond them"
NO_LATENTS = "this game has no latents"
NO_CODES = "the latent has no codes: no part that is one-hot, and none of a few numbers beside others"
NOT_DRAWABLE = "only images, and points of at least two dimensions, can be drawn"


def _along(name: str, part: slice, z: np.ndarray) -> list[tuple[str, slice, np.ndarray]]:
    """Returns paths along a code of latents z [N, size]: (name, columns, values [CODE_VALUES, columns])."""
    values, size = z[:, part], part.stop - part.start
    if size > 1 and (np.sort(values, axis=1) == np.eye(size)[-1]).all():  # one-hot
        return [(name, part, np.eye(size)[np.arange(CODE_VALUES) % size])]
    if size > MOST_NUMBERS:
        return []
    paths = np.linspace(*np.percentile(values, (1, 99), axis=0), CODE_VALUES)
    names = [f"{name} {i}" if size > 1 else name for i in range(size)]
    return [
        (code, slice(part.start + i, part.start + i + 1), paths[:, i : i + 1]) for i, code in enumerate(names)
    ]


def _given(subject: Subject, start: int, count: int) -> dict[str, np.ndarray]:
    """Returns the conditions of one sample, repeated for a path."""
    given = subject.samples.given
    return {name: np.repeat(leaf[start : start + 1], count, axis=0) for name, leaf in given.items()}


def _centre_classes(x: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Subtracts the mean of each class."""
    x = x.copy()
    for number in np.unique(label):
        x[label == number] -= x[label == number].mean(axis=0)
    return x


def _image_grid(
    name: str,
    title: str,
    rows: Sequence[np.ndarray],
    row_names: Sequence[str],
    column_names: Sequence[str],
    gap_after: int = 0,
) -> Chart:
    """Draws rows of images, [columns, H, W, C] each."""
    canvas, x, y = _tiles(np.concatenate(rows), len(rows[0]), gap_after)

    def draw(figure: Any) -> str:
        axes = figure.add_subplot()
        _show(axes, canvas)
        axes.set_yticks(y, row_names)
        axes.set_xticks(x[: len(column_names)], column_names)
        return ""

    inch = 0.55 / (x[1] - x[0])
    height, width = canvas.shape[:2]
    return chart(name, title, (width * inch + 1.3, height * inch + 0.7), draw)


def _tiles(images: np.ndarray, columns: int, gap_after: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns images [n, H, W, C] tiled, with a wider gap after a column; the centres of columns and rows."""
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


def _plane(axes: Any, subject: Subject, title: str) -> None:
    """Draws training points in grey, with a margin."""
    x = subject.train.x[:2000]
    axes.plot(x[:, 0], x[:, 1], ".", color=FAINT, ms=2, rasterized=True)
    reach = 1.25 * float(np.abs(x[:, :2]).max()) or 1.0
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
    axes.title.set_fontsize(9)


def _range(values: np.ndarray) -> tuple[float, float]:
    """Returns a range with nearly all values, without long tails that would compress the rest."""
    low, lower, median, upper, high = np.percentile(values, (0.5, 25, 50, 75, 99.5))
    reach = 5 * (upper - lower)
    return max(low, median - reach), min(high, median + reach)


def _histogram(axes: Any, sets: Mapping[str, np.ndarray]) -> None:
    """Draws densities in the same bins; values beyond them are in the outermost."""
    ends = np.array(
        [_range(values) for values in sets.values()]
    )  # of each set, so that large ones do not dominate
    low, high = ends[:, 0].min(), ends[:, 1].max()
    if low == high:
        low, high = low - 0.5, high + 0.5
    bins = np.linspace(low, high, 41)
    for number, (name, values) in enumerate(sets.items()):
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
    """Returns the power spectrum [n, H, W, C] -> [n, R]: |F|^2 / HW, averaged over rings and channels.

    F is the Fourier transform; the r-th ring has the frequencies of about r cycles over the shorter side, up
    to R - 1, half of its pixels. Generators that upsample by transposed convolutions have too much power in
    the last rings (Durall et al., 2020). White noise of variance s^2 has power s^2 in each.

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
