"""Arrays of an .npz file that are chosen by name, of several kinds: pictures, words, attributes, masks."""

from collections.abc import Mapping
from difflib import get_close_matches

import numpy as np

from jaxgan.data.arrays.checks import check_examples, check_labels, check_scale, count_classes
from jaxgan.data.kind import Attributes, Image, Leaf, Mask, Tokens, label, of_array
from jaxgan.data.order import stratified_order
from jaxgan.data.words import tokenise, vocabulary_of
from jaxgan.errors import Refused

GROUP = "group"  # no leaf: which examples show one thing
Named = tuple[dict[str, Leaf], dict[str, np.ndarray], np.ndarray, int]


def parse_names(text: str) -> dict[str, str]:
    """Returns the arrays by leaf of "x=photo,source=sketch,text"; one name stands for leaf and array.

    >>> parse_names("x=photo,source=sketch,text")
    {'x': 'photo', 'source': 'sketch', 'text': 'text'}
    >>> parse_names("source")
    {'x': 'x', 'source': 'source'}
    """
    names: dict[str, str] = {}
    for part in text.split(","):
        leaf, _, array = part.partition("=")
        array = array or leaf
        if not leaf.isidentifier() or leaf == "index":
            raise Refused(f"{part!r} names no array: write LEAF=ARRAY, as in x=photo,source=sketch")
        if leaf in names:
            raise Refused(f"{leaf} is named twice, as {names[leaf]} and as {array}")
        names[leaf] = array
    return names if "x" in names else {"x": "x", **names}


def named(saved: Mapping[str, np.ndarray], names: Mapping[str, str]) -> Named:
    """Returns leaves, arrays of all examples, an order of these, and how many of that order are for training.

    The arrays NAME_test, if there are any, are held out; otherwise one example in ten, and with the name
    "group" whole groups. The kinds are guessed: labels if the leaf is called "label" (numbers or words),
    words of texts, "attributes" [N, K] of 0 and 1 (or -1 and 1), whose names are in the array NAME_names if
    there is one, a "mask" of 0 and 1 (or 255), and images and others as in `arrays`.
    """
    train = {leaf: _find(saved, leaf, array) for leaf, array in names.items()}
    test = _held_out(saved, names)
    size, held_out = _count(train, names), _count(test, names) if test else 0
    both = {leaf: _joined(array, test.get(leaf), names[leaf]) for leaf, array in train.items()}
    group = both.pop(GROUP, None)
    leaves: dict[str, Leaf] = {}
    examples: dict[str, np.ndarray] = {}
    order, trained = np.arange(size + held_out), size
    if group is not None:
        _check_group(group)
        if test:
            _check_disjoint(group[:size], group[size:], names[GROUP])
    if not test:
        order, trained = _split(both, group)
    for leaf, array in both.items():
        labels = saved.get(f"{names[leaf]}_names")
        leaves[leaf], examples[leaf] = _converted(leaf, names[leaf], array, order[:trained], labels)
    _check_masks(leaves)
    return leaves, examples, order, trained


def asks(leaves: Mapping[str, Leaf]) -> tuple[str, ...]:
    """Returns the leaves that show the same as "x": the pictures beside it."""
    if not isinstance(leaves["x"].kind, Image):
        return ()
    pictures = (name for name, leaf in leaves.items() if isinstance(leaf.kind, Image | Mask))
    return tuple(name for name in pictures if name not in ("x", "other"))


def _find(saved: Mapping[str, np.ndarray], leaf: str, array: str) -> np.ndarray:
    if array in saved:
        return saved[array]
    near = "".join(f" (did you mean {name}?)" for name in get_close_matches(array, saved, n=1))
    raise Refused(f"there is no array {array!r} for {leaf}{near}, only {', '.join(saved) or 'nothing'}")


def _held_out(saved: Mapping[str, np.ndarray], names: Mapping[str, str]) -> dict[str, np.ndarray]:
    test = {leaf: saved[f"{array}_test"] for leaf, array in names.items() if f"{array}_test" in saved}
    if missing := [array for leaf, array in names.items() if test and leaf not in test]:
        there = names[next(iter(test))]
        raise Refused(
            f"there is an array {there}_test, but no {missing[0]}_test: add it, or rename {there}_test"
        )
    return test


def _count(arrays: Mapping[str, np.ndarray], names: Mapping[str, str]) -> int:
    sizes = {leaf: len(array) if array.ndim else 0 for leaf, array in arrays.items()}
    for leaf, size in sizes.items():
        if size != sizes["x"]:
            raise Refused(
                f"{names['x']} has {sizes['x']} examples, but {names[leaf]} has {size}: each needs its pair"
            )
    if not sizes["x"]:
        raise Refused(f"there are no examples in {names['x']}")
    return sizes["x"]


