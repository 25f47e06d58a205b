"""Which rules are worth their cost? All rules on a ring and a grid of Gaussians, at equal arithmetic.

    python experiments/rules_on_grid.py

    35 min of processor time on 2 cores of an AMD EPYC (Zen 5), shared; jax 0.10.2, 2026-11-21; five
    seeds, all finite. With the non-saturating loss none of the costlier rules is worth its cost: on the ring
    with R1 alternating has 73 +- 11 % of high quality, simultaneous 79 +- 6, optimistic 76 +- 5, consensus 45
    +- 10, extragradient 36 +- 26, competitive 27 +- 6, symplectic 13 +- 10. With the Wasserstein loss, where
    only the rule keeps the players from diverging, some are: without R1 alternating finds 4.8 +- 5.4 modes of
    8 and 1.8 +- 1.6 of 25, consensus 8.0 and 20.8 +- 2.0, competitive 8.0 and 19.4 +- 3.4, and lookahead,
    which costs nothing, 8.0 and 16.8 +- 6.2; with R1 lookahead finds 20.6 +- 2.3 of 25, alternating 9.6 +-
    8.2. look_through loses modes with the non-saturating loss (4.4 +- 2.4 of 25). This is early in training:
    4,000 updates of alternating, where `ring.py` takes 15,000 larger ones.

Runs the cells that are missing in `results/rules_on_grid.json`, and saves each as it is done, so that the
script can be stopped and started again.

Every rule is run with the non-saturating and the Wasserstein loss, without a penalty and with R1, on 8
Gaussians on a ring and 25 on a grid, with Adam if it takes optimisers. The rules have equal arithmetic, not
equal updates or gradients: each makes as many updates as cost what `updates` of alternating cost, counted in
the compiled programs. Seeds are lanes of one program.

Measured on 2,500 samples of the averaged G at the end, as in `ring.py`: modes found, high quality, and
reverse KL; mean and 95 % interval over seeds (Student's t). A run that does not stay finite is halted, and
counts with its last finite state; `failed` is the number of such runs.
"""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import jaxgan as jg
from jaxgan.folder import files

if TYPE_CHECKING:  # --help does not wait for JAX
    from collections.abc import Callable, Iterator

HOME = Path(__file__).parent
MEASURED = ("modes", "high_quality", "reverse_kl")
NUMBERS, TABLE = "rules_on_grid.json", "rules_on_grid.md"


@dataclass(frozen=True)
class Config:
    updates: int = 4000
    """Of alternating; the other rules make as many as cost the same."""
    seeds: int = 5
    batch_size: int = 256
    lr: float = 1e-3
    """Of Adam and of adaptive competitive gradient descent, for both players."""
    gamma: float = 0.1
    """Weight of R1, in the cells that have it."""
    width: int = 64
    """Units of each hidden layer, two in either network."""
    only: tuple[str, ...] = ()
    """Rules to run; by default all."""
    out: Path = HOME / "results"


class Cell(NamedTuple):
    """The result of one rule on one game."""

    data: str
    loss: str
    penalty: str
    rule: str
    cost: float  # of an update, relative to alternating
    updates: int
    failed: int
    scores: dict[str, list[float]]  # of every seed


def rules(config: Config, cost: float = 1.0) -> dict[str, Callable[[jg.Game], jg.Rule]]:
    """Returns all rules, with the weights of their papers, and an average of G over equal arithmetic."""
    import optax

    adam = optax.adam(config.lr, b1=0.5, b2=0.99, eps_root=1e-8)
    ema = jg.ema(0.999**cost)
    every = {
        "alternating": lambda game: jg.alternating(game, adam, adam, average=ema),
        "simultaneous": lambda game: jg.simultaneous(game, adam, adam, average=ema),
        "extragradient": lambda game: jg.extragradient(game, adam, adam, average=ema),
        "past_extragradient": lambda game: jg.past_extragradient(game, adam, adam, average=ema),
        "optimistic": lambda game: jg.optimistic(game, adam, adam, average=ema),
        "consensus": lambda game: jg.consensus(game, adam, adam, weight=0.1, average=ema),
        "symplectic": lambda game: jg.symplectic(game, adam, adam, average=ema),
        "look_through": lambda game: jg.look_through(game, adam, adam, rate=0.01, average=ema),
        "unrolled": lambda game: jg.unrolled(game, adam, adam, steps=5, average=ema),
        "competitive": lambda game: jg.adaptive_competitive(
            game, config.lr, config.lr, products=3, average=ema
        ),
        "lookahead": lambda game: jg.lookahead(jg.alternating(game, adam, adam, average=ema)),
    }
    unknown = set(config.only) - every.keys()
    if unknown:
        raise jg.Refused(f"there is no rule {', '.join(sorted(unknown))}: give one of {', '.join(every)}")
    return {name: rule for name, rule in every.items() if not config.only or name in config.only}


def game_of(config: Config, loss: str, penalty: str) -> jg.Game:
    match loss:
        case "non_saturating":
            objective = jg.objectives.non_saturating()
        case "wasserstein":
            objective = jg.objectives.wasserstein()
    widths = (config.width,) * 2
    return jg.gan(
        jg.from_linen(jg.models.mlp.Generator((2,), widths, final=jg.models.mlp.identity)),
        jg.from_linen(jg.models.mlp.Discriminator(widths)),
        latent=jg.latents.normal(2),
        objective=objective,
        d_terms=[jg.terms.r1(config.gamma)] if penalty == "r1" else [],
    )


