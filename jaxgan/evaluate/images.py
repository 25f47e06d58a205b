"""The metrics of images: those of features, MS-SSIM, memorisation, and modes of stacked images."""

from functools import partial

import numpy as np

from jaxgan.errors import Refused
from jaxgan.evaluate.features import (
    Measures,
    Numbers,
    Reference,
    cached_outputs,
    copy_candidates,
    defer_refusal,
    of_features,
)
from jaxgan.metrics.memorisation import FRESH, MANY, memorisation
from jaxgan.metrics.metric import Metric, collect_then, resamples
from jaxgan.metrics.mixture import add_intervals, label_coverage, mode_weights, perfect
from jaxgan.metrics.ssim import similarity

_OF_LABELS = frozenset({"modes", "reverse_kl", "imbalance"})


def of_images(reference: Reference) -> Measures:
    """Returns the metrics of features, MS-SSIM, memorisation given held-out images, modes of stacked ones."""
    train, held_out, _, extractor, n, _ = reference
    measures = of_features(reference)
    metrics, floor, warnings = [*measures.metrics, ("examples", similarity())], dict(measures.floor), []
    if held_out is not None:
        train_features, held_out_features = (
            cached_outputs(copy_candidates(source, n), extractor).features for source in (train, held_out)
        )
        metrics.append(("features", defer_refusal(lambda: memorisation(train_features, held_out_features))))
        few = min(n, len(train_features)) < MANY
        floor |= {name: x for name, x in FRESH.items() if not (few and name == "repeats")}
        if len(train_features) < (train.size or 0):
            warnings.append(
                f"{len(train_features):,} of the {train.size:,} training examples were searched for copies"
            )
    if train.channels is not None and train.channels.classes:
        metrics.append(("logits", _stacked_modes(train.channels.classes, train.shape[-1])))
        floor |= {name: x for name, x in perfect(train.classes, n).items() if name in _OF_LABELS}
    shown = partial(clip_to_range, real=reference.real["x"])
    return measures._replace(metrics=metrics, floor=floor, warnings=tuple(warnings), shown=shown)


def clip_to_range(samples: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Clips images, as a picture would, to the range of the real ones, at least [-1, 1].

    >>> clip_to_range(np.full((1, 2, 2, 1), 1.25), np.ones((1, 2, 2, 1))).max().item()
    1.0
    """
    largest = max(1.0, float(np.abs(real).max()))
    return np.clip(samples, -largest, largest)


def _stacked_modes(classes: int, channels: int) -> Metric:
    """Returns the coverage of the modes of stacked images, from the predicted class of each channel."""

    def of(logits: np.ndarray | None) -> tuple[np.ndarray, ...]:
        if logits is None or logits.shape[1] != channels * classes:
            raise Refused("modes of stacked images need the class of each channel: use the local extractor")
        return (logits,)

    def compute(logits: np.ndarray) -> Numbers:
        digits = logits.reshape(len(logits), channels, classes).argmax(axis=-1)
        label = digits @ classes ** np.arange(channels)[::-1]
        modes = classes**channels
        replicates = [label_coverage(label[rows], modes) for rows in resamples(len(label), 100)]
        return add_intervals(label_coverage(label, modes), replicates, mode_weights(modes), len(label))

    return collect_then(compute)._replace(of=of)
