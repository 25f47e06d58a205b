"""A source of which few labels are known, for semi-supervised learning."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.kind import Label, Leaf, PartialLabel
from jaxgan.data.source import Source
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, Key, PyTree


def few_labels(source: Source, per_class: int) -> Source:
    """Returns the source with the labels of `per_class` examples of each class; of all others they are -1.

    Which labels are kept is the same in every run. The source then has no classes: metrics, panels and
    samples treat it as one without labels, and networks conditional on the label are refused. Its held-out
    examples keep their labels.

    >>> from jaxgan.data import load
    >>> digits = few_labels(load("digits"), 10)
    >>> label = digits.take(digits.arrays, jax.random.key(0), jnp.arange(1500))["label"]
    >>> int((label >= 0).sum()), int(label.min()), digits.classes
    (100, -1, 0)
    """
    leaf = source.leaves.get("label")
    if leaf is None or not isinstance(leaf.kind, Label):
        raise Refused("few_labels hides labels, and these examples have none")
    if source.size is None or source.read is not None:
        raise Refused("few_labels needs examples in memory: not from files, nor without end")
    if per_class < 1:
        raise Refused(f"few_labels needs per_class=1 or more labels of each class, not {per_class}")
    label = _labels(source)
    kept = np.zeros(source.size, bool)
    for k in range(leaf.kind.classes):
        of_class = np.flatnonzero(label == k)
        if len(of_class) < per_class:
            raise Refused(
                f"class {k} has {len(of_class)} examples, fewer than the {per_class} whose labels are kept"
            )
        kept[np.random.RandomState(k).permutation(of_class)[:per_class]] = True

    def take(arrays: PyTree, key: Key, number: Array) -> Batch:
        arrays, known = arrays
        taken = source.take(arrays, key, number)
        return {**taken, "label": jnp.where(known[number], taken["label"], -1)}

    return source._replace(
        leaves={**source.leaves, "label": Leaf((), PartialLabel(leaf.kind.classes), leaf.dtype)},
        arrays=(source.arrays, jnp.asarray(kept)),
        take=take,
        note="; ".join(filter(None, (source.note, f"{per_class} labels per class"))),
        fingerprint=source.fingerprint and f"{source.fingerprint}, {per_class} labels per class",
    )


def _labels(source: Source) -> np.ndarray:
    """Returns the labels of all examples, in order of their numbers."""
    assert source.size is not None
    with jax.ensure_compile_time_eval():
        take = jax.jit(lambda number: source.take(source.arrays, jax.random.key(0), number)["label"])
        return np.asarray(take(jnp.arange(source.size, dtype=jnp.uint32)))
