"""`jaxgan evaluate`: the scores of a checkpoint beside those of real examples, printed and as JSON."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jaxgan.data.kind import Image
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.evaluate.cycles import way_back
from jaxgan.evaluate.extractor import Extractor, raw
from jaxgan.evaluate.features import Numbers
from jaxgan.evaluate.local import local
from jaxgan.evaluate.measures import usual_extractor
from jaxgan.evaluate.names import better
from jaxgan.evaluate.panel import Draw, Panel, copies, default_count, panel
from jaxgan.folder import files, folder
from jaxgan.folder.settings import check_seed
from jaxgan.games.game import Game
from jaxgan.metrics.metric import INTERVALS, Estimate
from jaxgan.metrics.pairs import DISTANCES, Distance
from jaxgan.pictures import png
from jaxgan.pictures.drawn import drawn
from jaxgan.run.reopen import Reopened, read_lanes, reopen
from jaxgan.run.sample import sampler
from jaxgan.terminal import escape


class Options(NamedTuple):
    """The options of `jaxgan evaluate`, as its --help describes them."""

    n: int = 0
    seed: int = 0
    split: Literal["test", "train"] = "test"
    extractor: Literal["auto", "local", "raw", "inception", "vgg16", "lite0"] = "auto"
    weights: Path | None = None
    resizer: Literal["clean", "tf1"] = "clean"
    lpips: Literal["none", "vgg16", "alexnet"] = "none"
    average: str = ""


def evaluate(
    run: Path,
    options: Options,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    say: Callable[[str], None] = lambda line: None,
    trust: bool = False,
) -> list[Path]:
    """Evaluates a checkpoint of one lane, or of every lane; prints the tables and returns the files' paths.

    Each evaluation is written into RUN/evaluations: as JSON, and for images with a picture of the samples
    nearest to training examples. `say` gets lines on the progress.
    """
    _check_options(options)
    run_folder = folder.find_folder(run)
    paths: list[Path] = []
    prepared = source = None
    lanes = [lane] if lane else [member.name for member in read_lanes(run, trust)] or [""]
    for name in lanes:
        checkpoint = reopen(run, at, name, average=options.average, source=source, trust=trust)
        source, game = checkpoint.experiment.source, checkpoint.experiment.game
        generator = checkpoint.state.generator
        if prepared is None:
            say("preparing the real examples and the extractor ...")
            prepared, extractor = _prepare(source, options, game)
            oracle = prepared.oracle()
        sample, back = sampler(game, source), way_back(game, source)

        def draw(count: int, start: int) -> Any:
            return sample(generator, count, options.seed, start)  # noqa: B023 - called at once

        step = str(int(checkpoint.state.step))
        say(f"{prepared.n:,} samples of step {step}{f' of {name}' if name else ''} ...")
        try:
            samples = prepared.measure(draw, again=back and partial(back, generator))
            fewer = 0 < prepared.oracle_n < prepared.n
            alike = prepared.measure(draw, prepared.oracle_n) if fewer else None
        except Refused as error:
            message = f"{name or run} was not evaluated at step {step}: {error}"
            if len(lanes) == 1:
                raise Refused(message) from None
            print(f"warning: {escape(message)}", file=sys.stderr)
            continue
        changed = _non_defaults(options, source, prepared)
        evaluation = _to_json(checkpoint, name, options, prepared, samples, oracle, alike)
        evaluation["usual"] = not changed
        words = [step, extractor.name.replace(" ", "_"), name, *changed]
        stem = "-".join(word for word in words if word)
        print(escape(table(evaluation), keep="\n"))
        paths.append(run_folder.path / "evaluations" / f"{stem}.json")
        _write(paths[-1], evaluation, draw, source, extractor)
    if not paths:
        raise Refused(f"none of the {len(lanes)} lanes of {run} could be evaluated")
    return paths


def _check_options(options: Options) -> None:
    """Refuses options that are wrong for any run."""
    if options.n < 0 or options.n == 1:
        raise Refused(f"an evaluation needs at least two samples, not {options.n}")
    check_seed(options.seed)
    if options.weights is not None and not options.weights.is_file():
        raise Refused(f"there is no file {options.weights}")


def _non_defaults(options: Options, source: Source, prepared: Panel) -> list[str]:
    """Returns the settings that are not the defaults: in the file name they keep evaluations apart."""
    return [
        *([f"n={prepared.n}"] if prepared.n != default_count(source) else []),
        *(["train"] if prepared.about["split"] == "train" and source.held_out else []),
        *([options.resizer] if options.resizer != "clean" else []),
        *([f"lpips={options.lpips}"] if options.lpips != "none" else []),
        *([f"average={options.average}"] if options.average else []),
        *([f"evaluation-seed={options.seed}"] if options.seed else []),
    ]


def _prepare(source: Source, options: Options, game: Game) -> tuple[Panel, Extractor]:
    distances, back = _distances(source, options, game), game.looks.back is not None
    extractor = _extractor(source, options)
    held_out = source.held_out() if source.held_out else None
    made = panel(source, held_out, extractor, options.n, options.split, game.given, distances, back)
    return made, extractor


def _extractor(source: Source, options: Options) -> Extractor:
    chosen = options.extractor
    if chosen == "auto" and options.weights and isinstance(source.kind, Image):
        chosen = "inception"
    if chosen != "inception" and (options.weights is not None or options.resizer != "clean"):
        option = "--resizer" if options.weights is None else "--weights"
        raise Refused(f"{option} is for the Inception extractor, which is not used here: leave it out")
    match chosen:
        case "inception":
            from jaxgan.evaluate import resizers
            from jaxgan.evaluate.inception import NAME, inception

            if options.weights is None:
                raise Refused(f"Inception needs its weights: give the file {NAME} by --weights")
            resizer = resizers.clean if options.resizer == "clean" else resizers.tf1
            return inception(options.weights, resizer)
        case "vgg16" | "lite0":
            from jaxgan.evaluate.published_features import lite0_features, vgg16_features

            if not isinstance(source.kind, Image):
                raise Refused(
                    f"the extractor {chosen} is for images, not for examples of shape {source.shape}"
                )
            return (vgg16_features if chosen == "vgg16" else lite0_features)(source.shape)
        case "local":
            return local(source)
        case "raw":
            return raw()
        case "auto":
            return usual_extractor(source.kind, source)


def _distances(source: Source, options: Options, game: Game) -> Mapping[str, Distance]:
    """Returns what compares samples with the true answers, or answers with each other."""
    if options.lpips == "none":
        return DISTANCES
    from jaxgan.evaluate.perceptual import lpips_of, per_pair

    if not isinstance(source.kind, Image) or set(game.given) <= {"label"}:
        raise Refused(
            "--lpips compares pictures with the true answers to what they are made from, and this run's are "
            "made from nothing else than latents or labels: leave it out"
        )
    lpips = lpips_of(options.lpips, source.shape)
    return {**DISTANCES, lpips.name: per_pair(lpips)}


def _to_json(
    checkpoint: Reopened,
    lane: str,
    options: Options,
    prepared: Panel,
    samples: tuple[Numbers, list[str]],
    oracle: tuple[Numbers, list[str]],
    alike: tuple[Numbers, list[str]] | None,
) -> dict[str, Any]:
    """Returns the content of the JSON file; `alike` are the scores of as many samples as the oracle has."""
    rows = {"samples": samples[0], **({"oracle": oracle[0]} if oracle[0] else {}), **prepared.guesses()}
    about = dict(prepared.about)
    warnings = [*about.pop("warnings"), *samples[1], *oracle[1]]
    if alike is not None:
        rows["alike"] = {name: x for name, x in alike[0].items() if name in oracle[0]}
        warnings += alike[1]
        warnings.append(
            f"most numbers depend on how many examples are measured: compare the {prepared.oracle_n:,} real "
            f"examples of the oracle with as many samples, the first, not with all {prepared.n:,}"
        )
    config = checkpoint.config
    return {
        "step": int(checkpoint.state.step),
        "lane": lane,
        "data": config.data + (f" at {config.size} px" if config.size else ""),
        "n": prepared.n,
        "seed": options.seed,
        "average": options.average,
        **({"lpips": options.lpips} if options.lpips != "none" else {}),
        "oracle_n": prepared.oracle_n,
        **about,
        "warnings": list(dict.fromkeys(warnings)),
        "rows": {
            row: {
                name: dict(zip(x._fields, map(files.json_number, x), strict=True))
                for name, x in numbers.items()
            }
            for row, numbers in rows.items()
        },
        "floor": {name: value for name, value in prepared.floor.items() if name in samples[0]},
        "better": {name: way for name in samples[0] if (way := better(name))},
        **_answers(
            prepared, samples[0], [name for name in checkpoint.experiment.game.given if name != "label"]
        ),
        "pictures": {},
    }


def _answers(prepared: Panel, samples: Numbers, given: Sequence[str]) -> dict[str, Any]:
    """Returns what samples are made from, and which numbers are of samples beside what is no GAN's."""
    made_from = {"made_from": list(given)} if given and not prepared.beside else {}
    beside = prepared.beside or ({"asked": given[:1], "n": prepared.returned} if prepared.returned else {})
    if not beside:
        return made_from
    known = {name for numbers in prepared.guesses().values() for name in numbers}
    names = [name for name in samples if name in known or name.startswith("answer_diversity")]
    return {**made_from, "answers": {**beside, "names": names}}


