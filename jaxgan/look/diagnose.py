"""`jaxgan diagnose`: why a run goes as it does, by the instruments, in numbers and two pictures."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from jaxgan import reading
from jaxgan.errors import Refused
from jaxgan.evaluate.rotation import drawn, given_to
from jaxgan.folder import folder
from jaxgan.folder.files import write_files
from jaxgan.folder.weights import initial_state
from jaxgan.games.game import State
from jaxgan.instruments.diagnosis import Diagnosis, diagnosed
from jaxgan.instruments.field import on_one_device
from jaxgan.instruments.path import PathAngle, path_angle
from jaxgan.pictures.chart import Chart, chart, files, styled
from jaxgan.pictures.colours import COLOURS, FAINT, INK
from jaxgan.pictures.words import short
from jaxgan.run.program import layout, starter
from jaxgan.run.reopen import Reopened, reopened

MEANING = {
    "rotation": "share of the Jacobian that turns: 0 descends one potential, 1 goes round",
    "spectrum/modulus": "largest modulus: steps of plain descent must stay below 2 divided by it",
    "spectrum/imaginary": "largest imaginary part: how fast it turns",
    "spectrum/real": "largest real part: below 0 the state attracts",
    "g/bottom": "smallest curvature of G's loss: below 0 G is in no minimum",
    "g/top": "largest",
    "d/bottom": "smallest curvature of D's loss: below 0 D is in no minimum",
    "d/top": "largest",
    "g/gap": "what G alone still gains",
    "d/gap": "what D alone still gains",
    "g/noise_scale": "batch up to which G's steps get better in proportion",
    "d/noise_scale": "batch up to which D's steps get better in proportion",
}


LEAST = 50  # products that an eigen-solve can begin with


class Report(NamedTuple):
    """The files written, and what there is to say."""

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
    """All instruments on checkpoints of a run, on `batches` batches, into RUN/diagnosis or `out`.

    Writes diagnosis.json and, as PNG and SVG, the spectrum and the path angle from the run's beginning.
    `products` bounds each eigen-solve: k leading eigenvalues, and the ends of both Hessians. `say` is told
    what is going on.
    """
    if batches < 2:
        raise Refused(f"--batches must be at least 2, not {batches}: one to learn from, another to judge by")
    if products < LEAST:
        raise Refused(f"--products must be at least {LEAST}, not {products}")
    if steps < 1:
        raise Refused(f"--steps must be at least 1, not {steps}: a gap is what they gain")
    if out is not None:
        folder.check_out(out)
    with styled():  # refused here where Matplotlib is missing, and not after minutes of work
        pass
    home = (run / "diagnosis" / lane) if out is None else out
    found: dict[str, dict[str, Any]] = {}
    lines, charts = [], []
    newest = reopened(run, at[0], lane, trust=trust)  # one game: instruments are compiled once for it
    source = newest.experiment.source
    reopen = partial(reopened, run, lane=lane, source=source, trust=trust)
    opened = {at[0]: newest, **{where: reopen(where) for where in at[1:]}}
    game = on_one_device(newest.experiment.game)
    for where, again in opened.items():
        state, step = again.state, int(again.state.step)
        if same := [name for name in found if found[name]["step"] == step]:
            lines += [f"step {step} ({where}): as {same[0]}", ""]
            continue
        next_ones = drawn(again.experiment.source, (batches, again.config.batch_size), state.key, state.step)
        title = f"step {step} ({where})"

        def told(part: str, title: str = title) -> None:
            say(f"{title}: {part} ...")

        seen = diagnosed(game, state, next_ones, k=k, steps=steps, products=products, say=told)
        if len(seen.spectrum):
            charts.append(_spectrum(f"spectrum-{where}", f"Eigenvalues at {title}", seen.spectrum))
        told("and last the path angle")
        path, first = None, jax.tree.map(lambda x: x[0], next_ones)
        try:
            path = path_angle(game, _beginning(again, run), state, first)
            charts.append(_path(f"path-{where}", f"The way to {title}", path))
        except Refused as error:
            seen.refused.append(f"path: {error}")
        found[where] = _plain(seen, path, step)
        lines += [title, *_said(seen), ""]
    before = _before(home / "diagnosis.json")
    kept = {name: x for name, x in before.items() if name not in at}  # its pictures stay as well
    content = {"diagnosis.json": json.dumps({**kept, **found}, indent=1).encode(), **files(charts)}
    return Report(write_files(home, content), "\n".join(lines).rstrip())


def _before(path: Path) -> dict[str, Any]:
    """What an earlier diagnosis has found, nothing where there is none that can be read."""
    try:
        return dict(json.loads(reading.content(path)))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def _beginning(again: Reopened, run: Path) -> State:
    """The state of step 0, made again."""
    experiment, config = again.experiment, again.config
    many, micro, size = layout(experiment, config)
    key = jax.random.key(config.seed)
    arrays = given_to(experiment.source, (many * micro, size), key, 0)
    return initial_state(starter(experiment, config)(key, arrays), folder.find_folder(run))


def _spectrum(name: str, title: str, spectrum: np.ndarray) -> Chart:
    def draw(figure: Any) -> str:
        axes = figure.subplots()
        axes.axvline(0, color=INK, lw=1)
        axes.plot(spectrum.real, spectrum.imag, "o", ms=4, alpha=0.7, color=COLOURS[0])
        axes.set(xlabel="real part", ylabel="imaginary part")
        return "right of the line: grows; away from its middle: turns"

    return chart(name, title, (4.8, 3.6), draw)


def _path(name: str, title: str, path: PathAngle) -> Chart:
    def draw(figure: Any) -> str:
        axes = figure.subplots()
        axes.axhline(0, color=FAINT, lw=1)
        axes.axvline(1, color=INK, lw=1, ls=":")
        axes.plot(path.place, path.cosine, color=COLOURS[0])
        axes.set(xlabel="place on the line: 0 the beginning, 1 here", ylabel="cosine of the angle")
        axes.yaxis.label.set_color(COLOURS[0])
        beside = axes.twinx()
        beside.plot(path.place, path.norm, color=COLOURS[1], ls="--")
        beside.set_yscale("log")
        beside.grid(False)
        beside.set_ylabel("length of the field", color=COLOURS[1])
        return "a fall through 0 at 1: attraction; a bump there: rotation"

    return chart(name, title, (5.4, 3.6), draw)


def _said(seen: Diagnosis) -> list[str]:
    numbers = {name: seen.numbers[name] for name in MEANING if name in seen.numbers}
    lines = [f"  {name:18}  {short(value):>9}  {MEANING[name]}" for name, value in numbers.items()]
    return [*lines, *(f"  {line}" for line in seen.refused)]


def _plain(seen: Diagnosis, path: PathAngle | None, step: int) -> dict[str, Any]:
    eigenvalues = [[float(x.real), float(x.imag)] for x in seen.spectrum]
    angles = {} if path is None else {name: x.tolist() for name, x in path._asdict().items()}
    finite = {name: x if np.isfinite(x) else None for name, x in seen.numbers.items()}
    return {"step": step, **finite, "eigenvalues": eigenvalues, "path": angles, "refused": seen.refused}
