"""`jaxgan evaluate`: what a checkpoint scores, beside what real examples do, and all that it depends on."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.evaluate.copies import copies
from jaxgan.evaluate.extractor import Extractor, raw
from jaxgan.evaluate.local import local
from jaxgan.evaluate.names import better
from jaxgan.evaluate.panel import Draw, Numbers, Panel, panel
from jaxgan.metrics.metric import Estimate
from jaxgan.run import folder, picture
from jaxgan.run.reopen import Reopened, members, reopened
from jaxgan.run.sample import reads_labels, sampler


class Asked(NamedTuple):
    """How a run is to be evaluated; `jaxgan evaluate --help` says what each is."""

    n: int = 0
    seed: int = 0
    split: Literal["test", "train"] = "test"
    extractor: Literal["auto", "local", "raw", "inception"] = "auto"
    weights: Path | None = None
    resizer: Literal["clean", "tf1"] = "clean"


def evaluate(
    run: Path,
    asked: Asked,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    say: Callable[[str], None] = lambda part: None,
) -> list[Path]:
    """Evaluates a checkpoint, of every lane where none is named; prints the tables and writes them.

    Each goes into RUN/evaluations: as JSON, and for images a picture of the samples nearest to training
    examples. `say` is told what is going on.
    """
    if asked.n < 0 or asked.n == 1:
        raise Refused(f"nothing can be said of {asked.n} samples: take two at least")
    if asked.weights is not None and not asked.weights.is_file():
        raise Refused(f"there is no file {asked.weights}")
    place = folder.existing(run)
    written: list[Path] = []
    refused: list[str] = []
    ready = None
    for name in [lane] if lane else [one.name for one in members(run)] or [""]:
        again = reopened(run, at, name)
        source, game, generator = again.experiment.source, again.experiment.game, again.state.generator
        if ready is None:
            say("real examples, and what they are seen through ...")
            ready = _ready(source, asked, source.classes if reads_labels(game, generator) else 0)
            oracle = ready.panel.oracle()
        samples = sampler(game, source.classes)

        def draw(count: int, start: int) -> Any:
            return samples(generator, count, asked.seed, start)  # noqa: B023 - called at once

        step = str(int(again.state.step))
        say(f"{ready.panel.n:,} samples of step {step}{f' of {name}' if name else ''} ...")
        try:
            measured = ready.panel.measure(draw)
        except Refused as why:
            refused.append(f"{name or run} was not evaluated at step {step}: {why}")
            print(f"warning: {refused[-1]}", file=sys.stderr)
            continue
        said = _said(again, name, asked, ready, measured, oracle)
        words = [step, ready.extractor.name.replace(" ", "_"), name, *_unusual(asked)]
        stem = "-".join(word for word in words if word)
        print(table(said))
        written.append(_written(place.path / "evaluations", stem, said, draw, source, ready))
    if not written:
        raise Refused(refused[-1])
    return written


def _unusual(asked: Asked) -> list[str]:
    """What was asked beside the usual, so that one evaluation does not replace another."""
    return [
        *([f"n={asked.n}"] if asked.n else []),
        *([asked.split] if asked.split != "test" else []),
        *([asked.resizer] if asked.resizer != "clean" else []),
        *([f"evaluation-seed={asked.seed}"] if asked.seed else []),
    ]


class _Ready(NamedTuple):
    panel: Panel
    extractor: Extractor


def _ready(source: Source, asked: Asked, classes: int) -> _Ready:
    image = len(source.shape) == 3
    kind = asked.extractor
    if kind == "auto":
        kind = ("inception" if asked.weights else "local") if image else "raw"
    match kind:
        case "inception":
            from jaxgan.evaluate import resizers
            from jaxgan.evaluate.inception import NAME, inception

            if asked.weights is None:
                raise Refused(f"Inception needs its weights: give the file {NAME} by --weights")
            extractor = inception(asked.weights, resizers.clean if asked.resizer == "clean" else resizers.tf1)
        case "local":
            extractor = local(source)
        case _:
            extractor = raw()
    held_out = source.held_out() if source.held_out else None
    return _Ready(panel(source, held_out, extractor, asked.n, asked.split, classes), extractor)


def _said(
    again: Reopened,
    lane: str,
    asked: Asked,
    ready: _Ready,
    measured: tuple[Numbers, list[str]],
    real: tuple[Numbers, list[str]],
) -> dict[str, Any]:
    """All that goes into the file."""
    held, (scores, refused), (oracle, without) = ready.panel, measured, real
    rows = {"samples": scores, **({"oracle": oracle} if oracle else {})}
    about = dict(held.about)
    warnings = list(dict.fromkeys([*about.pop("warnings"), *refused, *without]))
    names = {name: better(name) for name in scores}
    return {
        "step": int(again.state.step),
        "lane": lane,
        "data": again.config.data + (f" at {again.config.size} px" if again.config.size else ""),
        "n": held.n,
        "seed": asked.seed,
        **about,
        "warnings": warnings,
        "rows": {row: {k: v._asdict() for k, v in numbers.items()} for row, numbers in rows.items()},
        "floor": {name: value for name, value in held.floor.items() if name in scores},
        "better": {name: way for name, way in names.items() if way},
        "pictures": {},
    }


def _written(home: Path, stem: str, said: dict[str, Any], draw: Draw, source: Source, ready: _Ready) -> Path:
    path = home / f"{stem}.json"
    try:
        home.mkdir(exist_ok=True)
        if len(source.shape) == 3:
            rows = copies(draw, source, ready.extractor, ready.panel.n)
            picture.save(
                rows.reshape(-1, *source.shape), home / f"{stem}-neighbours.png", columns=rows.shape[1]
            )
            said["pictures"] = {"neighbours": f"{stem}-neighbours.png"}
        folder.write(path, json.dumps(said, indent=1))
    except OSError as error:
        raise Refused(f"cannot write {path}: {error.strerror or error}") from None
    return path


def table(said: Mapping[str, Any]) -> str:
    """An evaluation for people.

    >>> one = {"value": 0.5, "low": 0.4, "high": 0.6}
    >>> print(table({"step": 9, "lane": "", "n": 100, "seed": 0, "split": "test", "reference_n": 50,
    ...     "extractor": {"name": "local", "digest": "abcdef123", "resizer": "none"}, "note": "",
    ...     "warnings": [], "rows": {"samples": {"coverage": one}}, "floor": {}, "better": {}}))
    step 9: 100 samples of seed 0 against 50 examples (test), seen by local abcdef12
              samples         oracle  perfect
    coverage  0.5 [0.4, 0.6]
    """
    ways = {"higher": "higher is better", "lower": "lower is better"}
    columns = {row: {k: Estimate(**v) for k, v in numbers.items()} for row, numbers in said["rows"].items()}
    lines = [["", "samples", "oracle", "perfect", ""]]
    for name, value in columns["samples"].items():
        oracle = columns.get("oracle", {}).get(name)
        floor = said["floor"].get(name)
        lines.append(
            [
                name,
                _shown(value),
                "" if oracle is None else _shown(oracle),
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
    head = (
        f"step {said['step']}{', ' + said['lane'] if said['lane'] else ''}: {said['n']} samples of seed "
        f"{said['seed']} against {said['reference_n']} examples ({said['split']}), seen by {by}"
    )
    notes = [said["note"]] if said["note"] else []
    return "\n".join([head, *(line.rstrip() for line in body), *notes, *said["warnings"]])


def _shown(x: Estimate) -> str:
    return f"{x.value:.4g} [{x.low:.3g}, {x.high:.3g}]"