def _joined(train: np.ndarray, test: np.ndarray | None, name: str) -> np.ndarray:
    if test is None:
        return train
    texts = train.dtype.kind == test.dtype.kind == "U"
    if test.shape[1:] != train.shape[1:] or (test.dtype != train.dtype and not texts):
        raise Refused(
            f"{name} is {train.dtype} {train.shape[1:]}, but {name}_test {test.dtype} {test.shape[1:]}: both "
            "must have the same shape and type"
        )
    return np.concatenate([train, test])


def _check_group(group: np.ndarray) -> None:
    if group.ndim != 1 or group.dtype.kind not in "UiuS":
        raise Refused(f"the groups are {group.dtype} {group.shape}: give each example one number or one word")


def _check_disjoint(train: np.ndarray, test: np.ndarray, name: str) -> None:
    if len(both := np.intersect1d(train, test)):
        raise Refused(
            f"the group {both[0]} of {name} has examples both to train on and held out: move them into one"
        )


def _split(both: Mapping[str, np.ndarray], group: np.ndarray | None) -> tuple[np.ndarray, int]:
    """Returns a constant order of the examples, and how many come before the held-out tenth."""
    size = len(both["x"])
    if group is None:
        label = both.get("label", np.zeros(size))
        return stratified_order(label if label.ndim == 1 else np.zeros(size)), size - -(-size // 10)
    _, of, counts = np.unique(group, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        raise Refused("all examples are of one group, so none can be held out: leave the group out")
    shuffled = np.random.RandomState(0).permutation(len(counts))
    before = size - np.cumsum(counts[shuffled[::-1]])[::-1]  # examples of the groups before each
    first = max(int(np.flatnonzero(before <= size - -(-size // 10))[-1]), 1)  # group that is held out
    place = np.argsort(shuffled)
    return np.argsort(place[of], kind="stable"), int(before[first])


def _converted(
    leaf: str, name: str, array: np.ndarray, trained: np.ndarray, labels: np.ndarray | None
) -> tuple[Leaf, np.ndarray]:
    """Returns the leaf of an array of a file, and the array as it is stored."""
    texts = array.dtype.kind == "U"
    if leaf == "label":
        numbers = np.unique(array, return_inverse=True)[1] if texts else array
        numbers = check_labels(numbers, len(array), "x")
        return label(count_classes(numbers)), numbers
    if texts:
        return _words(name, array, trained)
    if leaf == "attributes":
        return _attributes(name, array, labels)
    if leaf == "mask":
        return _masks(name, array)
    examples = check_examples(array, name)
    check_scale(examples, name)
    return of_array(examples), examples


def _words(name: str, array: np.ndarray, trained: np.ndarray) -> tuple[Leaf, np.ndarray]:
    if array.ndim != 1:
        raise Refused(
            f"{name} has the shape {array.shape}: give one text for each example, or a "
            "folder whose captions.txt has several lines for a picture"
        )
    numbers, vocabulary = tokenise(array.tolist(), vocabulary_of(array[trained].tolist()))
    if not numbers.any():
        raise Refused(f"there are no words in {name}")
    return Leaf(numbers.shape[1:], Tokens(vocabulary), np.int32), numbers


def _attributes(name: str, array: np.ndarray, labels: np.ndarray | None) -> tuple[Leaf, np.ndarray]:
    if array.ndim != 2 or not np.isin(array, (-1, 0, 1)).all():
        raise Refused(
            f"{name} {array.dtype} {array.shape} are no attributes [N, K] of 0 and 1, or of -1 and 1"
        )
    count = array.shape[1]
    if labels is not None and labels.shape != (count,):
        raise Refused(f"{name}_names has {labels.size} names for the {count} attributes of {name}")
    names = range(count) if labels is None else labels.tolist()
    return Leaf((count,), Attributes(tuple(map(str, names)))), (array > 0).astype(np.float32)


def _masks(name: str, array: np.ndarray) -> tuple[Leaf, np.ndarray]:
    masks = array[..., None] if array.ndim == 3 else array
    values = np.unique(masks).tolist()
    if masks.ndim != 4 or masks.shape[3] != 1 or not (set(values) <= {0, 1} or set(values) <= {0, 255}):
        raise Refused(
            f"{name} {array.dtype} {array.shape} are no masks [N, H, W] of 0 and 1, or of 0 and 255"
        )
    return Leaf(masks.shape[1:], Mask()), (masks > 0).astype(np.float32)


def _check_masks(leaves: Mapping[str, Leaf]) -> None:
    x, mask = leaves["x"], leaves.get("mask")
    if mask is not None and mask.shape[:2] != x.shape[:2]:
        sizes = " for pictures of ".join(" x ".join(map(str, of.shape[:2])) for of in (mask, x))
        raise Refused(f"there are masks of {sizes} px: both must have the same size")
