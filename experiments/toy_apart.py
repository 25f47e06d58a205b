"""Significance tests between the recipes of the toy benchmark, as in `jaxgan compare`."""

from collections.abc import Mapping
from typing import Any

NUMBERS = {"modes": "modes", "high_quality": "high quality", "reverse_kl": "reverse KL"}


def significance_lines(runs: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> list[str]:
    """Returns a line per number of the goal: which of `runs`, recipe -> seed -> numbers, is worse than which.

    Recipes with fewer than five seeds are left out; a line needs two or more that are left.

    >>> few, many = ({seed: {"modes": 3.0 * n + seed % (1 + n)} for seed in range(6)} for n in (1, 2))
    >>> print(*significance_lines({"a": few, "b": many, "c": many}))
    - modes: a is worse than b, c (2 of 3 pairs)
    """
    from jaxgan.compare import methods, tables
    from jaxgan.evaluate import names

    lines = []
    for name, head in NUMBERS.items():
        values = {
            recipe: {seed: numbers[name] for seed, numbers in seeds.items() if name in numbers}
            for recipe, seeds in runs.items()
        }
        values = {recipe: seeds for recipe, seeds in values.items() if len(seeds) >= tables.MIN_SEEDS}
        pairs = tables.table(methods.Measure(name, "at the last step"), "", names.better(name), values).pairs
        worse_than: dict[str, list[str]] = {}
        for pair in pairs:
            if pair.p < tables.ALPHA:
                b_is_better = (pair.difference.interval.value > 0) == (names.better(name) == "higher")
                worse, other = (pair.a, pair.b) if b_is_better else (pair.b, pair.a)
                worse_than.setdefault(worse, []).append(other)
        if pairs:
            words = "; ".join(f"{a} is worse than {', '.join(others)}" for a, others in worse_than.items())
            count = f"{sum(map(len, worse_than.values()))} of {len(pairs)} pairs"
            lines.append(f"- {head}: {words or 'no significant difference'} ({count})")
    return lines