def _write(path: Path, evaluation: dict[str, Any], draw: Draw, source: Source, extractor: Extractor) -> None:
    try:
        path.parent.mkdir(exist_ok=True)
        if isinstance(source.kind, Image):
            rows = copies(draw, source, extractor, evaluation["n"])
            pixels = drawn(source.kind, rows.reshape(-1, *source.shape), columns=rows.shape[1])
            picture = path.with_name(f"{path.stem}-neighbours.png")
            png.save(pixels, picture)
            evaluation["pictures"] = {"neighbours": picture.name}
        files.write(path, json.dumps(evaluation, indent=1))
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror or error}") from None


def table(evaluation: Mapping[str, Any]) -> str:
    """Formats the content of an evaluation file as a table.

    >>> x = {"value": 0.5, "low": 0.4, "high": 0.6}
    >>> print(table({"step": 9, "lane": "", "n": 100, "seed": 0, "split": "test", "reference_n": 50,
    ...     "extractor": {"name": "local", "digest": "abcdef123", "resizer": "none"}, "note": "",
    ...     "oracle_n": 90, "warnings": [], "floor": {}, "better": {}, "neighbours_n": 50, "rows": {
    ...     "samples": {"coverage": x}, "alike": {}, "oracle": {"coverage": x}}}))  # doctest: +ELLIPSIS
    step 9: 100 samples of seed 0 against 50 examples (test), extractor local abcdef12
              100 samples     the first 90  oracle, 90      perfect
    coverage  0.5 [0.4, 0.6]                0.5 [0.4, 0.6]
    in brackets 95 % intervals of ...
    precision, recall, density and coverage use 50 examples on each side
    """
    ways = {"higher": "higher is better", "lower": "lower is better"}
    columns = evaluation["rows"]
    heads = {
        "samples": f"{evaluation['n']} samples",
        "alike": f"the first {evaluation['oracle_n']}",
        "oracle": f"oracle, {evaluation['oracle_n']}",
    }
    heads = {row: head for row, head in heads.items() if row in columns}
    lines = [["", *heads.values(), "perfect", ""]]
    beside = evaluation.get("answers", {}).get("names", [])
    for name in columns["samples"]:
        if name in beside:
            continue
        floor = evaluation["floor"].get(name)
        lines.append(
            [
                name,
                *("" if (x := columns[row].get(name)) is None else _format_estimate(x) for row in heads),
                "" if floor is None else f"{floor:.3g}",
                ways.get(evaluation["better"].get(name, ""), ""),
            ]
        )
    body = _columns(lines)
    by = evaluation["extractor"]
    resizer = f" {by['resizer']}" if by["resizer"] != "none" else ""
    average = f" of the average {evaluation['average']}" if evaluation.get("average") else ""
    title = (
        f"step {evaluation['step']}{', ' + evaluation['lane'] if evaluation['lane'] else ''}: "
        f"{evaluation['n']} samples{average} of seed {evaluation['seed']} against "
        f"{evaluation['reference_n']} examples ({evaluation['split']}), "
        f"extractor {by['name']} {by['digest'][:8]}{resizer}"
    )
    notes = [f"in brackets {INTERVALS}"]
    per_side = evaluation.get("neighbours_n", evaluation["n"])
    if per_side < evaluation["n"]:
        notes.append(f"precision, recall, density and coverage use {per_side} examples on each side")
    below_0 = [name for name, x in columns.get("oracle", {}).items() if float(x["high"] or 0) < 0]
    if below_0:
        reason = "unbiased, so below 0 if reference and oracle have equal class shares"
        notes.append(f"{', '.join(below_0)}: {reason}")
    if made_from := evaluation.get("made_from"):
        what = " and ".join(made_from)
        notes.append(f"samples are made from {what} of held-out examples, whose true answers are not known")
    notes += [evaluation["note"]] if evaluation["note"] else []
    return "\n".join([title, *body, *_beside(evaluation, beside), *notes, *evaluation["warnings"]])


