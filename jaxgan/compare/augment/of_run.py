"""`jaxgan augment`: whether what a run generates helps a classifier of few examples."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from jaxgan.compare.augment.arms import BATCH, RATE, averaged
from jaxgan.compare.augment.study import Given, study
from jaxgan.compare.augment.text import plain, to_text
from jaxgan.data import load
from jaxgan.data.kind import Image
from jaxgan.data.source import Source, labelled
from jaxgan.errors import Refused
from jaxgan.evaluate.images import clip_to_range
from jaxgan.folder import folder
from jaxgan.folder.files import write_files
from jaxgan.run.reopen import Reopened, read_lanes, reopen
from jaxgan.run.sample import sampler
from jaxgan.terminal import warn

ALL, HELD_OUT, BYTES = 20_000, 5000, 2**28
"""At most so many examples, and bytes of them, are all real ones; at most so many are tested on."""


class Options(NamedTuple):
    """The options of `jaxgan augment`, as its --help describes them."""

    per_class: int | None = None
    generated: int = 500
    share: float = 0.5
    seeds: int = 5
    steps: int = 400
    flip: bool = False
    average: str = ""


def augment(
    run: Path,
    options: Options = Options(),  # noqa: B008 - a tuple
    at: Literal["last", "best"] = "last",
    lane: str = "",
    say: Callable[[str], None] = lambda line: None,
    trust: bool = False,
) -> tuple[str, list[Path]]:
    """Compares classifiers of few real examples with and without generated ones, over all lanes of a run.

    The few are those that the run was trained on, unless `per_class` is given. Returns the result as text,
    and the files written: RUN/augment.json and RUN/augment.md.
    """
    _check(options)
    place = folder.find_folder(run)
    names = [lane] if lane else [member.name for member in read_lanes(run, trust)] or [""]
    first = reopen(run, at, names[0], average=options.average, trust=trust)
    source = first.experiment.source
    check(first, run)
    given, notes = examples(first, options, say)
    drawn: list[dict[str, np.ndarray]] = []
    steps: list[int] = []
    for name in names:
        again = first if name == names[0] else None
        again = again or reopen(run, at, name, average=options.average, source=source, trust=trust)
        steps.append(int(again.state.step))
        say(f"{options.generated * source.classes:,} samples of step {steps[-1]} {name}".rstrip())
        drawn.append(_drawn(again, options.generated, name or str(run)))
    result = study(
        given,
        drawn,
        seeds=options.seeds,
        share=options.share,
        steps=options.steps,
        mirrored=options.flip,
        say=say,
    )
    about = {
        "step": steps,
        "lanes": [name for name in names if name],
        "data": first.config.data + (f" at {first.config.size} px" if first.config.size else ""),
        "few": len(given.few["x"]),
        "all real": None if given.everything is None else len(given.everything["x"]),
        "held out": len(given.held_out["x"]),
        **options._asdict(),
        "batch": BATCH,
        "rate": RATE,
        "notes": notes,
    }
    text = to_text(result, about)
    content = json.dumps({**about, **plain(result)}, indent=1)
    paths = write_files(place.path, {"augment.json": content.encode(), "augment.md": f"{text}\n".encode()})
    return text, paths


def _check(options: Options) -> None:
    if not 0 < options.share < 1:
        raise Refused(f"--share is of each batch, more than 0 and less than 1, not {options.share:g}")
    for name in ("per_class", "generated", "seeds", "steps"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise Refused(f"--{name.replace('_', '-')} must be at least 1, not {value}")


def check(again: Reopened, run: Path) -> None:
    """Refuses a run whose samples cannot be compared with few labelled images."""
    source, game = again.experiment.source, again.experiment.game
    if source.classes < 2:
        raise Refused(f"{run}: the examples have no labels, so there is nothing to classify")
    if "label" not in game.given:
        raise Refused(
            f"{run} is not conditional on the class, so its samples have no labels: train a generator that "
            "is, such as that of experiments/augment.py"
        )
    if not isinstance(source.kind, Image):
        raise Refused(
            f"{run}: augment compares classifiers of images, not of examples of shape {source.shape}"
        )
    if source.size is None:
        raise Refused(f"{run} was trained on new examples without end: train it on jg.data.few(source, 20)")
    if source.held_out is None:
        raise Refused(f"{run}: no examples are held out, so there is nothing to test classifiers on")


def examples(again: Reopened, options: Options, say: Callable[[str], None]) -> tuple[Given, list[str]]:
    """Returns the few, the held-out and all real examples, and what a reader must know of them."""
    source, config = again.experiment.source, again.config
    notes: list[str] = []
    assert source.held_out is not None
    assert source.size is not None
    say("reading the examples ...")
    most = max(BYTES // (4 * int(np.prod(source.shape))), 1)
    few = _leaves(source, min(ALL, most))
    count = np.bincount(few["label"], minlength=source.classes)
    rarest = int(count.argmin())
    if count[rarest] == 0:
        raise Refused(f"class {rarest} has no example in this run: train on some of each class")
    if options.per_class is not None:
        if count[rarest] < options.per_class:
            raise Refused(
                f"class {rarest} has {count[rarest]} examples in this run, fewer than --per-class "
                f"{options.per_class}: the generator has seen no more"
            )
        if (count > options.per_class).any():
            notes.append(
                f"unfair: the generator was trained on {source.size:,} examples, of which the classifiers "
                f"get {options.per_class} per class; train it on as few, or leave out --per-class"
            )
        few = _first_of_each(few, options.per_class)
    everything, why = _everything(source, config, min(ALL, most))
    if why:
        notes.append(why)
    per_class = np.bincount(few["label"], minlength=source.classes)
    low, high = per_class.min(), per_class.max()
    say(
        f"{len(few['x']):,} real examples, {low if low == high else f'{low} to {high}'} per class, of the "
        f"{source.size:,} that the run was trained on"
    )
    held_out = _leaves(source.held_out(), min(HELD_OUT, most))
    for note in notes:
        warn(note)
    return Given(few, held_out, everything, source.classes), notes


def _leaves(source: Source, count: int) -> dict[str, np.ndarray]:
    taken = labelled(source, count)
    return {"x": averaged(taken["x"]), "label": taken["label"]}


def _first_of_each(leaves: Mapping[str, np.ndarray], per_class: int) -> dict[str, np.ndarray]:
    number = [np.flatnonzero(leaves["label"] == k)[:per_class] for k in np.unique(leaves["label"])]
    return {name: leaf[np.concatenate(number)] for name, leaf in leaves.items()}


def _everything(source: Source, config: Any, most: int) -> tuple[dict[str, np.ndarray] | None, str]:
    """Returns all real examples, those of --data, or why there are none."""
    try:
        full = load(config.data, config.size or source.shape[0])
    except Refused as error:
        return None, f"no oracle: {error}"
    if full.shape != source.shape or full.classes != source.classes or full.size is None:
        return None, f"no oracle: --data {config.data} are no examples like those of this run"
    assert source.size is not None
    if full.size <= source.size:
        return None, f"the run was trained on all {source.size:,} examples: they are not few, but the oracle"
    return _leaves(full, most), ""


def _drawn(again: Reopened, per_class: int, name: str) -> dict[str, np.ndarray]:
    """Returns so many samples of each class."""
    source, game = again.experiment.source, again.experiment.game
    label = (np.arange(per_class * source.classes) % source.classes).astype(np.int32)
    x = sampler(game, source)(again.state.generator, len(label), given={"label": label})
    if not np.isfinite(x).all():
        raise Refused(f"samples of {name} at step {int(again.state.step)} are not finite: try --at best")
    real = labelled(source, 1000)["x"]
    return {"x": averaged(clip_to_range(np.asarray(x, np.float32), real)), "label": label}
