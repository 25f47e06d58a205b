"""The samples that are nearest to training examples, beside them: what memorisation would look like."""

import numpy as np

from jaxgan.data.source import Source
from jaxgan.evaluate.extractor import Extractor
from jaxgan.evaluate.features import kept_features, searched
from jaxgan.evaluate.images import bounded
from jaxgan.evaluate.panel import LOOKED_AT, Draw
from jaxgan.metrics.nearest import nearest

SHOWN, BESIDE = 8, 3


def copies(draw: Draw, train: Source, extractor: Extractor, n: int) -> np.ndarray:
    """Rows of images: a sample, then the three training examples that are nearest in features, or all.

    Of the first 2,000 samples those eight that are nearest to a training example. Images [8, 4, H, W, C].
    """
    examples = searched(train, n)
    samples = bounded(draw(min(n, LOOKED_AT), 0), examples)
    seen = extractor.apply(samples).features, kept_features(examples, extractor).features
    near, distance = nearest(*seen, min(BESIDE, len(examples)))
    chosen = np.argsort(distance[:, 0], kind="stable")[:SHOWN]
    return np.stack([np.stack([samples[i], *examples[near[i]]]) for i in chosen])
