"""R-precision: whether the text of a generated image can be told from other texts by the image."""

import numpy as np

from jaxgan.errors import Refused
from jaxgan.metrics.metric import Estimate, check_dims, flatten, share


def r_precision(
    images: np.ndarray, texts: np.ndarray, said: np.ndarray, candidates: int = 100, seed: int = 0
) -> Estimate:
    """Returns the share of images [n, d] whose own text [n, d] is the nearest of `candidates` by cosine.

    Features of images and texts are those of a network trained on real pairs. The other candidates are
    different texts, drawn for each image with a fixed seed (Xu et al., 2018, with 1 true text and 99 others).
    `said` [n, ...]: the words of the texts, by which equal texts are told. Chance scores 1 / candidates; k
    texts that are equally near count as 1/k. The interval is over other images.

    >>> r_precision(np.eye(100), np.eye(100), np.arange(100)).value
    1.0
    >>> round(r_precision(np.ones((100, 100)), np.eye(100), np.arange(100)).value, 2)  # all are equally near
    0.01
    """
    images, texts = (_unit(x) for x in (images, texts))
    check_dims(images.shape[1], texts.shape[1])
    if not len(images) == len(texts) == len(said):
        raise Refused(f"{len(images)} images need as many texts and words, not {len(texts)} and {len(said)}")
    words = np.asarray(said).reshape(len(said), -1)
    _, first, which = np.unique(words, axis=0, return_index=True, return_inverse=True)
    which = which.reshape(-1)  # some versions of NumPy keep an axis
    if not 2 <= candidates <= len(first):
        raise Refused(
            f"R-precision among {candidates} texts needs 2 or more candidates and as many different texts, "
            f"and there are {len(first)}: give more examples, or fewer candidates"
        )
    similarity = images @ texts[first].T  # [n, different texts]
    own = np.take_along_axis(similarity, which[:, None], axis=1)
    random = np.random.RandomState(seed)  # a stream that numpy has frozen
    hits = np.empty(len(images))
    for i in range(len(images)):
        others = random.choice(len(first) - 1, candidates - 1, replace=False)
        others += others >= which[i]  # all but its own
        near = similarity[i, others]
        hits[i] = 0.0 if (near > own[i]).any() else 1 / (1 + (near == own[i]).sum())
    return share(hits)


def _unit(x: np.ndarray) -> np.ndarray:
    x = flatten(x).astype(np.float64)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(length > 0, length, 1)
