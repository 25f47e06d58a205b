"""Whether a source gives what it says, and enough of it: refused in one line, before the first step."""

from collections.abc import Mapping
from math import prod

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.labels import classes_of, wrong_label
from jaxgan.data.source import Made, Source, given
from jaxgan.errors import Refused
from jaxgan.parts.types import Array, Batch, PyTree


def check(source: Source, layout: tuple[int, ...], steps: int) -> None:
    """Refuses, before the first step, what `batch` cannot do. The batch is the last axis of the layout.

    >>> from jaxgan.data import load
    >>> check(load("digits"), (1, 2000), 10)
    Traceback (most recent call last):
    jaxgan.errors.Refused: a batch of 2000 is more than the 1500 examples there are: take a smaller batch
    """
    if source.read is not None and source.size is None:
        raise Refused("a source that reads files must say how many examples they hold: give it a `size`")
    if source.size is not None and layout[-1] > source.size:
        raise Refused(
            f"a batch of {layout[-1]} is more than the {source.size} examples there are: take a smaller batch"
        )
    if steps * prod(layout) >= 2**32:
        raise Refused(
            f"{steps} steps of {prod(layout)} examples are more than the stream's 2^32 - 1: "
            f"take at most {(2**32 - 1) // prod(layout)} steps"
        )


def check_taken(source: Source) -> None:
    """Refuses a source whose `take` does not give what its leaves say.

    >>> from jaxgan.data import load
    >>> ring = load("ring")
    >>> across = lambda arrays, key, number: {"x": ring.take(arrays, key, number)["x"].T}
    >>> check_taken(ring._replace(take=across))
    Traceback (most recent call last):
    jaxgan.errors.Refused: `take` gives x of shape (2, 3) for 3 numbers: its leaf asks for (3, 2)
    """
    number = np.arange(3 if source.read is None else 1, dtype=np.uint32)
    taken = jax.eval_shape(source.take, given(source, number), jax.random.key(0), number)
    for name, leaf in source.leaves.items():
        if name not in taken:
            raise Refused(f"`take` gives {', '.join(sorted(taken))}, and no {name}, which the leaves promise")
        if taken[name].shape != (wanted := (len(number), *leaf.shape)):
            raise Refused(
                f"`take` gives {name} of shape {taken[name].shape} for {len(number)} numbers: "
                f"its leaf asks for {wanted}"
            )


def labels_as_read(source: Source) -> dict[str, int]:
    """As `classes_of`, of what is read: the leaves that `take` hands on as they were read.

    >>> from jaxgan.data import load
    >>> digits = load("digits")
    >>> there = digits._replace(
    ...     read=lambda number: {name: leaf[number] for name, leaf in digits.arrays.items()},
    ...     take=lambda read, key, number: read,
    ... )
    >>> turned = there._replace(take=lambda read, *_: {"label": 9 - read["label"]})
    >>> labels_as_read(there), labels_as_read(turned)
    ({'label': 10}, {})
    """
    base = source.channels or source  # whose examples are read, where they are stacked
    read, classes = base.read, classes_of(base.leaves)
    while isinstance(read, Made):
        read = read.read
    if read is None or not classes:
        return {}
    number = np.zeros(1, np.uint32)
    one = read(number)
    if not isinstance(one, Mapping) or len(jax.tree.leaves(one)) != len(one):
        return {}
    traced, taken = jax.make_jaxpr(base.take, return_shape=True)(one, jax.random.key(0), number)
    before = dict(zip(sorted(one), traced.jaxpr.invars, strict=False))
    after = dict(zip(sorted(taken), traced.jaxpr.outvars, strict=True))
    return {
        name: count
        for name, count in classes.items()
        if name in before and name in after and before[name] is after[name]
    }


def check_labels(source: Source, drawn: int = 4096, block: int = 2**16) -> None:
    """Refuses labels that are none of the classes: of all in memory, of the first that are drawn anew.

    Those of files are looked at as they are read.

    >>> from jaxgan.data import load
    >>> check_labels(load("digits"))
    """
    classes = classes_of(source.leaves)
    if source.read is not None or not classes:
        return
    key = jax.random.key(0)

    @jax.jit
    def told(arrays: PyTree, number: Array) -> Batch:
        taken = source.take(arrays, key, number)
        return {name: taken[name] for name in classes if name in taken}

    numbers = np.arange(drawn if source.size is None else source.size, dtype=np.uint32)
    for some in np.split(numbers, range(block, len(numbers), block)):
        if why := wrong_label(jax.device_get(told(source.arrays, jnp.asarray(some))), some, classes):
            raise Refused(why)
