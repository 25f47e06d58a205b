"""Class labels: which leaves have them, and whether they are in range."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.data.kind import Label, Leaf, PartialLabel
from jaxgan.errors import Refused


def classes_of(leaves: Mapping[str, Leaf]) -> dict[str, int]:
    """Returns the number of classes of each leaf that is a label.

    >>> from jaxgan.data import load
    >>> classes_of(load("digits").leaves), classes_of(load("spiral").leaves)
    ({'label': 10}, {})
    """
    return {name: leaf.kind.classes for name, leaf in leaves.items() if isinstance(leaf.kind, Label)}


def label_error(leaves: Any, number: np.ndarray, classes: Mapping[str, int]) -> str:
    """Describes the first label of the examples [N] outside 0..classes-1; "" if there is none.

    A network would silently embed such a label as no class, or as the last one.

    >>> label_error({"label": np.array([0, 9, 10])}, np.array([4, 5, 6]), {"label": 10})
    'example 6 has the label 10, which is none of 0 to 9: number the classes from 0, or declare more of them'
    """
    for name, count in classes.items() if isinstance(leaves, Mapping) else ():
        if name in leaves and len(label := np.asarray(leaves[name]).reshape(len(number), -1)):
            wrong = (label < 0) | (label >= count)
            if wrong.any():
                first = int(wrong.any(axis=1).argmax())
                value = label[first][wrong[first]][0]
                return (
                    f"example {number[first]} has the {name} {value}, which is none of 0 to {count - 1}: "
                    "number the classes from 0, or declare more of them"
                )
    return ""


def check_known(leaves: Mapping[str, Leaf], names: Sequence[str]) -> None:
    """Raises Refused if networks are to be given a label that is known of some examples only.

    >>> check_known({"label": Leaf((), Label(10), np.int32)}, ("label",))
    """
    for name in names:
        if name in leaves and isinstance(leaves[name].kind, PartialLabel):
            raise Refused(
                f"the networks are conditional on {name}, which is known of some examples only: let terms "
                f'alone read it, by conditioning.unconditional(terms=("{name}",))'
            )