def _beside(evaluation: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Returns a table of answers beside the true ones: a row for samples, the truth and each guess."""
    if not names:
        return []
    about = evaluation["answers"]
    rows = {row: x for row, x in evaluation["rows"].items() if any(name in x for name in names)}
    words = {"samples": "samples", "oracle": "the true answers"}
    others = [row for row in rows if row not in (*words, "alike")]
    arrows = {"higher": " (higher)", "lower": " (lower)"}
    lines = [["", *(name + arrows.get(evaluation["better"].get(name, ""), "") for name in names)]]
    for row in [row for row in (*words, *others) if row in rows]:
        cells = ("" if (x := rows[row].get(name)) is None else _format_estimate(x) for name in names)
        lines.append([words.get(row, row.replace("_", " ")), *cells])
    asked = " and ".join(about["asked"])
    beside = "there and back, of" if "made_from" in evaluation else "beside the true answers of"
    return ["", f"made from {asked}, {beside} {about['n']} examples:", *_columns(lines), ""]


def _columns(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    padded = ("  ".join(x.ljust(width) for x, width in zip(line, widths, strict=True)) for line in lines)
    return [line.rstrip() for line in padded]


def _format_estimate(x: Mapping[str, float | str | None]) -> str:
    """Formats a value and its interval, rounded to the same digits so that the interval holds the value.

    >>> _format_estimate({"value": 2.0794, "low": 2.0791, "high": 2.1})
    '2.079 [2.079, 2.1]'
    >>> _format_estimate({"value": "inf", "low": None, "high": None})
    'inf'
    """
    value, *ends = (f"{float(end):.4g}" for part in Estimate._fields if (end := x[part]) is not None)
    return f"{value} [{', '.join(ends)}]" if ends else value
