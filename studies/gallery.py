"""Pictures from something: every method of translation on real data, with three seeds, and what it made.

    python studies/gallery.py train --pairs PAIRS.npz --medical FOLDER --out runs/gallery
    python studies/gallery.py judge --out runs/gallery
    python studies/gallery.py show --out runs/gallery

PAIRS.npz has two pictures of each thing, "google" and "twitter", with a "text" and a "category"; FOLDER has a
folder of pictures for each class. `train` goes on where it was stopped. `judge` measures by VGG16, of the
extra `perceptual`: LPIPS where there are true answers, and what Gram matrices make of a style. `show` writes
the page of the docs and its pictures from what is there: the first held-out examples of the first seed, none
chosen; and the scores on the page of methods.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import gram_style
import numpy as np
import summary
import tyro

from jaxgan.compare.methods import read_methods
from jaxgan.compare.record import record
from jaxgan.data.source import conditions_for, labelled
from jaxgan.errors import Refused
from jaxgan.evaluate.evaluation import Options, evaluate
from jaxgan.evaluate.names import better
from jaxgan.evaluate.perceptual import vgg16
from jaxgan.folder.folder import find_folder
from jaxgan.folder.manifest import read_manifest
from jaxgan.pictures import images, png
from jaxgan.run.reopen import read_lanes, reopen
from jaxgan.run.sample import sampler

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "experiments"
PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "pictures"
SHOWN, SEEDS = 8, "0:3"

TRANSLATED = "{pairs}:x=twitter,source=google"
PICTURED = "{pairs}:x=twitter"
LABELLED = PICTURED + ",label=category"
TOLD = "{pairs}:x=twitter,text=text,label=category"


class Entry(NamedTuple):
    """One row: a script with options, what it is asked, and the number that it is judged by."""

    title: str
    asked: str
    script: str
    data: str
    options: Sequence[str] = ()
    metric: str = "l1"

    @property
    def answered(self) -> bool:
        """Whether the true answers are known, for LPIPS."""
        return self.metric in ("l1", "hole_l1")

    def command(self, options: "Train") -> list[str]:
        """Returns the script's path and options."""
        data = self.data.format(pairs=options.pairs, medical=options.medical)
        return [str(SCRIPTS / f"{self.script}.py"), "--data", data, "--size", "32", *self.options]


PAIRED = "the same thing drawn by another vendor, learnt from pairs"
UNPAIRED = "the same thing drawn by another vendor, learnt without pairs"
LARGER = "twice the sides, 16 to 32 px"
HOLE = "what the hole in the middle hides"
ANYWHERE = "what a hole anywhere hides"
STYLED = "what one picture shows, in the style of another"
WORDS = "a picture of these words"
TWICE = ("--factor", "2")
NO_D = ("--adversarial", "0", "--features", "0")
ENTRIES = {
    "pix2pix": Entry("pix2pix", PAIRED, "methods/pix2pix", TRANSLATED),
    "pix2pix-l1": Entry("its U-Net, by L1 alone", PAIRED, "methods/pix2pix", TRANSLATED, NO_D[:2]),
    "bicyclegan": Entry("BicycleGAN", PAIRED, "methods/bicyclegan", TRANSLATED),
    "cyclegan": Entry("CycleGAN", UNPAIRED, "methods/cyclegan", TRANSLATED),
    "munit": Entry("MUNIT", UNPAIRED, "methods/munit", TRANSLATED),
    "munit-styled": Entry("MUNIT", STYLED, "methods/munit", TRANSLATED, ("--styled",), "style_error"),
    "srgan": Entry("SRGAN", LARGER, "methods/srgan", PICTURED, TWICE),
    "srresnet": Entry("its network, by pixels alone", LARGER, "methods/srgan", PICTURED, (*TWICE, *NO_D)),
    "esrgan": Entry("ESRGAN", LARGER, "methods/esrgan", PICTURED, TWICE),
    "context_encoder": Entry("context encoder", HOLE, "methods/context_encoder", PICTURED, metric="hole_l1"),
    "ccgan": Entry("CC-GAN", ANYWHERE, "methods/ccgan", LABELLED, ("--labels", "5"), "hole_l1"),
    "colouring": Entry("colouring", "its colours", "methods/colouring", PICTURED),
    "gan_cls": Entry("GAN-CLS", WORDS, "methods/gan_cls", TOLD, metric="r_precision"),
    "attngan": Entry("word attention", WORDS, "methods/attngan", TOLD, metric="r_precision"),
    "medical": Entry(
        "a projection D with adaptive augmentation",
        "a medical picture of each class, from 200 of each",
        "augment",
        "{medical}",
        ("--per-class", "200"),
        "energy",
    ),
}
LPIPS = "lpips_vgg16"
GRAM = "gram.json"  # in the folder of the run whose styles it has
STYLES = 64  # pictures that Gram matrices style: each is optimised by itself
WITHOUT = {"energy_copies": "copies of the training pictures"}  # scores of no GAN under a name of their own


