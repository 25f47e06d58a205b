"""How often a GAN passes a gate that is quoted for one seed: a hundred Gaussians, five times in a row.

    python studies/gate.py --sweep seeds --out runs/gate
    python studies/gate.py --show runs/gate

The gate: on the 10 x 10 lattice all 100 modes are found and nearly all samples are of high quality, at five
checks in a row, the last of them at the last step. A perfect sampler has 98.9 % of its samples within three
standard deviations of a mode. Here it is asked of 20 seeds, at several shares, with the exact interval of how
many seeds pass (Clopper & Pearson, 1934). The recipe is that of `experiments/ring.py`, with smaller batches
and fewer steps, and was not tuned for this lattice.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "experiments"))

import ring

import jaxgan as jg

SIDE, CHECKS, SHARES = 10, 5, (0.90, 0.95, 0.98)
RESULTS = Path(__file__).parent / "results" / "gate.md"


@dataclass(frozen=True)
class Config(ring.Config):
    steps: int = 5000
    batch_size: int = 256
    hold: jg.Natural = 2000
    horizon: jg.Count = 5000
    log_every: int = 500
    save_every: int = 2500
    measure_every: jg.Natural = 250


def seeds() -> Iterator[Mapping[str, Any]]:
    """Twenty seeds."""
    yield from jg.sweep.product(seed=range(20))


def data(config: Config) -> jg.Source:
    return jg.data.mixtures.grid(SIDE)


def build(config: Config, source: jg.Source) -> jg.Experiment:
    experiment = ring.build(config, source)
    assert source.modes is not None
    modes = source.modes

    def measure(moment: jg.Moment) -> Mapping[str, float]:
        samples = moment.sample(moment.state.generator, 10_000)
        coverage = jg.metrics.mixture.mode_coverage(samples, *modes)
        return {name: coverage[name] for name in ("modes", "high_quality", "reverse_kl")}

    return jg.Experiment(experiment.rule, source, [jg.Hook(config.measure_every, measure)])


def show(home: Path) -> None:
    """Writes the table."""
    from jaxgan.compare.statistics import proportion
    from jaxgan.sweep.table import table

    modes, quality = (
        next(iter(table(home, metric=name).values.values())) for name in ("modes", "high_quality")
    )
    lines = ["# gate", "", "By `studies/gate.py`; see there for what was asked.", ""]
    last = [[cell.steps[step] for step in sorted(cell.steps)[-CHECKS:]] for cell in modes]
    shares = [[cell.steps[step] for step in sorted(cell.steps)[-CHECKS:]] for cell in quality]
    found, good = ([min(checks) for checks in group] for group in (last, shares))
    lines += [f"{len(found)} seeds; the least of the last {CHECKS} checks, by seed:", ""]
    lines += [f"- modes: {', '.join(f'{x:.0f}' for x in sorted(found))}"]
    lines += [f"- high quality: {', '.join(f'{x:.1%}' for x in sorted(good))}", ""]
    lines += ["| all 100 modes, and high quality of at least | seeds that pass | 95 % |", "|---|---|---|"]
    for share in (0.0, *SHARES):
        passed = sum(x == SIDE**2 and y >= share for x, y in zip(found, good, strict=True))
        value, low, high = proportion(passed, len(found))
        lines.append(f"| {share:.0%} | {passed} of {len(found)}: {value:.0%} | {low:.0%} to {high:.0%} |")
    RESULTS.write_text("\n".join(lines) + "\n")
    print(RESULTS.read_text())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--show"]:
        show(Path(sys.argv[2]))
    else:
        jg.main(Config, build, data)
