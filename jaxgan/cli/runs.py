"""What can be done with a run folder."""

import runpy
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from jaxgan.errors import Refused, looked
from jaxgan.terminal import visible

Run = Annotated[Path, tyro.conf.Positional]


def resume(
    run: Run,
    options: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    *,
    steps: int | None = None,
    force: bool = False,
    trust: bool = False,
) -> None:
    """Goes on with a run, bit for bit, by the script that was copied into it.

    Args:
        run: The run folder.
        options: After `--`, options of the script to change, as in `-- --devices 1`.
        steps: Updates in all, if more than it was started with.
        force: Go on although the run is then another: its options, data or script have changed.
        trust: Run the script in the run folder although it, or a module of its own, is not what it was.
    """
    from jaxgan.folder import folder, trusted
    from jaxgan.folder.manifest import copied_script, read_manifest

    place = folder.existing(run)
    script = str(copied_script(place))
    trusted.check(place, trust)
    sys.path.insert(0, str(Path(read_manifest(place).script).parent))
    more = [] if steps is None else ["--steps", str(steps)]
    _play(script, ["--resume", str(run), *more, *(["--force"] if force else []), *options])


def sample(
    run: Run,
    *,
    n: int | None = None,
    seed: int = 0,
    out: Path | None = None,
    given: tuple[str, ...] = (),
    at: Literal["last", "best"] = "last",
    lane: str = "",
    average: str = "",
    trust: bool = False,
) -> None:
    """Draws samples from a run's generator: the same bytes every time.

    Args:
        run: The run folder.
        n: How many; by default 64, or as many as conditions are given.
        seed: Of the latents.
        given: What to draw under, in the place of held-out conditions: label=3, an .npz of arrays by name, a
            folder of pictures, a text file; NAME=PATH where the generator is told several such things.
        out: The file to write, by its name a .png of images or points, a .csv of points or a table, a .txt of
            tokens, a .wav of sound, a .gif of videos, or the numbers as .npy; by default what is usual.
        at: The newest checkpoint, or the one that scored best.
        lane: Which of the runs that were trained as one, as in seed=3.
        average: Which of several averages of the generator, by its name; by default the first.
        trust: Run the script in the run folder although it, or a module of its own, is not what it was.
    """
    from jaxgan.folder.folder import check_out
    from jaxgan.folder.settings import check_seed
    from jaxgan.run.given import read_given
    from jaxgan.run.reopen import reopened
    from jaxgan.run.sample import sampler
    from jaxgan.run.written import check_name, unwritten, usual_name, written

    check_seed(seed)
    if n is not None and n < 1:
        raise Refused(f"--n must be at least 1, not {n}")
    again = reopened(run, at, lane, average=average, trust=trust)
    game, source = again.experiment.game, again.experiment.source
    told = read_given(given, {name: source.leaves[name] for name in game.given})
    n = n or max([len(leaf) for name, leaf in told.items() if name != "label"], default=64)
    kind = again.experiment.source.kind
    if out is None:
        out = Path(usual_name(kind))
        if why := unwritten(kind):
            print(f"warning: {why}", file=sys.stderr)
    check_name(kind, out)  # sooner than they are drawn
    check_out(out)
    samples = sampler(game, source)(again.state.generator, n, seed, given=told or None)
    try:
        written(kind, samples, out)
    except OSError as error:
        raise Refused(f"cannot write {out}: {error.strerror or error}") from None
    print(f"{out}: {n} samples of step {int(again.state.step)}")


def export(
    run: Run,
    *,
    out: Path | None = None,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    average: str = "",
    trust: bool = False,
) -> None:
    """Writes a folder that draws samples without jaxgan, and with which a new run can begin.

    Args:
        run: The run folder.
        out: The folder to write; by default RUN/export-STEP.
        at: The newest checkpoint, or the one that scored best.
        lane: Which of the runs that were trained as one, as in seed=3.
        average: Which of several averages of the generator, by its name; by default the first.
        trust: Run the script in the run folder although it, or a module of its own, is not what it was.
    """
    from jaxgan.run.export import export

    print(export(run, out, at, lane, average, trust))


def take(run: Run, lane: Annotated[str, tyro.conf.Positional], *, out: Path, trust: bool = False) -> None:
    """Takes one lane of a run out, as a run of its own to go on with.

    Args:
        run: The run folder.
        lane: Which of the runs that were trained as one, as in seed=3.
        out: The new run folder.
        trust: Run the script in the run folder although it, or a module of its own, is not what it was.
    """
    from jaxgan.run.take import take

    print(take(run, lane, out, trust))


