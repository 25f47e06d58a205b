"""A source of few examples of each class, for training on little data."""

import jax.numpy as jnp
import numpy as np

from jaxgan.data.labels import classes_of
from jaxgan.data.source import Source, labelled
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree

READ = 1024  # examples at a time, until there are enough of each class


def few(source: Source, per_class: int) -> Source:
    """Returns `per_class` examples of each class, in memory; the held-out examples stay as they are.

    Which ones is the same in every run, and fewer are a part of more: those of per_class=10 are among those
    of per_class=20. Examples in files are read until each class has enough.

    >>> from jaxgan.data import load
    >>> digits = few(load("digits"), 20)
    >>> digits.size, np.bincount(labelled(digits, 200)["label"]).tolist(), digits.held_out().size
    (200, [20, 20, 20, 20, 20, 20, 20, 20, 20, 20], 297)
    """
    classes = classes_of(source.leaves).get("label", 0)
    if not classes:
        raise Refused("few takes examples of each class, and these have no labels")
    if source.size is None:
        raise Refused("few takes some of the examples, and these are drawn anew without end")
    if per_class < 1:
        raise Refused(f"few needs per_class=1 or more examples of each class, not {per_class}")
    seen = np.zeros(classes, int)
    kept: list[dict[str, np.ndarray]] = []
    for start in range(0, source.size, READ):
        block = labelled(source, READ, start)
        rank = np.empty(len(block["label"]), int)  # of each example within its class
        for k in range(classes):
            of_class = block["label"] == k
            rank[of_class] = seen[k] + np.arange(of_class.sum())
            seen[k] += of_class.sum()
        kept.append({name: leaf[rank < per_class] for name, leaf in block.items()})
        if (seen >= per_class).all():
            break
    if seen.min() < per_class:
        raise Refused(
            f"class {seen.argmin()} has {seen.min()} examples to train on, fewer than {per_class} per class: "
            "take fewer"
        )
    arrays = {name: jnp.asarray(np.concatenate([block[name] for block in kept])) for name in source.leaves}
    words = f"{per_class} examples per class"
    return source._replace(
        size=per_class * classes,
        arrays=arrays,
        take=_take,
        read=None,
        note="; ".join(filter(None, (source.note, words))),
        fingerprint=source.fingerprint and f"{source.fingerprint}, {words}",
    )


def _take(arrays: PyTree, key: Key, number: Array) -> Batch:
    return {name: leaf[number] for name, leaf in arrays.items()}
