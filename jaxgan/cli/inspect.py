"""What can be learnt from run folders."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import tyro

from jaxgan.terminal import escape

Run = Annotated[Path, tyro.conf.Positional]
Runs = Annotated[tuple[Path, ...], tyro.conf.Positional]


def evaluate(
    run: Run,
    *,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    n: int = 0,
    seed: int = 0,
    split: Literal["test", "train"] = "test",
    extractor: Literal["auto", "local", "raw", "inception"] = "auto",
    weights: Path | None = None,
    resizer: Literal["clean", "tf1"] = "clean",
    average: str = "",
    trust: bool = False,
) -> None:
    """Measures a checkpoint: the same numbers every time, beside those of real examples.

    Args:
        run: The run folder; tables are written into its evaluations/.
        at: The newest checkpoint, or the one that scored best.
        lane: Which of the runs that were trained as one, as in seed=3; by default each of them.
        n: How many samples; by default 10,000, or as many as there are examples to train on.
        seed: Of the latents.
        split: The examples to compare with: held out, or those that were trained on.
        extractor: What they are seen through: a small classifier of the run's own data, Inception, or the
            numbers as they are; auto is Inception where weights are given, else the classifier for images.
        weights: The file of Inception's weights.
        resizer: How images are brought to Inception's size, as clean-fid does it or TensorFlow 1 did.
        average: Which of several averages of the generator, by its name; by default the first.
        trust: Run the script in the run folder although it, or a module of its own, is not what it was.
    """
    from jaxgan.evaluate.evaluation import Asked
    from jaxgan.evaluate.evaluation import evaluate as measured

    aside = partial(print, file=sys.stderr, flush=True)
    asked = Asked(n, seed, split, extractor, weights, resizer, average)
    for path in measured(run, asked, at, lane, aside, trust):
        print(path)


def report(
    runs: Runs,
    *,
    out: Path | None = None,
    figures: Path | None = None,
    rebuild: bool = True,
    trust: bool = False,
) -> None:
    """Writes a page that tells how runs went: one file of HTML, to be read anywhere.

    Args:
        runs: The run folders.
        out: The file; by default report.html in the first of them.
        figures: A folder for the same charts as SVG and PNG, for papers.
        rebuild: Run the scripts of the runs to see what networks on points have learnt; without it nothing
            is run, only read.
        trust: Run the script in the run folder although it, or a module of its own, is not what it was.
    """
    from jaxgan.report.page import report as written

    print(written(runs, out, figures, rebuild=rebuild, trust=trust))


def compare(
    runs: Runs,
    *,
    metric: str | None = None,
    lower: tuple[str, ...] = (),
    higher: tuple[str, ...] = (),
    within: float | None = None,
    json: bool = False,
) -> None:
    """Says which of several methods is better, by how much, and whether their seeds are enough to tell.

    Args:
        runs: The run folders; those whose options differ in the seed alone are one method.
        metric: One number to look at instead of all.
        lower: Names of numbers that are better the lower they are, beside those that are known.
        higher: Names of numbers that are better the higher they are.
        within: A seed is stable that comes so near to the best of its method, by default a tenth of that.
        json: Print it for programs.
    """
    from jaxgan.compare.compare import compare as said

    print(escape(said(runs, metric, lower=lower, higher=higher, within=within, as_json=json), keep="\n"))


def analyze(
    run: Run,
    *,
    out: Path | None = None,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    seed: int = 0,
    trust: bool = False,
) -> None:
    """Draws what a generator has learnt: interpolations, directions, nearest examples, spectra, scores of D.

    Args:
        run: The run folder.
        out: The folder of the pictures; by default analysis/ in the run folder, and a folder of their own in
            that where --at or --seed are given.
        at: The newest checkpoint, or the one that scored best.
        lane: Which of the runs that were trained as one, as in seed=3.
        seed: Of the latents.
        trust: Run the script in the run folder although it, or a module of its own, is not what it was.
    """
    from jaxgan.folder.settings import check_seed
    from jaxgan.look.analyze import analyze as drawn

    check_seed(seed)
    found = drawn(run, out, at, lane, seed, trust)
    print(*found.pictures, *(f"left out: {why}" for why in found.left_out), sep="\n")


def diagnose(
    run: Run,
    *,
    at: Literal["last", "best", "best,last"] = "last",
    out: Path | None = None,
    lane: str = "",
    batches: int = 8,
    steps: int = 100,
    products: int = 500,
    trust: bool = False,
) -> None:
    """Shows the game around a checkpoint: does it rotate, does it attract, how far is it from an equilibrium?

    Args:
        run: The run folder.
        at: The newest checkpoint, the one that scored best, or both.
        out: The folder of numbers and pictures; by default diagnosis/ in the run folder.
        lane: Which of the runs that were trained as one, as in seed=3.
        batches: How many batches to look at.
        steps: How many steps each player is given to find out what it still gains alone.
        products: How many products with the Jacobian each search for eigenvalues may take.
        trust: Run the script in the run folder although it, or a module of its own, is not what it was.
    """
    from jaxgan.look.diagnose import diagnose as seen

    checkpoints: tuple[Literal["last", "best"], ...] = ("best", "last") if at == "best,last" else (at,)
    aside = partial(print, file=sys.stderr, flush=True)
    more = {"steps": steps, "products": products}
    found = seen(run, checkpoints, out, lane, batches, **more, say=aside, trust=trust)
    print(found.text, *found.files, sep="\n")