def begin(
    weights: Run,
    options: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    *,
    out: str = "",
    trust: bool = False,
) -> None:
    """Begins a new run with exported weights, by the script and the options in the export.

    Args:
        weights: The folder of an export, or the .safetensors file in it.
        options: After `--`, options of the script to change, as in `-- --lr 1e-4`.
        out: The new run folder.
        trust: Run the script in the export although it, or a module of its own, is not what it was.
    """
    from jaxgan.folder import trusted
    from jaxgan.folder.weights import NAME, file, notes

    home = (weights if looked(Path.is_dir, weights) else weights.parent).absolute()
    if file(weights).name != NAME:
        raise Refused(
            f"{weights} is not called {NAME}, as that of an export is: give it to the --weights of a script"
        )
    script = trusted.check_export(home, notes(file(weights)), trust)
    sys.path.insert(0, str(script.parent))
    _play(str(script), ["--weights", str(home), *(["--out", out] if out else []), *options])


def info(run: Run) -> None:
    """Says what a run folder holds: options, versions, how far it came and why it ended.

    Args:
        run: The run folder.
    """
    from jaxgan.folder import folder, rows
    from jaxgan.folder.create import edited, in_words
    from jaxgan.folder.manifest import commit, devices, ends, in_a_line, read_manifest, still_lanes

    place = folder.existing(run)
    manifest, config = read_manifest(place), folder.read_config(place)
    steps = sorted(int(p.name) for p in place.checkpoints.glob("[0-9]*") if p.name.isdecimal())
    lines: dict[str, Any] = {
        "script": manifest.script or "none: made by jg.fit",
        "created": manifest.created,
        "commit": commit(manifest),
        "versions": ", ".join(f"{name} {version}" for name, version in manifest.versions.items()),
        "devices": devices(manifest.devices),
        "options": ", ".join(f"{name}={value}" for name, value in config.items()),
        "checkpoints": ", ".join(map(str, steps)) or "none",
    }
    if options := edited(place):
        lines["edited"] = f"config.json, not by a session: {in_words(options)}"
    if manifest.data.note:
        lines["data"] = manifest.data.note
    if manifest.taken:
        lines["taken"] = manifest.taken
    if manifest.weights:
        lines["begun with"] = manifest.weights.path
    for number, (entry, end) in enumerate(zip(manifest.sessions, ends(place, manifest), strict=True), 1):
        lines[f"session {number}"] = in_a_line(entry, end)
    if still := still_lanes(manifest):
        lines["standing still"] = "; ".join(f"{name} {why}" for name, why in still.items())
    if logged := rows.read(place.metrics):
        numbers = {"step": logged[-1].step, **logged[-1].numbers}
        lines["last numbers"] = ", ".join(f"{name}={_rounded(value)}" for name, value in numbers.items())
    width = max(map(len, lines))
    print("\n".join(f"{name:{width}}  {visible(str(value))}" for name, value in lines.items()))


def _rounded(value: Any) -> str:
    """A number, or those of lanes.

    >>> _rounded([0.123456, None, float("nan")]), _rounded(1234567)
    ('[0.1235, -, nan]', '1234567')
    """
    if isinstance(value, list):
        return f"[{', '.join(map(_rounded, value))}]"
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def prepare(name: Annotated[str, tyro.conf.Positional]) -> None:
    """Downloads a data set of TFDS and writes it, once, so that --data tfds:NAME needs no TensorFlow.

    Args:
        name: As TFDS calls it: mnist, cifar10, celeb_a, imagenet_resized/32x32, ...
    """
    from jaxgan.data import tfds

    tfds.prepare(name)


def _play(script: str, args: list[str]) -> None:
    from jaxgan.run.command import CALLS

    sys.argv, before = [script, *args], len(CALLS)
    try:
        runpy.run_path(script, run_name="__main__")
    except (ImportError, SyntaxError) as error:
        raise Refused(f"{script} cannot be run: {error}; it looks for modules in {sys.path[0]}") from error
    if len(CALLS) == before:
        raise Refused(
            f"{script} does not call jg.main, so nothing was done: run the one that does, with {args[0]}"
        )
