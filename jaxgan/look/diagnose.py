"""`jaxgan diagnose`: the local dynamics of a game at checkpoints, in numbers and two pictures."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from jaxgan import reading
from jaxgan.errors import Refused
from jaxgan.evaluate.rotation import draw_batches, source_arrays
from jaxgan.folder import folder
from jaxgan.folder.files import write_files
from jaxgan.folder.weights import initial_state
from jaxgan.games.game import State
from jaxgan.instruments.diagnosis import Diagnosis, run_instruments
from jaxgan.instruments.field import on_one_device
from jaxgan.instruments.path import PathAngle, path_angle
from jaxgan.pictures.chart import Chart, chart, chart_style, files
from jaxgan.pictures.colours import COLOURS, FAINT, INK
from jaxgan.pictures.words import short
from jaxgan.run.program import layout, make_init
from jaxgan.run.reopen import Reopened, reopen
from jaxgan.run.seeds import root_keys

MEANING = {
    "rotation": "rotating share of the Jacobian: 0 for gradient descent on a potential, 1 for pure rotation",
    "spectrum/modulus": "largest modulus of an eigenvalue: gradient descent needs a step size below 2 / this",
    "spectrum/imaginary": "largest imaginary part of an eigenvalue: the speed of rotation",
    "spectrum/real": "largest real part of an eigenvalue: if negative, the state attracts",
    "g/bottom": "smallest eigenvalue of the Hessian of G's loss: if negative, G is not at a minimum",
    "g/top": "largest eigenvalue of the Hessian of G's loss",
    "d/bottom": "smallest eigenvalue of the Hessian of D's loss: if negative, D is not at a minimum",
    "d/top": "largest eigenvalue of the Hessian of D's loss",
    "g/gap": "how much G's loss falls if only G is trained",
    "d/gap": "how much D's loss falls if only D is trained",
    "g/noise_scale": "batch size up to which larger batches improve G's gradient in proportion",
    "d/noise_scale": "batch size up to which larger batches improve D's gradient in proportion",
}

MIN_PRODUCTS = 50
"""Fewest products with the Jacobian that an eigen-solver can start with."""


class Report(NamedTuple):
    """The files written, and the result as text."""

    files: list[Path]
    text: str


def diagnose(
    run: Path,
    at: Sequence[Literal["last", "best"]] = ("last",),
    out: Path | None = None,
    lane: str = "",
    batches: int = 8,
    k: int = 6,
    steps: int = 100,
    products: int = 500,
    say: Callable[[str], None] = lambda part: None,
    trust: bool = False,
) -> Report:
    """Applies all instruments to checkpoints of a run, on `batches` batches; writes RUN/diagnosis or `out`.

    Writes diagnosis.json and, as PNG and SVG, the spectrum and the path angle from the run's initial state.
    `products` limits each eigen-solve: of the k leading eigenvalues, and of the extremes of both Hessians.
    `say` reports progress.
    """
    if batches < 2:
        raise Refused(f"--batches must be at least 2, not {batches}: one to train on, one to test on")
    if products < MIN_PRODUCTS:
        raise Refused(f"--products must be at least {MIN_PRODUCTS}, not {products}")
    if steps < 1:
        raise Refused(f"--steps must be at least 1, not {steps}: the duality gaps are what they gain")
    if out is not None:
        folder.check_out(out)
    with chart_style():  # raises here rather than after minutes of work, if Matplotlib is missing
        pass
    home = (run / "diagnosis" / lane) if out is None else out
    results: dict[str, dict[str, Any]] = {}
    lines, charts = [], []
    first = reopen(run, at[0], lane, trust=trust)
    open_checkpoint = partial(reopen, run, lane=lane, source=first.experiment.source, trust=trust)
    checkpoints = {at[0]: first, **{which: open_checkpoint(which) for which in at[1:]}}
    game = on_one_device(first.experiment.game)  # for all checkpoints, so that instruments are compiled once
    for which, again in checkpoints.items():
        state, step = again.state, int(again.state.step)
        if same := [other for other, result in results.items() if result["step"] == step]:
            lines += [f"step {step} ({which}): same as {same[0]}", ""]
            continue
        data = draw_batches(
            again.experiment.source, (batches, again.config.batch_size), state.data_key, state.step
        )
        title = f"step {step} ({which})"

        def report(part: str, title: str = title) -> None:
            say(f"{title}: {part} ...")

        diagnosis = run_instruments(game, state, data, k=k, steps=steps, products=products, say=report)
        if len(diagnosis.spectrum):
            charts.append(_spectrum(f"spectrum-{which}", f"Eigenvalues at {title}", diagnosis.spectrum))
        report("path angle")
        path = None
        try:
            path = path_angle(game, _initial_state(again, run), state, jax.tree.map(lambda x: x[0], data))
            charts.append(_path(f"path-{which}", f"The path to {title}", path))
        except Refused as error:
            diagnosis.refused.append(f"path: {error}")
        results[which] = _plain(diagnosis, path, step)
        lines += [title, *_lines(diagnosis), ""]
    earlier = {name: x for name, x in _read(home / "diagnosis.json").items() if name not in at}
    content = {"diagnosis.json": json.dumps({**earlier, **results}, indent=1).encode(), **files(charts)}
    return Report(write_files(home, content), "\n".join(lines).rstrip())


def _read(path: Path) -> dict[str, Any]:
    """Returns the results of an earlier diagnosis, {} if there are none that can be read."""
    try:
        return dict(json.loads(reading.content(path)))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def _initial_state(again: Reopened, run: Path) -> State:
    """Returns the state of step 0, computed again."""
    experiment, config = again.experiment, again.config
    many, micro, size = layout(experiment, config)
    keys = root_keys([config])[0]
    arrays = source_arrays(experiment.source, (many * micro, size), keys.of_data, 0)
    return initial_state(make_init(experiment, config)(keys, arrays), folder.find_folder(run))


def _spectrum(name: str, title: str, spectrum: np.ndarray) -> Chart:
    def draw(figure: Any) -> str:
        axes = figure.subplots()
        axes.axvline(0, color=INK, lw=1)
        axes.plot(spectrum.real, spectrum.imag, "o", ms=4, alpha=0.7, color=COLOURS[0])
        axes.set(xlabel="real part", ylabel="imaginary part")
        return "a positive real part: unstable; an imaginary part: rotation"

    return chart(name, title, (4.8, 3.6), draw)


def _path(name: str, title: str, path: PathAngle) -> Chart:
    def draw(figure: Any) -> str:
        axes = figure.subplots()
        axes.axhline(0, color=FAINT, lw=1)
        axes.axvline(1, color=INK, lw=1, ls=":")
        axes.plot(path.place, path.cosine, color=COLOURS[0])
        axes.set(xlabel="position: 0 initial state, 1 this state", ylabel="cosine of the angle")
        axes.yaxis.label.set_color(COLOURS[0])
        norm_axes = axes.twinx()
        norm_axes.plot(path.place, path.norm, color=COLOURS[1], ls="--")
        norm_axes.set_yscale("log")
        norm_axes.grid(False)
        norm_axes.set_ylabel("norm of the vector field", color=COLOURS[1])
        return "at 1, a fall through 0: attraction; a bump: rotation"

    return chart(name, title, (5.4, 3.6), draw)


def _lines(diagnosis: Diagnosis) -> list[str]:
    numbers = diagnosis.numbers
    lines = [f"  {x:18}  {short(numbers[x]):>9}  {meaning}" for x, meaning in MEANING.items() if x in numbers]
    return [*lines, *(f"  {line}" for line in diagnosis.refused)]


def _plain(diagnosis: Diagnosis, path: PathAngle | None, step: int) -> dict[str, Any]:
    """Returns the result as JSON can hold it."""
    eigenvalues = [[float(x.real), float(x.imag)] for x in diagnosis.spectrum]
    angles = {} if path is None else {name: x.tolist() for name, x in path._asdict().items()}
    finite = {name: x if np.isfinite(x) else None for name, x in diagnosis.numbers.items()}
    return {"step": step, **finite, "eigenvalues": eigenvalues, "path": angles, "refused": diagnosis.refused}
