"""Writes the tables of the studies in `small_gans.py` and `methods.py` from their sweeps.

python studies/summary.py losses runs/losses
python studies/summary.py lottery runs/lottery-ring runs/lottery-digits
python studies/summary.py lazy runs/lazy-ring runs/lazy-grid runs/lazy-stacked
python studies/summary.py methods runs/methods-ring runs/methods-grid runs/methods-digits
"""

import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgan.compare.statistics import holm
from jaxgan.folder.folder import find_folder
from jaxgan.folder.manifest import read_manifest
from jaxgan.sweep import folder, spread, table

RESULTS = Path(__file__).parent / "results"
METHODS = RESULTS.parents[1] / "docs" / "methods.md"
METRIC = {"digits": "energy", "glyphs": "energy"}  # of other data, reverse_kl
BESIDE = {"reverse_kl": ("modes", "high_quality"), "energy": ("named_right",)}  # further columns of methods


class Run(NamedTuple):
    """A sweep's options, its table, and its processor time."""

    data: str
    steps: int
    batch_size: int
    table: table.Table
    minutes: float
    place: str  # the processor, the version of JAX, and the day

    @property
    def head(self) -> list[str]:
        cells = sum(map(len, self.table.values.values()))
        took = f"{cells} runs, {self.minutes:.0f} min of a process beside others, {self.place}."
        return [f"## {self.data}, {self.steps:,} steps of {self.batch_size} examples", "", took]


def read(home: Path, by: Sequence[str], baseline: str = "") -> Run:
    sweep = folder.read(home)
    data = sweep.options["data"]
    made = table.table(home, by, METRIC.get(data, "reverse_kl"), baseline)
    ends = {setting: [cell for cell in cells if ended(cell)] for setting, cells in made.values.items()}
    ends = {setting: cells for setting, cells in ends.items() if any(np.isfinite(c.value) for c in cells)}
    rows = tuple(row for row in made.rows if tuple(row.setting.items()) in ends)
    made = made._replace(values=ends, rows=rows)
    seconds = sum(end.seconds for pack in folder.progress(home, sweep) for end in pack.outcomes)
    manifest = read_manifest(find_folder(folder.expand([home])[0]))
    place = f"{manifest.devices[0]}, jax {manifest.versions['jax']}, {manifest.created[:10]}"
    return Run(data, sweep.options["steps"], sweep.options["batch_size"], made, seconds / 60, place)


def ended(cell: table.Value) -> bool:
    """Whether a cell was trained to its end, or failed: what was not is no part of a table."""
    return bool(cell.failed or not cell.unfinished)