@dataclass(frozen=True)
class Train:
    """Trains what is not trained yet."""

    pairs: str = ""
    medical: str = ""
    out: Path = Path("runs/gallery")
    steps: int = 600
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judge:
    """Measures by VGG16 what is not measured yet."""

    out: Path = Path("runs/gallery")
    only: tuple[str, ...] = ()
    style: Annotated[float, tyro.conf.arg(help="Weight of the style beside the content.")] = 10.0
    steps: Annotated[int, tyro.conf.arg(help="Steps of each styled picture.")] = 100


@dataclass(frozen=True)
class Show:
    """Writes the page and its pictures."""

    out: Path = Path("runs/gallery")


def train(options: Train) -> None:
    for name, each in ENTRIES.items():
        home = options.out / name
        at_hand = options.medical if "{medical}" in each.data else options.pairs
        if not at_hand or (options.only and name not in options.only):
            continue
        command = each.command(options)
        if home.exists():
            command = [command[0], "--resume", str(home)]
        else:
            every = str(options.steps)
            saved = [f"--{what}-every={every}" for what in ("save", "sample", "measure")]
            command += ["--seeds", SEEDS, "--steps", every, *saved, "--out", str(home)]
        print(name, flush=True)
        subprocess.run([sys.executable, *command], check=False)


def judge(options: Judge) -> None:
    for name, each in ENTRIES.items():
        home = options.out / name
        if options.only and name not in options.only:
            continue
        if each.answered and home.exists() and not lpips(home):
            evaluate(home, Options(n=500, extractor="raw", lpips="vgg16"), say=print)
        if each.asked == STYLED and home.exists() and not (home / GRAM).exists():
            gram(home, options)


def gram(run: Path, options: Judge) -> None:
    """Draws the first held-out pictures in the styles that MUNIT is given, and measures the same of them."""
    again = reopen(run, lane=read_lanes(run)[0].name)
    source = again.experiment.source
    given = conditions_for(source, ("other", "style"))(np.arange(STYLES))
    other, style = given["other"], given["style"]
    made = gram_style.styled(other, style, vgg16(), weight=options.style, steps=options.steps, lr=0.03)
    errors = {
        name: float(np.abs(x.mean((1, 2)) - style.mean((1, 2))).mean())
        for name, x in (("Gram matrices of VGG16", made.pictures), ("input", other))
    }
    (run / GRAM).write_text(json.dumps(errors))
    png.save(images.grid(made.pictures[:SHOWN], columns=SHOWN), run / "gram.png")


def show(options: Show) -> None:
    PICTURES.mkdir(exist_ok=True)
    runs = [name for name in ENTRIES if (options.out / name).exists()]
    if not runs:
        raise Refused(f"there are no runs in {options.out}: python studies/gallery.py train")
    lines = [__doc__.splitlines()[0] if __doc__ else ""]
    text = (PAGE.read_text() if PAGE.exists() else "").split("\n## ")[0].rstrip()
    lines = [text or "# Gallery", ""]
    for asked in dict.fromkeys(ENTRIES[name].asked for name in runs):
        group = [name for name in runs if ENTRIES[name].asked == asked]
        lines += [f"## {asked[0].upper()}{asked[1:]}", "", *table(options.out, group), ""]
        for name in group:
            lines += picture(options.out / name, name)
    PAGE.write_text("\n".join(lines).rstrip() + "\n")
    scores = {name: [score(options.out, name)] for name in runs if ENTRIES[name].script == f"methods/{name}"}
    summary.METHODS.write_text(summary.scored(summary.METHODS.read_text(), scores))
    print(PAGE.read_text())


def score(out: Path, name: str) -> str:
    """Returns the score of a script, and the best of what needs no GAN."""
    metric, numbers = ENTRIES[name].metric, last_numbers(out / name)
    known = {guess: x for key, x in numbers[0].items() if (guess := guess_of(key, metric))}
    of_others = [guess for guess in known if guess != "true picture"]
    best = (max if better(metric) == "higher" else min)(of_others, key=lambda guess: known[guess])
    return f"{metric} {spread([seed[metric] for seed in numbers])} ({best} {known[best]:.3f})"


