"""scikit-learn's 1,797 handwritten digits (Alpaydin & Kaynak, 1998), which need no download."""

from typing import Literal

import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import image, with_label
from jaxgan.data.order import stratified_order
from jaxgan.data.source import Source, check_split
from jaxgan.parts.types import Array, Batch, Key, PyTree

TRAIN = 1500


def digits(split: Literal["train", "test"] = "train") -> Source:
    """Returns 8x8 images in [-1, 1] with labels 0..9: 1,500 to train on, 297 held out, whatever the seed.

    >>> digits().shape, digits().size, digits("test").size
    ((8, 8, 1), 1500, 297)
    """
    check_split(split)
    from sklearn.datasets import load_digits

    images, label = load_digits(return_X_y=True)
    order = stratified_order(label)
    number = order[:TRAIN] if split == "train" else order[TRAIN:]
    x = (images[number] / 8 - 1).astype(np.float32).reshape(-1, 8, 8, 1)
    arrays = {"x": jnp.asarray(x), "label": jnp.asarray(label[number], jnp.int32)}
    return Source(with_label(image(8, 8, 1), 10), len(number), arrays, _take)


def _take(arrays: PyTree, key: Key, number: Array) -> Batch:
    return {name: array[number] for name, array in arrays.items()}
