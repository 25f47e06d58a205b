"""Whether generated examples helped: accuracies of the arms, paired differences, and one sentence."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.compare.augment.arms import Pool, arms, pool, trial
from jaxgan.compare.statistics import two_way_mean
from jaxgan.errors import Refused
from jaxgan.metrics.memorisation import memorisation
from jaxgan.metrics.metric import Estimate

BESIDE = {
    "few": ("generated", "beside the few alone"),
    "augmented": ("generated", "beside ordinary augmentation"),
    "augmented, both": ("both", "on top of ordinary augmentation"),
}
"""The differences: of an arm with generated examples to one without, and the words for it."""


class Given(NamedTuple):
    """Leaves "x" and "label" of the few, of held-out and, for the oracle, of all real examples."""

    few: Mapping[str, np.ndarray]
    held_out: Mapping[str, np.ndarray]
    everything: Mapping[str, np.ndarray] | None
    classes: int


class Study(NamedTuple):
    """The accuracies and differences by name; `memorised` and `right` are of each generator."""

    units: str  # what the seeds are
    accuracies: Mapping[str, Estimate]
    of_units: Mapping[str, Sequence[float]]  # the accuracy of each
    differences: Mapping[str, Estimate]
    memorised: Sequence[Mapping[str, Estimate]]
    right: Sequence[float]  # the share of generated examples in which the best classifier sees their class
    verdict: str


def study(
    given: Given,
    drawn: Sequence[Mapping[str, np.ndarray]],
    *,
    seeds: int = 5,
    share: float = 0.5,
    steps: int = 400,
    mirrored: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Study:
    """Trains the classifiers of all arms, and compares them; `drawn` are the examples of each generator.

    Each generator has `seeds` classifiers of its own in every arm. The intervals are over generators if there
    are several, else over the classifiers of the one; both are over other held-out examples as well.
    """
    if seeds < 1 or seeds * len(drawn) < 2:
        raise Refused(f"an interval needs two seeds or more: give --seeds 2 or more, not {seeds}")
    made = arms(share, given.everything is not None)
    tried = trial(given.classes, given.held_out, steps, mirrored, say)
    pools = {"few": pool(given.few["x"], given.few["label"], given.classes)}
    if given.everything is not None:
        pools["all"] = pool(given.everything["x"], given.everything["label"], given.classes)
    drawn_pools = [pool(x["x"], x["label"], given.classes) for x in drawn]
    hits: dict[str, np.ndarray] = {}
    for name, arm in made.items():
        of_generators: list[np.ndarray] = []
        for lane, generated in enumerate(drawn_pools):
            each = [lane * seeds + seed for seed in range(seeds)]
            of_generators.append(tried.run(name, arm, {**pools, "drawn": generated}, each))
            if len(drawn) > 1:
                shown = f"generator {lane + 1} of {len(drawn)}: "
                say(f"{name}, {shown}{100 * of_generators[-1].mean():.1f} % of {seeds} classifiers")
        hits[name] = _units(np.stack(of_generators))
        say(f"{name}: {100 * hits[name].mean():.1f} % right")
    learn, state = tried.trained.get("all real") or tried.trained["few"]

    def features(x: np.ndarray) -> np.ndarray:
        return learn.outputs(state, x)[0]

    copies = memorisation(features(pools["few"].x), features(given.held_out["x"]))
    memorised = [copies.compute((features(x.x),)) for x in drawn_pools]
    right = [_right(learn.outputs(state, x.x)[1], x) for x in drawn_pools]
    differences = {
        name: two_way_mean(hits[better] - hits[name.partition(",")[0]])
        for name, (better, _) in BESIDE.items()
    }
    return Study(
        "generators" if len(drawn) > 1 else "classifiers",
        {name: two_way_mean(x) for name, x in hits.items()},
        {name: x.mean(axis=1).tolist() for name, x in hits.items()},
        differences,
        memorised,
        right,
        verdict(differences, memorised),
    )


def _units(hits: np.ndarray) -> np.ndarray:
    """[generators, seeds, held out] -> [units, held out], where several generators are the units."""
    return hits.mean(axis=1) if len(hits) > 1 else hits[0].astype(float)


def _right(logits: np.ndarray, drawn: Pool) -> float:
    return float((logits.argmax(axis=1) == drawn.label).mean())


def verdict(differences: Mapping[str, Estimate], memorised: Sequence[Mapping[str, Estimate]] = ()) -> str:
    """Returns the answer in a sentence, and another where generated examples are copies of the few.

    >>> differences = {"few": Estimate(0.03, 0.01, 0.05), "augmented": Estimate(0.0, -0.02, 0.02)}
    >>> print(verdict(differences))
    Generation helped beside the few alone (+3.0 points [+1.0, +5.0]); whether it helps beside ordinary \
augmentation cannot be told with these seeds (+0.0 points [-2.0, +2.0]).
    """
    told = []
    for name, difference in differences.items():
        beside = BESIDE[name][1]
        if difference.low > 0 or difference.high < 0:
            told.append(f"it {'helped' if difference.low > 0 else 'hurt'} {beside} ({points(difference)})")
        else:
            told.append(f"whether it helps {beside} cannot be told with these seeds ({points(difference)})")
    sentence = "; ".join(told) + "."
    if sentence.startswith("it "):
        sentence = "Generation" + sentence.removeprefix("it")
    else:
        sentence = sentence.replace("whether it helps", "Whether generation helps", 1)
    copied = [numbers["copies"] for numbers in memorised]
    if copied and min(x.low for x in copied) > 0:
        shares = " to ".join(
            f"{100 * share:.0f} %" for share in sorted({min(copied).value, max(copied).value})
        )
        sentence += f" {shares} of the generated examples are near copies of the few, which add nothing."
    return sentence


def points(x: Estimate) -> str:
    """Formats a difference of shares in percentage points, with its interval.

    >>> points(Estimate(-0.0123, -0.03, 0.005)), points(Estimate(0.0, np.nan, np.nan))
    ('-1.2 points [-3.0, +0.5]', '+0.0 points, the same in all seeds')
    """
    value = f"{100 * x.value + 0.0:+.1f} points"
    if np.isnan(x.low):
        return f"{value}, the same in all seeds"
    return f"{value} [{100 * x.low:+.1f}, {100 * x.high:+.1f}]"
