"""The commands that continue, sample from, export and describe runs."""

import runpy
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from jaxgan.errors import Refused, probe
from jaxgan.terminal import escape

Run = Annotated[Path, Positional, arg(metavar="RUN", help="Run folder.")]
Options = Annotated[tuple[str, ...], Positional, arg(metavar="[-- OPTIONS]", help_behavior_hint="")]
Out = Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")]
Name = Annotated[str, arg(metavar="NAME", help_behavior_hint="")]
Names = Annotated[tuple[str, ...], arg(metavar="NAME [NAME ...]", help_behavior_hint="")]
Number = Annotated[int | None, arg(metavar="N", help_behavior_hint="")]
At = Annotated[Literal["last", "best"], arg(help="Checkpoint: the newest, or the one with the best score.")]
Lane = Annotated[Name, arg(metavar="LANE", help="Lane of a run that has several, for instance seed=3.")]
Average = Annotated[Name, arg(help="Average of the generator to use; by default the first.")]
Truncation = Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="")]
Trust = Annotated[
    bool, arg(help="Execute the script even if it or a module next to it has changed since the run.")
]


def resume(
    run: Run,
    options: Options = (),
    *,
    steps: Number = None,
    force: bool = False,
    trust: Trust = False,
) -> None:
    """Continues a run, bit for bit, with the script that was copied into it.

    Args:
        options: Options of the script to change, for instance -- --devices 1.
        steps: Total number of steps, if more than the run was started with.
        force: Continue even if options, data or script have changed, which makes it another run.
    """
    from jaxgan.folder import folder, trusted
    from jaxgan.folder.manifest import read_manifest, script_copy

    place = folder.find_folder(run)
    script = str(script_copy(place))
    trusted.check(place, trust)
    sys.path.insert(0, str(Path(read_manifest(place).script).parent))
    more = [] if steps is None else ["--steps", str(steps)]
    _execute(script, ["--resume", str(run), *more, *(["--force"] if force else []), *options])


def sample(
    run: Run,
    *,
    n: Number = None,
    seed: int = 0,
    out: Out = None,
    given: Annotated[Names, arg(metavar="CONDITION [CONDITION ...]")] = (),
    truncation: Truncation = None,
    at: At = "last",
    lane: Lane = "",
    average: Average = "",
    trust: Trust = False,
) -> None:
    """Draws samples from the generator of a run: the same bytes every time.

    Args:
        n: Number of samples; by default 64, or the number of conditions in --given.
        seed: Seed of the latents.
        given: Conditions to use instead of held-out ones: label=3, an .npz of arrays by name, a folder of
            images or a text file; NAME=PATH if the generator has several conditions.
        truncation: For samples that vary less: styles at this share of their distance to the average style,
            from 0 to 1; of a generator without styles, normal latents within this bound, such as 0.5.
        out: Output file, whose extension selects the format: .png for images or points, .csv for points or
            tables, .txt for tokens, .wav for audio, .gif for videos, .npy for arrays; by default grid.png,
            or samples with the usual extension. Without an extension it is a folder, for a .png of each
            image, named as the picture in --given that it is made from.
    """
    from jaxgan.data.kind import Image
    from jaxgan.folder.folder import check_out
    from jaxgan.folder.settings import check_seed
    from jaxgan.pictures import png
    from jaxgan.run import translations
    from jaxgan.run.given import read_given
    from jaxgan.run.reopen import reopen
    from jaxgan.run.sample import sampler, truncated
    from jaxgan.run.written import check_name, default_name, missing_writer, write_samples

    check_seed(seed)
    if n is not None and n < 1:
        raise Refused(f"--n must be at least 1, not {n}")
    again = reopen(run, at, lane, average=average, trust=trust)
    game, source = again.experiment.game, again.experiment.source
    game = game if truncation is None else truncated(game, truncation)
    leaves = {name: source.leaves[name] for name in game.given}
    conditions = read_given(given, leaves)
    kind, files = source.kind, translations.files(given, leaves)
    for line in translations.remarks(files, leaves, list(conditions)):
        print(f"note: {escape(line)}", file=sys.stderr)
    pictures = translations.pictures_given(leaves, game.given) if isinstance(kind, Image) else []
    default = 24 if pictures else 64
    n = n or max([len(leaf) for name, leaf in conditions.items() if name != "label"], default=default)
    if out is None:
        out = Path(default_name(kind))
        if why := missing_writer(kind):
            print(f"warning: {why}", file=sys.stderr)
    each = isinstance(kind, Image) and (not out.suffix or probe(Path.is_dir, out))
    if not each:
        check_name(kind, out)  # before drawing
    check_out(out)
    samples = sampler(game, source)(again.state.generator, n, seed, given=conditions or None)
    try:
        if each:
            translations.write_each(samples, next(iter(files.values()), []), out)
        elif pictures and out.suffix.lower() == ".png":
            shown = translations.beside(source, game.given)
            assert shown is not None
            if own := {name: conditions[name] for name in pictures if name in conditions}:
                shown = shown._replace(inputs={**shown.inputs, **own}, truths=None)
            png.save(shown.drawn(samples), out, f"From left to right: {shown.words}.")
        else:
            write_samples(kind, samples, out)
    except OSError as error:
        raise Refused(f"cannot write {out}: {error.strerror or error}") from None
    print(f"{out}: {n} sample{'s' * (n > 1)} of step {int(again.state.step)}")