def table(out: Path, names: Sequence[str]) -> list[str]:
    """Returns a row for each run, and one for each answer that needs no GAN."""
    metric = ENTRIES[names[0]].metric
    judged = {name: lpips(out / name) for name in names}
    columns = [metric, *([LPIPS] if any(judged.values()) else [])]
    heads = [*(f"{name}: mean ± sd over seeds" for name in columns), "steps"]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    guesses: dict[str, dict[str, float]] = {}
    for name in names:
        numbers = last_numbers(out / name)
        x = [seed[metric] for seed in numbers if metric in seed]
        if not x:
            continue
        steps = read_manifest(find_folder(out / name)).sessions[-1].step
        apart = spread(judged[name].pop("samples", []))
        cells = [spread(x), *([apart] if len(columns) > 1 else []), str(steps)]
        lines.append(f"| {ENTRIES[name].title} | {' | '.join(cells)} |")
        known = {guess: value for key, value in numbers[0].items() if (guess := guess_of(key, metric))}
        if (of_gram := out / name / GRAM).exists():
            known |= json.loads(of_gram.read_text())
        for guess, value in known.items():
            guesses.setdefault(guess, {})[metric] = value
        for guess, values in judged[name].items():
            guesses.setdefault(guess, {})[LPIPS] = values[0]
    for guess, known in sorted(guesses.items(), key=lambda row: row[1].get(metric, np.inf)):
        cells = [f"{known[column]:.4f}" if column in known else "" for column in columns]
        lines.append(f"| {guess}, no GAN | {' | '.join(cells)} | |")
    return lines


def spread(x: Sequence[float]) -> str:
    """Returns the mean, and the standard deviation over seeds if there are several."""
    if len(x) < 2:
        return "".join(f"{value:.4f}" for value in x)
    return f"{np.mean(x):.4f} ± {np.std(x, ddof=1):.4f}"


def lpips(run: Path) -> dict[str, list[float]]:
    """Returns the LPIPS of each seed's samples, and of each answer that is no GAN's, as far as measured."""
    found: dict[str, dict[str, float]] = {}
    for evaluation in record(run).evaluations:
        for row, numbers in evaluation.rows.items():
            if LPIPS in numbers and row not in ("oracle", "alike"):
                found.setdefault(row.replace("_", " "), {})[evaluation.lane] = numbers[LPIPS].value
    return {row: [*lanes.values()] for row, lanes in found.items()}


def guess_of(key: str, metric: str) -> str:
    """Returns whose score this is in the metric, if it is that of an answer that needs no GAN."""
    guess = key.removesuffix(f"_{metric}")
    if guess in ("mean", "nearest", "true") and guess != key:
        return f"{guess} picture"
    if key.startswith(prefix := f"{metric}_of_"):
        return key.removeprefix(prefix).replace("_", " ")
    return WITHOUT.get(key, "")


def last_numbers(run: Path) -> list[dict[str, float]]:
    """Returns the last value of every number that each seed has measured."""
    methods, *_ = read_methods([run])
    seeds = [seed for method in methods for seed in method.seeds]
    return [{m.name: steps[max(steps)] for m, steps in seed.values.items() if steps} for seed in seeds]


def picture(run: Path, name: str) -> list[str]:
    """Draws what the first seed made of the first held-out examples: inputs, outputs, true answers."""
    lanes = [lane.name for lane in read_lanes(run)]
    again = reopen(run, lane=lanes[0] if lanes else "")
    source, game = again.experiment.source, again.experiment.game
    held_out = source.held_out() if source.held_out else source
    columns, n = (source.classes, 2 * source.classes) if game.given == ("label",) else (SHOWN, SHOWN)
    given = conditions_for(source, game.given)(np.arange(n))
    made = sampler(game, source)(again.state.generator, n, 0)
    rows = [made]
    if set(game.given) & set(source.asks):
        rows.append(labelled(held_out, SHOWN)["x"])
    for leaf in game.given:
        if given[leaf].ndim == 4 and given[leaf].shape[-1] in (1, 3) and leaf != "mask":
            x = given[leaf]
            scale = made.shape[1] // x.shape[1]
            x = x.repeat(scale, axis=1).repeat(scale, axis=2)
            rows.insert(0, np.broadcast_to(x, (*x.shape[:3], made.shape[3])))
    png.save(images.grid(np.concatenate(rows), columns=columns), PICTURES / f"{name}.png")
    lines = [f"![{ENTRIES[name].title}: {ENTRIES[name].asked}](pictures/{name}.png)", ""]
    if (drawn := run / "gram.png").exists():
        shutil.copy(drawn, PICTURES / f"{name}-gram.png")
        lines += [f"![Gram matrices: {ENTRIES[name].asked}](pictures/{name}-gram.png)", ""]
    if "text" in game.given:
        words = source.leaves["text"].kind.vocabulary
        texts = [" ".join(words[n] for n in row if words[n]) for row in given["text"]]
        lines += [f"The words: {'; '.join(texts)}.", ""]
    return lines


if __name__ == "__main__":
    chosen = tyro.cli(
        Annotated[Train, tyro.conf.subcommand("train")]
        | Annotated[Judge, tyro.conf.subcommand("judge")]
        | Annotated[Show, tyro.conf.subcommand("show")]
    )
    match chosen:
        case Train():
            train(chosen)
        case Judge():
            judge(chosen)
        case Show():
            show(chosen)
