"""Does successive halving, or Optuna's TPE, find better settings than random search, at equal updates?

    python studies/search.py --seeds 4

Writes `results/search.md`. Each search chooses learning rates, b1 and gamma of `experiments/toy.py`'s recipe
r1, by the reverse KL of the modes' weights after training with two seeds, nan counting as worst. All three
have the same number of updates: random search trains 14 settings to the end, TPE as many, four at a time, and
halving 54 settings for a ninth of the steps, 18 of them for a third and 6 to the end. What a search has
chosen is then trained with four other seeds, and these count: the score by which it was chosen flatters it.

Searches of one kind are trained together, as lanes of one program, so a round of halving starts from step 0
here and costs more than it is counted for; `--search halving` goes on from where a lane is, to the same bits.
"""

import argparse
import math
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "experiments"))

import numpy as np  # noqa: E402
import toy  # noqa: E402

import jaxgan as jg  # noqa: E402
from jaxgan.compare.statistics import holm, paired_t  # noqa: E402
from jaxgan.run import lane  # noqa: E402
from jaxgan.run.check import experiment_of, source_of  # noqa: E402
from jaxgan.run.loop import train  # noqa: E402
from jaxgan.run.run import Run  # noqa: E402
from jaxgan.sweep import halving, optuna  # noqa: E402
from jaxgan.sweep.cells import draws, log, uniform  # noqa: E402

