"""Which recipes of the toy benchmark their seeds tell apart, by the tests of `jaxgan compare`."""

from collections.abc import Mapping
from typing import Any

NUMBERS = {"modes": "modes", "high_quality": "high quality", "reverse_kl": "reverse KL"}


def apart(runs: Mapping[str, Mapping[int, Mapping[str, Any]]]) -> list[str]:
    """A line for each number of the goal: who of `runs`, recipe -> seed -> numbers, is worse than whom.

    Recipes of fewer than five seeds are left out; there is no line where fewer than two are left.

    >>> few, many = ({seed: {"modes": 3.0 * n + seed % (1 + n)} for seed in range(6)} for n in (1, 2))
    >>> print(*apart({"a": few, "b": many, "c": many}))
    - modes: a is worse than b, c (2 of 3 pairs)
    """
    from jaxgan.compare import methods, tables
    from jaxgan.evaluate import names

    lines = []
    for name, head in NUMBERS.items():
        chosen = {
            recipe: {seed: own[name] for seed, own in found.items() if name in own}
            for recipe, found in runs.items()
        }
        chosen = {recipe: seeds for recipe, seeds in chosen.items() if len(seeds) >= tables.MIN_SEEDS}
        pairs = tables.table(methods.Measure(name, "at the last step"), "", names.better(name), chosen).pairs
        above: dict[str, list[str]] = {}
        for pair in pairs:
            if pair.p < tables.ALPHA:
                b_is_better = (pair.difference.interval.value > 0) == (names.better(name) == "higher")
                worse, other = (pair.a, pair.b) if b_is_better else (pair.b, pair.a)
                above.setdefault(worse, []).append(other)
        if pairs:
            said = "; ".join(f"{who} is worse than {', '.join(whom)}" for who, whom in above.items())
            count = f"{sum(map(len, above.values()))} of {len(pairs)} pairs"
            lines.append(f"- {head}: {said or 'no two are told apart'} ({count})")
    return lines
