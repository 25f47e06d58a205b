"""What images are measured by: their features, what they are like one another, and copies among them."""

from functools import partial

import numpy as np

from jaxgan.errors import Refused
from jaxgan.evaluate.features import (
    Measures,
    Numbers,
    Reference,
    kept_features,
    of_features,
    or_refused,
    searched,
)
from jaxgan.metrics.memorisation import FRESH, MANY, memorisation
from jaxgan.metrics.metric import Metric, kept, resamples
from jaxgan.metrics.mixture import label_coverage, perfect, shares, with_intervals
from jaxgan.metrics.ssim import similarity

_OF_LABELS = frozenset({"modes", "reverse_kl", "imbalance"})


def of_images(reference: Reference) -> Measures:
    """What features say, MS-SSIM, memorisation where some are held out, and modes of stacked images."""
    train, held_out, _, extractor, n, _ = reference
    found = of_features(reference)
    metrics, floor, warnings = [*found.metrics, ("examples", similarity())], dict(found.floor), []
    if held_out is not None:
        learnt, apart = (kept_features(searched(part, n), extractor).features for part in (train, held_out))
        metrics.append(("features", or_refused(lambda: memorisation(learnt, apart))))
        few = min(n, len(learnt)) < MANY
        floor |= {name: x for name, x in FRESH.items() if not (few and name == "repeats")}
        if len(learnt) < (train.size or 0):
            some = f"{len(learnt):,} of the {train.size:,} examples that were trained on"
            warnings.append(f"copies were looked for among {some}")
    if train.channels is not None and train.channels.classes:
        metrics.append(("logits", _stacked(train.channels.classes, train.shape[-1])))
        floor |= {name: x for name, x in perfect(train.classes, n).items() if name in _OF_LABELS}
    shown = partial(bounded, real=reference.real["x"])
    return found._replace(metrics=metrics, floor=floor, warnings=tuple(warnings), shown=shown)


def bounded(samples: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Images as they are shown, within what real ones reach, [-1, 1] at least.

    >>> bounded(np.full((1, 2, 2, 1), 1.25), np.ones((1, 2, 2, 1))).max().item()
    1.0
    """
    reach = max(1.0, float(np.abs(real).max()))
    return np.clip(samples, -reach, reach)


def _stacked(classes: int, channels: int) -> Metric:
    """Coverage of the modes of stacked images, by the classes that every channel is seen as."""

    def of(logits: np.ndarray | None) -> tuple[np.ndarray, ...]:
        if logits is None or logits.shape[1] != channels * classes:
            raise Refused("modes of stacked images need the class of each channel, which `local` tells")
        return (logits,)

    def compute(logits: np.ndarray) -> Numbers:
        digits = logits.reshape(len(logits), channels, classes).argmax(axis=-1)
        label = digits @ classes ** np.arange(channels)[::-1]
        rows = resamples(len(label), 100)
        again = [label_coverage(label[some], classes**channels) for some in rows]
        found = label_coverage(label, classes**channels)
        return with_intervals(found, again, shares(classes**channels), len(label))

    return kept(compute)._replace(of=of)