STEPS = 297
RUNGS = halving.budgets(STEPS, STEPS // 9)
SPACE = {"lr": log(1e-5, 1e-1), "d_lr": log(1e-5, 1e-1), "b1": uniform(0, 0.9), "gamma": log(1e-3, 10)}
FULL, MANY = 14, 54
Setting = Mapping[str, Any]
Measure = Callable[[Sequence[Setting], int], Sequence[float]]
Search = Callable[[Measure], Setting]


def trained(data: str, settings: Sequence[Setting], steps: int, seeds: str) -> list[list[float]]:
    """Returns the reverse KL of each setting and seed after these steps."""
    listed = ",".join(":".join(repr(setting[name]) for name in SPACE) for setting in settings)
    config = toy.Config(
        steps=steps,
        data=data,  # type: ignore[arg-type]  # one of its names
        recipe="r1",
        width=32,
        z_size=8,
        batch_size=64,
        seeds=seeds,
        over=(f"{':'.join(SPACE)}={listed}",),
        log_every=0,
        lanes="vmap",
    )
    source = source_of(config, toy.data)
    modes = source.modes
    assert modes is not None

    def measure(moment: jg.Moment) -> dict[str, float] | None:
        if moment.step < steps:
            return None
        samples = moment.sample(moment.state.generator, 2500)
        return {"reverse_kl": jg.metrics.mixture.mode_coverage(samples, *modes)["reverse_kl"]}

    def build(config: Any, source: "jg.Source") -> jg.Experiment:
        return toy.build(config, source)._replace(hooks=[jg.Hook(steps, measure)])

    experiment = experiment_of(config, build, source)
    rule_of = lane.rule_of(build, config, experiment)
    rows = train(Run(experiment, config, None, lane.lanes(config), rule_of, bar=False)).history
    measured = [row.numbers["reverse_kl"] for row in rows if row.kind == "measured"]
    values: list[Any] = measured[-1] if measured else [None] * len(lane.lanes(config))
    scores = [math.nan if x is None else float(x) for x in values]
    each = len(scores) // len(settings)
    return [scores[n * each : (n + 1) * each] for n in range(len(settings))]


def together(data: str, searches: Sequence[Search]) -> list[Setting]:
    """Returns what each search chooses; in each round all their settings are trained as one run."""
    asked: dict[int, tuple[Sequence[Setting], int]] = {}
    scored: dict[int, list[float]] = {}
    chosen: dict[int, Setting] = {}

    def round_() -> None:
        (steps,) = {steps for _, steps in asked.values()}
        settings = [setting for n in sorted(asked) for setting in asked[n][0]]
        scores = iter(trained(data, settings, steps, "0:2"))
        for n in sorted(asked):
            scored[n] = [float(np.mean(next(scores))) for _ in asked[n][0]]
        asked.clear()

    barrier = threading.Barrier(len(searches), action=round_)

    def run(number: int) -> None:
        def measure(settings: Sequence[Setting], steps: int) -> Sequence[float]:
            asked[number] = settings, steps
            barrier.wait()
            return scored[number]

        try:
            chosen[number] = searches[number](measure)
        except BaseException:
            barrier.abort()
            raise

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(searches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [chosen[n] for n in range(len(searches))]


def random_search(seed: int) -> Search:
    """Trains settings drawn at random to the end."""

    def search(measure: Measure) -> Setting:
        settings = draws(FULL, seed, **SPACE)
        return settings[halving.best(measure(settings, STEPS), FULL)[0]]

    return search


def halving_search(seed: int) -> Search:
    """Halves more settings, of which the first are those of random search with this seed."""

    def search(measure: Measure) -> Setting:
        last = halving.halving(draws(MANY, seed, **SPACE), RUNGS, measure)[-1]
        return last.settings[halving.best(last.scores, len(last.scores))[0]]

    return search


def tpe_search(seed: int) -> Search:
    """Asks Optuna."""

    def search(measure: Measure) -> Setting:
        with tempfile.TemporaryDirectory() as folder:
            trials = optuna.search(
                SPACE, FULL, lambda some: measure(some, STEPS), Path(folder) / "journal", seed=seed
            )
        scores = [trial.score for trial in trials]
        return trials[halving.best(scores, len(scores))[0]].setting

    return search


KINDS = {"random": random_search, "halving": halving_search, "TPE": tpe_search}


def compared(data: str, seeds: int) -> dict[str, np.ndarray]:
    """Returns, of each kind of search, the reverse KL of what each seed of it has chosen, with new seeds."""
    chosen = {name: together(data, [kind(seed) for seed in range(seeds)]) for name, kind in KINDS.items()}
    listed = {str(setting): setting for some in chosen.values() for setting in some}
    means = dict(
        zip(listed, map(np.mean, trained(data, list(listed.values()), STEPS, "100:104")), strict=True)
    )
    return {name: np.array([means[str(setting)] for setting in some]) for name, some in chosen.items()}


def page(results: Mapping[str, Mapping[str, np.ndarray]], seeds: int, seconds: float) -> str:
    """Returns the table in Markdown."""
    lines = [
        "# Does a search beat random search?",
        "",
        f"By `python studies/search.py --seeds {seeds}`, in {seconds / 60:.0f} minutes of one core:",
        f"{seeds} searches of each kind, paired by their seed, each of {FULL * STEPS * 2:,} updates. To fit",
        f"the time, runs have {STEPS} steps, networks 32 units and batches 64 examples: most are far from",
        "trained. The reverse KL is that of what a search has chosen, with four new seeds; lower is better.",
        "The difference is to random search, with its 95 % interval; p has Holm's correction for all of",
        "them.",
        "",
        "| data | search | reverse KL: mean | by search | difference | p | better in | won |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    found = {
        (data, name): paired_t(kinds["random"], values)
        for data, kinds in results.items()
        for name, values in kinds.items()
        if name != "random"
    }
    corrected = dict(zip(found, holm([each.p for each in found.values()]), strict=True))
    for data, kinds in results.items():
        for name, values in kinds.items():
            row = [data, name, f"{values.mean():.3f}", ", ".join(f"{x:.2f}" for x in values), "", "", "", ""]
            if name != "random":
                d, p = found[data, name], corrected[data, name]
                better = int((values < kinds["random"]).sum())
                won = "not shown" if p >= 0.05 else "yes" if d.interval.value < 0 else "no: worse"
                interval = f"{d.interval.value:.3f} [{d.interval.low:.3f}, {d.interval.high:.3f}]"
                row[4:] = [interval, f"{p:.2f}", f"{better} of {seeds}", won]
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4, help="searches of each kind")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "search.md")
    options = parser.parse_args()
    began = time.process_time()
    results: dict[str, dict[str, np.ndarray]] = {}
    for data in ("ring", "grid"):
        results[data] = compared(data, options.seeds)
        options.out.parent.mkdir(exist_ok=True)
        options.out.write_text(page(results, options.seeds, time.process_time() - began))


if __name__ == "__main__":
    main()