def export(
    run: Run,
    *,
    out: Out = None,
    truncation: Truncation = None,
    at: At = "last",
    lane: Lane = "",
    average: Average = "",
    trust: Trust = False,
) -> None:
    """Exports a generator to a folder that draws samples without jaxgan, and from which a new run can start.

    Args:
        out: Output folder; by default RUN/export-STEP.
        truncation: All samples of the export are truncated by this much, as by jaxgan sample --truncation.
    """
    from jaxgan.run.export import export

    print(export(run, out, at, lane, average, trust, truncation))


def take(run: Run, lane: Annotated[Lane, Positional], *, out: Path, trust: Trust = False) -> None:
    """Copies one lane of a run to a run folder of its own, which can be resumed.

    Args:
        out: New run folder.
    """
    from jaxgan.run.take import take

    print(take(run, lane, out, trust))


def start(
    weights: Annotated[Path, Positional],
    options: Options = (),
    *,
    out: Annotated[Name, arg(metavar="PATH")] = "",
    trust: Trust = False,
) -> None:
    """Starts a new run from exported weights, with the script and the options of the export.

    Args:
        weights: Export folder, or the .safetensors file in it.
        options: Options of the script to change, for instance -- --lr 1e-4.
        out: New run folder.
    """
    from jaxgan.folder import trusted
    from jaxgan.folder.weights import NAME, find_file, metadata

    home = (weights if probe(Path.is_dir, weights) else weights.parent).absolute()
    if find_file(weights).name != NAME:
        raise Refused(
            f"{weights} is not named {NAME} like the file of an export: give it to --weights of a script"
        )
    script = trusted.check_export(home, metadata(find_file(weights)), trust)
    sys.path.insert(0, str(script.parent))
    _execute(str(script), ["--weights", str(home), *(["--out", out] if out else []), *options])


def info(run: Run) -> None:
    """Describes a run: options, versions, progress, and why it ended."""
    from jaxgan.folder import folder, rows
    from jaxgan.folder.create import describe_changes, edited_options
    from jaxgan.folder.manifest import commit, devices, endings, halted_lanes, read_manifest, session_line

    place = folder.find_folder(run)
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
    if options := edited_options(place):
        lines["edited"] = f"config.json, not by a session: {describe_changes(options)}"
    if manifest.data.note:
        lines["data"] = manifest.data.note
    if manifest.taken:
        lines["taken"] = manifest.taken
    if manifest.weights:
        lines["weights"] = manifest.weights.path
    for number, (entry, end) in enumerate(zip(manifest.sessions, endings(place, manifest), strict=True), 1):
        lines[f"session {number}"] = session_line(entry, end)
    if still := halted_lanes(manifest):
        lines["halted lanes"] = "; ".join(f"{name} {why}" for name, why in still.items())
    if logged := rows.read(place.metrics):
        numbers = {"step": logged[-1].step, **logged[-1].numbers}
        lines["last numbers"] = ", ".join(f"{name}={_rounded(value)}" for name, value in numbers.items())
    width = max(map(len, lines))
    print("\n".join(f"{name:{width}}  {escape(str(value))}" for name, value in lines.items()))


def _rounded(value: Any) -> str:
    """Formats a number, or the list of those of lanes.

    >>> _rounded([0.123456, None, float("nan")]), _rounded(1234567)
    ('[0.1235, -, nan]', '1234567')
    """
    if isinstance(value, list):
        return f"[{', '.join(map(_rounded, value))}]"
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def prepare(name: Annotated[str, Positional, arg(metavar="NAME")]) -> None:
    """Downloads a TFDS data set and converts it once, so that --data tfds:NAME does not need TensorFlow.

    Args:
        name: Name in TFDS: mnist, cifar10, celeb_a, imagenet_resized/32x32, ...
    """
    from jaxgan.data import tfds

    tfds.prepare(name)


def _execute(script: str, args: list[str]) -> None:
    from jaxgan.run.command import CALLS

    sys.argv, before = [script, *args], len(CALLS)
    try:
        runpy.run_path(script, run_name="__main__")
    except (ImportError, SyntaxError) as error:
        raise Refused(f"{script} cannot be run: {error}; it looks for modules in {sys.path[0]}") from error
    if len(CALLS) == before:
        raise Refused(
            f"{script} does not call jg.main, so nothing was done: run the script that does, with {args[0]}"
        )