def losses(homes: Sequence[Path]) -> str:
    """Returns the best setting of each loss, the median one, and how far apart settings and seeds are."""
    parts = []
    for run in (read(home, ("loss", "penalty")) for home in homes):
        lines = [
            *run.head,
            f"{run.table.metric}, lower is better; of every setting the mean over its seeds.",
            "",
            "| loss | best setting | best: mean ± sd over seeds | median setting | worst setting "
            "| spread over settings, of that over seeds | failed |",
            "|---|---|---|---|---|---|---|",
        ]
        for setting, cells in run.table.values.items():
            groups: dict[tuple, list[float]] = {}
            for cell in cells:
                key = tuple((n, cell.options[n]) for n in ("lr", "b1", "gamma") if n in cell.options)
                groups.setdefault(key, []).append(cell.value)
            means = {key: float(np.mean(values)) for key, values in groups.items()}
            best = min(means, key=lambda key: (np.isnan(means[key]), means[key]))
            within = float(np.nanmean([np.std(values, ddof=1) for values in groups.values()]))
            spreads = float(np.nanstd(list(means.values()), ddof=1)) / within if within else np.nan
            failed = sum(bool(cell.failed) for cell in cells)
            lines.append(
                f"| {table.name_of(dict(setting))} | {', '.join(f'{n} {x:.2g}' for n, x in best)} "
                f"| {means[best]:.3f} ± {np.std(groups[best], ddof=1):.3f} "
                f"| {np.nanmedian(list(means.values())):.3f} | {np.nanmax(list(means.values())):.3f} "
                f"| {spreads:.1f} | {failed} of {len(cells)} |"
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def lottery(homes: Sequence[Path]) -> str:
    """Returns the shares of each part of the seed, and how often few seeds name the wrong winner."""
    parts = []
    for run in (read(home, ("loss", "penalty")) for home in homes):
        lines = [
            *run.head,
            f"{run.table.metric}, lower is better, and the share of each part of the seed in its",
            "variance, alone and with its interactions, with 95 % intervals.",
            "",
            "| loss | mean | sd |",
            "|---|---|---|",
        ]
        shares = spread.spreads(run.table)
        names = list(next(iter(shares.values()), {}))
        lines[-2] += "".join(f" {name}: alone | with interactions |" for name in names)
        lines[-1] += "---|" * 2 * len(names)
        for setting, cells in run.table.values.items():
            x = np.array([cell.value for cell in cells])
            line = f"| {table.name_of(dict(setting))} | {x.mean():.4g} | {x.std(ddof=1):.3g} |"
            for share in shares.get(table.name_of(dict(setting)), {}).values():
                line += f" {spread.words(share.alone)} | {spread.words(share.total)} |"
            lines.append(line)
        lines += ["", "How often the mean of a few runs, drawn from these, names the wrong winner:", ""]
        lines += wrong_winners(run.table.values)
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def wrong_winners(values: Mapping[table.Setting, Sequence[table.Value]]) -> list[str]:
    """Returns how often the mean of 1, 3 and 5 seeds orders two settings otherwise than that of all runs."""
    random = np.random.RandomState(0)
    named = {
        table.name_of(dict(setting)): np.array([c.value for c in cells]) for setting, cells in values.items()
    }
    lines = [
        "| better, by all runs | than | 1 seed wrong | 3 seeds wrong | 5 seeds wrong |",
        "|---|---|---|---|---|",
    ]
    for first, second in itertools.combinations(named, 2):
        better, worse = sorted((first, second), key=lambda name: named[name].mean())
        wrong = []
        for n in (1, 3, 5):
            a, b = (
                named[name][random.randint(0, len(named[name]), (10_000, n))].mean(1)
                for name in (better, worse)
            )
            wrong.append(float((a > b).mean() + 0.5 * (a == b).mean()))
        lines.append(f"| {better} | {worse} | {' | '.join(f'{share:.0%}' for share in wrong)} |")
    return lines


def lazy(homes: Sequence[Path]) -> str:
    """Returns every step against every 8th, for each loss and penalty."""
    parts = []
    for home in homes:
        run = read(home, ("loss", "penalty", "every"))
        lines = [
            *run.head,
            f"{run.table.metric}: mean ± sd over seeds; the difference is every 8th step's to every step's.",
            "",
            "| loss, penalty | every step | every 8th | difference, 95 % | p | failed: every step | 8th |",
            "|---|---|---|---|---|---|---|",
        ]
        pairs = sorted({tuple((n, x) for n, x in setting if n != "every") for setting in run.table.values})
        rows = []
        for pair in pairs:
            name = ",".join(f"{n}={x}" for n, x in (*pair, ("every", 1)))
            made = read(home, ("loss", "penalty", "every"), name).table.rows
            both = [dict([*pair, ("every", every)]) for every in (1, 8)]
            rows.append([next(row for row in made if dict(row.setting) == s) for s in both])
        corrected = holm([other.difference.p for _, other in rows if other.difference])
        for pair, (base, other), p in zip(pairs, rows, corrected, strict=True):
            deviation = [
                np.nanstd([c.value for c in run.table.values[tuple(row.setting.items())]], ddof=1)
                for row in (base, other)
            ]
            assert other.difference is not None
            value, low, high = other.difference.interval
            lines.append(
                f"| {table.name_of(dict(pair))} | {base.mean.value:.3f} ± {deviation[0]:.3f} "
                f"| {other.mean.value:.3f} ± {deviation[1]:.3f} | {value:+.3f} [{low:+.3f}, {high:+.3f}] "
                f"| {p:.2g} | {base.failed.value:.0%} | {other.failed.value:.0%} |"
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def methods(homes: Sequence[Path]) -> str:
    """Returns each method against the plain GAN, the best first, and which of them these seeds can tell."""
    parts = []
    for home in homes:
        run = read(home, ("method",), "method=gan")
        beside = [table.table(home, ("method",), name).values for name in BESIDE.get(run.table.metric, ())]
        names = BESIDE.get(run.table.metric, ())
        lines = [
            *run.head,
            f"{run.table.metric}, lower is better: mean ± sd over seeds; the difference is to gan's, over",
            f"the same seeds; p is corrected for {len(run.table.rows) - 1} comparisons (Holm, 1979).",
            "",
            f"| {' | '.join(['method', run.table.metric, *names])} | difference, 95 % | p | failed |",
            "|---|---|" + "---|" * len(names) + "---|---|---|",
        ]
        told: dict[str, list[str]] = {"better": [], "worse": [], "not told from it": []}
        for row in sorted(run.table.rows, key=lambda row: (np.isnan(row.mean.value), row.mean.value)):
            setting = tuple(row.setting.items())
            x, *more = ([c.value for c in of[setting]] for of in (run.table.values, *beside))
            line = (
                f"| {row.setting['method']} | {spread_of(x)} |{''.join(f' {spread_of(y)} |' for y in more)}"
            )
            if row.difference is not None and row.p is not None:
                value, low, high = row.difference.interval
                bounds = "" if np.isnan(low) else f" [{low:+.3f}, {high:+.3f}]"  # of equal seeds none
                line += f" {value:+.3f}{bounds} | {row.p:.2g} |"
                way = "not told from it" if row.p >= 0.05 else "better" if value < 0 else "worse"
                told[way].append(str(row.setting["method"]))
            else:
                line += " | |"
            lines.append(f"{line} {row.failed.value:.0%} |")
        lines += ["", "Against gan, at p < 0.05:", ""]
        lines += [f"- {way}: {', '.join(some) or 'none'}" for way, some in told.items()]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def scored(page: str, scores: Mapping[str, Sequence[str]]) -> str:
    """Returns the page of methods with these scores in the last column of its tables; others stay."""
    lines: list[str] = []
    for line in page.splitlines():
        script = line.removeprefix("| [`").partition("`]")[0] if line.startswith("| [`") else ""
        if script in scores:
            line = f"{'|'.join(line.split('|')[:3])}| {'; '.join(scores[script])} |"
        lines.append(line)
    return "\n".join(lines) + "\n"


def method_scores(homes: Sequence[Path]) -> dict[str, list[str]]:
    """Returns the mean and spread of each method on each data set, as the page of methods has them."""
    scores: dict[str, list[str]] = {}
    for run in (read(home, ("method",)) for home in homes):
        for setting, cells in run.table.values.items():
            text = f"{run.data} {spread_of([cell.value for cell in cells])}"
            scores.setdefault(str(dict(setting)["method"]), []).append(text)
    return scores


def spread_of(values: Sequence[float]) -> str:
    """Returns mean ± sd of what is finite."""
    x = np.array(values, float)[np.isfinite(values)]
    return f"{x.mean():.3g} ± {x.std(ddof=1):.2g}" if len(x) > 1 else ", ".join(f"{v:.3g}" for v in x) or "-"


class Study(NamedTuple):
    """How a study is read, and the script whose sweep it is."""

    read: Callable[[Sequence[Path]], str]
    script: str = "small_gans.py"


STUDIES: Mapping[str, Study] = {
    "losses": Study(losses),
    "lottery": Study(lottery),
    "lazy": Study(lazy),
    "methods": Study(methods, "methods.py"),
}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in STUDIES:
        sys.exit(f"usage: summary.py {'|'.join(STUDIES)} SWEEP ...")
    page = RESULTS / f"{sys.argv[1]}.md"
    study = STUDIES[sys.argv[1]]
    title = f"# {sys.argv[1]}\n\nBy `studies/{study.script}`; see there for what was asked."
    page.write_text(f"{title}\n\n{study.read([Path(home) for home in sys.argv[2:]])}\n")
    if sys.argv[1] == "methods":
        METHODS.write_text(scored(METHODS.read_text(), method_scores([Path(home) for home in sys.argv[2:]])))
    print(page.read_text())
