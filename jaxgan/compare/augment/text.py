"""The answer of `jaxgan augment` as Markdown, and as JSON can hold it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.compare.augment.study import BESIDE, Study, points
from jaxgan.folder.files import json_number
from jaxgan.metrics.memorisation import FRESH
from jaxgan.metrics.metric import Estimate

MEANS = {
    "few": "the few real examples alone",
    "augmented": "the few, shifted by up to an eighth of their side, half of them with a quarter cut out",
    "generated": "{share} of each batch generated, the rest the few",
    "both": "{share} of each batch generated, the rest the few, all augmented",
    "generated alone": "generated examples alone (CAS, Ravuri & Vinyals, 2019)",
    "all real": "all real examples: the oracle",
}


def plain(result: Study) -> dict[str, Any]:
    """Returns the result as JSON can hold it."""

    def numbers(x: Mapping[str, Estimate]) -> dict[str, Any]:
        return {name: dict(zip(e._fields, map(json_number, e), strict=True)) for name, e in x.items()}

    return {
        "units": result.units,
        "accuracies": numbers(result.accuracies),
        "of_units": dict(result.of_units),
        "differences": numbers(result.differences),
        "memorised": [numbers(x) for x in result.memorised],
        "right": list(result.right),
        "verdict": result.verdict,
    }


def to_text(result: Study, about: Mapping[str, Any]) -> str:
    """Returns the result as Markdown, which is also what the command prints."""
    units = len(result.of_units["few"])
    step = ", ".join(map(str, sorted(set(about["step"]))))
    title = f"step {step}, {about['data']}, {about['few']:,} real examples"
    lines = [f"# Does generation help? {title}", "", result.verdict, ""]
    arm_rows = [
        [name, _percent(x), MEANS[name].format(share=f"{100 * about['share']:.0f} %")]
        for name, x in result.accuracies.items()
    ]
    lines += table(["arm", "accuracy", "trained on"], arm_rows)
    difference_rows = [
        [f"{BESIDE[name][0]} − {name.partition(',')[0]}", points(x)] for name, x in result.differences.items()
    ]
    lines += ["", *table(["difference", "paired by seed"], difference_rows)]
    memorised_rows = [
        [name, *(_plain(x[name]) for x in result.memorised), f"{FRESH[name]:g}"]
        for name in result.memorised[0]
    ]
    memorised_rows.append(["right class", *(f"{share:.3f}" for share in result.right), "1"])
    heads = about["lanes"] or ["generated"]
    lines += ["", *table(["memorisation", *heads, "fresh draws"], memorised_rows), ""]
    best = "all real" if "all real" in result.accuracies else "few"
    notes = [
        f"every arm: {about['steps']} updates of {about['batch']} examples, classes alike, Adam at "
        f"{about['rate']:g} falling to 0 by a cosine, chosen before any was measured",
        f"in brackets 95 % intervals over other {result.units} ({units} of them) and other held-out examples "
        f"({about['held out']:,}), for these few; not corrected for being {len(result.differences)}",
        *(
            ["one generator: another training of it may differ, which --seeds of its script would show"]
            if result.units == "classifiers"
            else []
        ),
        f"{about['seeds']} classifiers of each arm{' for each generator' * (len(about['lanes']) > 1)}",
        f"memorisation and right class: by a classifier of the arm {best}",
        *about["notes"],
    ]
    return "\n".join([*lines, *(f"- {note}" for note in notes)])


def _percent(x: Estimate) -> str:
    value = f"{100 * x.value:.1f} %"
    return value if np.isnan(x.low) else f"{value} [{100 * x.low:.1f}, {100 * x.high:.1f}]"


def _plain(x: Estimate) -> str:
    return f"{x.value:.3f} [{x.low:.3f}, {x.high:.3f}]"


def table(heads: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Returns the lines of a Markdown table whose columns are aligned.

    >>> print(*table(["a", "b"], [["1", "22"]]), sep="\\n")
    | a | b  |
    |---|----|
    | 1 | 22 |
    """
    widths = [max(map(len, column)) for column in zip(heads, *body, strict=True)]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    lines = [
        f"| {' | '.join(f'{x:{w}}' for x, w in zip(row, widths, strict=True))} |" for row in [heads, *body]
    ]
    return [lines[0], rule, *lines[1:]]
