"""Labels are numbers of classes: which leaves they are, and whether each of them is one of its classes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxgan.data.kind import Label, Leaf


def classes_of(leaves: Mapping[str, Leaf]) -> dict[str, int]:
    """How many classes each of the leaves tells apart that are labels.

    >>> from jaxgan.data import load
    >>> classes_of(load("digits").leaves), classes_of(load("spiral").leaves)
    ({'label': 10}, {})
    """
    return {name: leaf.kind.classes for name, leaf in leaves.items() if isinstance(leaf.kind, Label)}


def wrong_label(leaves: Any, number: np.ndarray, classes: Mapping[str, int]) -> str:
    """Which of these examples [N] has a label outside 0 to classes - 1, nothing where none has.

    Where it were let through a network would be told of no class at all, or of the last one, without a word.

    >>> wrong_label({"label": np.array([0, 9, 10])}, np.array([4, 5, 6]), {"label": 10})
    'example 6 has the label 10, which is none of 0 to 9: number the classes so, or say that there are more'
    """
    for name, count in classes.items() if isinstance(leaves, Mapping) else ():
        if name in leaves and len(label := np.asarray(leaves[name]).reshape(len(number), -1)):
            wrong = (label < 0) | (label >= count)
            if wrong.any():
                first = int(wrong.any(axis=1).argmax())
                has = label[first][wrong[first]][0]
                return (
                    f"example {number[first]} has the {name} {has}, which is none of 0 to {count - 1}: "
                    "number the classes so, or say that there are more"
                )
    return ""