def arithmetic(rule: jg.Rule, batches: Any) -> float:
    """Returns the floating-point operations of one compiled update."""
    import jax

    state = jax.eval_shape(rule.init, jax.random.key(0), batches)
    analysis = jax.jit(rule.update).lower(state, batches).compile().cost_analysis()
    assert analysis is not None
    return analysis["flops"]


def train(config: Config, game: jg.Game, rule: jg.Rule, mixture: Any, updates: int) -> tuple[int, list]:
    """Trains all seeds; returns how many failed, and the scores of each."""
    import jax
    import jax.numpy as jnp

    from jaxgan.scale import lanes

    rule, source = jg.guarded(rule), jg.data.mixtures.sampled(mixture)

    def batches(key: Any, step: Any) -> Any:
        return jg.data.batch(source, (1, 1, config.batch_size), source.arrays, key, step)

    def start(key: Any) -> jg.State:
        return rule.init(key, batches(key, 0))

    keys = jax.vmap(jax.random.key)(jnp.arange(config.seeds))
    first = jax.eval_shape(start, keys[0])
    state = jax.jit(jax.vmap(start, out_axes=lanes.fill_state(first, 0, None)))(keys)
    update = lanes.vmap_lanes(rule.update)

    def step(_: Any, state: jg.State) -> jg.State:
        return update(state, jax.vmap(batches, in_axes=(0, None))(state.key, state.step))[0]

    state = jax.jit(lambda state: jax.lax.fori_loop(0, updates, step, state))(state)

    def score(seed: int) -> dict[str, float]:
        lane = lanes.take_lane(state, seed)
        x = game.sample(lane.generator, jg.fold(lane.key, "measure"), jnp.arange(2500), {})
        return jg.metrics.mixture.mode_coverage(np.asarray(x), mixture.centres, mixture.sigma)

    scores = [score(seed) for seed in range(config.seeds)]
    return int((state.rule.failed >= 0).sum()), scores


def missing(config: Config, known: set[tuple[str, ...]]) -> Iterator[Cell]:
    """Runs and yields every cell that is not yet known."""
    import jax.numpy as jnp

    layout = (1, 1, config.batch_size)
    batches = {"x": jnp.zeros((*layout, 2)), "index": jnp.zeros(layout, jnp.uint32)}
    mixtures = {"ring": jg.data.mixtures.ring_mixture(), "grid": jg.data.mixtures.grid_mixture()}
    for penalty, loss in itertools.product(("r1", "none"), ("non_saturating", "wasserstein")):
        game = game_of(config, loss, penalty)
        unit = arithmetic(rules(Config())["alternating"](game), batches)
        for name, make in rules(config).items():
            new = [data for data in mixtures if (data, loss, penalty, name) not in known]
            if not new:
                continue
            cost = arithmetic(make(game), batches) / unit
            updates = max(1, round(config.updates / cost))
            for data in new:
                rule = rules(config, cost)[name](game)
                failed, scores = train(config, game, rule, mixtures[data], updates)
                columns = {key: [row[key] for row in scores] for key in MEASURED}
                yield Cell(data, loss, penalty, name, cost, updates, failed, columns)


def interval(values: list[float]) -> str:
    """Formats the mean and half the 95 % interval; for one seed, or equal ones, the mean alone.

    >>> interval([1.0, 3.0]), interval([8.0, 8.0])
    ('2.000 ± 12.706', '8.000')
    """
    from jaxgan.compare import statistics

    mean = statistics.mean(np.asarray(values))
    return f"{mean.value:.3f}" + ("" if math.isnan(mean.high) else f" ± {mean.high - mean.value:.3f}")


def line(cell: Cell) -> str:
    words = [cell.data, cell.loss, cell.penalty, cell.rule, f"{cell.cost:.2f}", f"{cell.updates}"]
    words += [interval(cell.scores[name]) for name in MEASURED]
    return f"| {' | '.join([*words, str(cell.failed)])} |"


def write(cells: list[Cell], config: Config) -> None:
    """Writes the JSON file and the table, each atomically."""
    head = ["data", "loss", "penalty", "rule", "cost", "updates", *MEASURED, "failed"]
    options = settings(config)
    lines = [
        f"`experiments/rules_on_grid.py`, {', '.join(f'{k} {v}' for k, v in options.items())}.",
        "",
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
        *map(line, sorted(cells, key=lambda cell: cell[:3])),
    ]
    results = {"options": options, "cells": [cell._asdict() for cell in cells]}
    files.write(config.out / TABLE, "\n".join(lines) + "\n")
    files.write(config.out / NUMBERS, json.dumps(results, indent=1) + "\n")


def settings(config: Config) -> dict[str, Any]:
    """Returns the options that all cells of a table must share."""
    return {name: value for name, value in asdict(config).items() if name not in {"out", "only"}}


def main(config: Config) -> None:
    config.out.mkdir(parents=True, exist_ok=True)
    numbers, cells = config.out / NUMBERS, []
    if numbers.exists():
        saved = json.loads(numbers.read_text())
        if saved["options"] != settings(config):
            raise jg.Refused(f"{numbers} has cells of other options: name another folder with --out")
        cells = [Cell(**cell) for cell in saved["cells"]]
    for cell in missing(config, {cell[:4] for cell in cells}):
        cells.append(cell)
        print(line(cell), flush=True)
        write(cells, config)


if __name__ == "__main__":
    import sys

    import tyro

    try:
        main(tyro.cli(Config, description=__doc__, use_underscores=False))
    except jg.Refused as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
