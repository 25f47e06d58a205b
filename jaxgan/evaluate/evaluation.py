"""`jaxgan evaluate`: what a checkpoint scores, beside what real examples do, and all that it depends on."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jaxgan.data.kind import Image
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.evaluate.extractor import Extractor, raw
from jaxgan.evaluate.features import Numbers
from jaxgan.evaluate.local import local
from jaxgan.evaluate.measures import usual_extractor
from jaxgan.evaluate.names import better
from jaxgan.evaluate.panel import Draw, Panel, copies, panel, usual
from jaxgan.folder import files, folder
from jaxgan.folder.settings import check_seed
from jaxgan.metrics.metric import INTERVALS, Estimate
from jaxgan.pictures import png
from jaxgan.pictures.drawn import drawn
from jaxgan.run.reopen import Reopened, members, reopened
from jaxgan.run.sample import sampler
from jaxgan.terminal import escape


class Asked(NamedTuple):
    """How a run is to be evaluated; `jaxgan evaluate --help` says what each is."""

    n: int = 0
    seed: int = 0
    split: Literal["test", "train"] = "test"
    extractor: Literal["auto", "local", "raw", "inception"] = "auto"
    weights: Path | None = None
    resizer: Literal["clean", "tf1"] = "clean"
    average: str = ""


def evaluate(
    run: Path,
    asked: Asked,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    say: Callable[[str], None] = lambda part: None,
    trust: bool = False,
) -> list[Path]:
    """Evaluates a checkpoint, of every lane where none is named; prints the tables and writes them.

    Each goes into RUN/evaluations: as JSON, and for images a picture of the samples nearest to training
    examples. `say` is told what is going on.
    """
    _looked_at(asked)
    place = folder.find_folder(run)
    written: list[Path] = []
    ready = source = None
    every = [lane] if lane else [one.name for one in members(run, trust)] or [""]
    for name in every:
        again = reopened(run, at, name, average=asked.average, source=source, trust=trust)
        source, game, generator = again.experiment.source, again.experiment.game, again.state.generator
        if ready is None:
            say("real examples, and what they are seen through ...")
            ready = _ready(source, asked, game.given)
            held = ready.panel
            oracle = held.oracle()
        samples = sampler(game, source)

        def draw(count: int, start: int) -> Any:
            return samples(generator, count, asked.seed, start)  # noqa: B023 - called at once

        step = str(int(again.state.step))
        say(f"{held.n:,} samples of step {step}{f' of {name}' if name else ''} ...")
        try:
            measured = held.measure(draw)
            alike = held.measure(draw, held.oracle_n) if 0 < held.oracle_n < held.n else None
        except Refused as why:
            trouble = f"{name or run} was not evaluated at step {step}: {why}"
            if len(every) == 1:
                raise Refused(trouble) from None
            print(f"warning: {escape(trouble)}", file=sys.stderr)
            continue
        unusual = _unusual(asked, source, ready)
        said = _said(again, name, asked, ready, measured, oracle, alike) | {"usual": not unusual}
        words = [step, ready.extractor.name.replace(" ", "_"), name, *unusual]
        stem = "-".join(word for word in words if word)
        print(escape(table(said), keep="\n"))
        written.append(_written(place.path / "evaluations", stem, said, draw, source, ready))
    if not written:
        raise Refused(f"none of the {len(every)} lanes of {run} could be evaluated")
    return written


def _looked_at(asked: Asked) -> None:
    """Refuses what no run can be asked."""
    if asked.n < 0 or asked.n == 1:
        raise Refused(f"nothing can be said of {asked.n} samples: take two at least")
    check_seed(asked.seed)
    if asked.weights is not None and not asked.weights.is_file():
        raise Refused(f"there is no file {asked.weights}")


class _Ready(NamedTuple):
    panel: Panel
    extractor: Extractor


def _unusual(asked: Asked, source: Source, ready: _Ready) -> list[str]:
    """What was measured otherwise than usual, so that one evaluation does not replace another."""
    held = ready.panel
    return [
        *([f"n={held.n}"] if held.n != usual(source) else []),
        *(["train"] if held.about["split"] == "train" and source.held_out else []),
        *([asked.resizer] if asked.resizer != "clean" else []),
        *([f"average={asked.average}"] if asked.average else []),
        *([f"evaluation-seed={asked.seed}"] if asked.seed else []),
    ]


def _ready(source: Source, asked: Asked, given: tuple[str, ...]) -> _Ready:
    chosen = asked.extractor
    if chosen == "auto" and asked.weights and isinstance(source.kind, Image):
        chosen = "inception"
    if chosen != "inception" and (asked.weights is not None or asked.resizer != "clean"):
        option = "--resizer" if asked.weights is None else "--weights"
        raise Refused(f"{option} is for Inception, which these examples are not seen through: leave it out")
    match chosen:
        case "inception":
            from jaxgan.evaluate import resizers
            from jaxgan.evaluate.inception import NAME, inception

            if asked.weights is None:
                raise Refused(f"Inception needs its weights: give the file {NAME} by --weights")
            extractor = inception(asked.weights, resizers.clean if asked.resizer == "clean" else resizers.tf1)
        case "local":
            extractor = local(source)
        case "raw":
            extractor = raw()
        case "auto":
            extractor = usual_extractor(source.kind, source)
    held_out = source.held_out() if source.held_out else None
    return _Ready(panel(source, held_out, extractor, asked.n, asked.split, given), extractor)


def _said(
    again: Reopened,
    lane: str,
    asked: Asked,
    ready: _Ready,
    measured: tuple[Numbers, list[str]],
    real: tuple[Numbers, list[str]],
    alike: tuple[Numbers, list[str]] | None,
) -> dict[str, Any]:
    """All that goes into the file; `alike` is of as many samples as there are real examples beside them."""
    held, (scores, refused), (oracle, without) = ready.panel, measured, real
    rows = {"samples": scores, **({"oracle": oracle} if oracle else {})}
    about = dict(held.about)
    warnings = [*about.pop("warnings"), *refused, *without]
    if alike is not None:
        rows["alike"] = {name: x for name, x in alike[0].items() if name in oracle}
        warnings += alike[1]
        warnings.append(
            f"real examples are {held.oracle_n:,} and samples {held.n:,}, on which most numbers depend: hold "
            f"against them what the first {held.oracle_n:,} samples score"
        )
    names = {name: better(name) for name in scores}
    return {
        "step": int(again.state.step),
        "lane": lane,
        "data": again.config.data + (f" at {again.config.size} px" if again.config.size else ""),
        "n": held.n,
        "seed": asked.seed,
        "average": asked.average,
        "oracle_n": held.oracle_n,
        **about,
        "warnings": list(dict.fromkeys(warnings)),
        "rows": {
            row: {
                name: dict(zip(x._fields, map(files.json_number, x), strict=True))
                for name, x in numbers.items()
            }
            for row, numbers in rows.items()
        },
        "floor": {name: value for name, value in held.floor.items() if name in scores},
        "better": {name: way for name, way in names.items() if way},
        "pictures": {},
    }


def _written(home: Path, stem: str, said: dict[str, Any], draw: Draw, source: Source, ready: _Ready) -> Path:
    path = home / f"{stem}.json"
    try:
        home.mkdir(exist_ok=True)
        if isinstance(source.kind, Image):
            rows = copies(draw, source, ready.extractor, ready.panel.n)
            pixels = drawn(source.kind, rows.reshape(-1, *source.shape), columns=rows.shape[1])
            png.save(pixels, home / f"{stem}-neighbours.png")
            said["pictures"] = {"neighbours": f"{stem}-neighbours.png"}
        files.write(path, json.dumps(said, indent=1))
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror or error}") from None
    return path


def table(said: Mapping[str, Any]) -> str:
    """An evaluation for people.

    >>> one = {"value": 0.5, "low": 0.4, "high": 0.6}
    >>> print(table({"step": 9, "lane": "", "n": 100, "seed": 0, "split": "test", "reference_n": 50,
    ...     "extractor": {"name": "local", "digest": "abcdef123", "resizer": "none"}, "note": "",
    ...     "oracle_n": 90, "warnings": [], "floor": {}, "better": {}, "neighbours_n": 50, "rows": {
    ...     "samples": {"coverage": one}, "alike": {}, "oracle": {"coverage": one}}}))  # doctest: +ELLIPSIS
    step 9: 100 samples of seed 0 against 50 examples (test), seen by local abcdef12
              100 samples     the first 90  oracle, 90      perfect
    coverage  0.5 [0.4, 0.6]                0.5 [0.4, 0.6]
    in brackets 95 % intervals of ...
    precision, recall, density and coverage are of 50 on either side
    """
    ways = {"higher": "higher is better", "lower": "lower is better"}
    columns = said["rows"]
    heads = {
        "samples": f"{said['n']} samples",
        "alike": f"the first {said['oracle_n']}",
        "oracle": f"oracle, {said['oracle_n']}",
    }
    there = {row: head for row, head in heads.items() if row in columns}
    lines = [["", *there.values(), "perfect", ""]]
    for name in columns["samples"]:
        floor = said["floor"].get(name)
        lines.append(
            [
                name,
                *("" if (x := columns[row].get(name)) is None else _shown(x) for row in there),
                "" if floor is None else f"{floor:.3g}",
                ways.get(said["better"].get(name, ""), ""),
            ]
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    body = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    seen = said["extractor"]
    by = " ".join(
        [seen["name"], seen["digest"][:8], *([seen["resizer"]] if seen["resizer"] != "none" else [])]
    )
    of = f" of the average {said['average']}" if said.get("average") else ""
    head = (
        f"step {said['step']}{', ' + said['lane'] if said['lane'] else ''}: {said['n']} samples{of} of seed "
        f"{said['seed']} against {said['reference_n']} examples ({said['split']}), seen by {by}"
    )
    notes = [f"in brackets {INTERVALS}"]
    if said.get("neighbours_n", said["n"]) < said["n"]:
        notes.append(f"precision, recall, density and coverage are of {said['neighbours_n']} on either side")
    under = [name for name, x in columns.get("oracle", {}).items() if float(x["high"] or 0) < 0]
    if under:
        notes.append(f"{', '.join(under)}: without bias, so below 0 where real examples share classes alike")
    notes += [said["note"]] if said["note"] else []
    return "\n".join([head, *(line.rstrip() for line in body), *notes, *said["warnings"]])


def _shown(x: Mapping[str, float | str | None]) -> str:
    """To the same digits, or an interval might not hold its value.

    >>> _shown({"value": 2.0794, "low": 2.0791, "high": 2.1})
    '2.079 [2.079, 2.1]'
    >>> _shown({"value": "inf", "low": None, "high": None})
    'inf'
    """
    value, *ends = (f"{float(end):.4g}" for part in Estimate._fields if (end := x[part]) is not None)
    return f"{value} [{', '.join(ends)}]" if ends else value
