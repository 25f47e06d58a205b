"""What the results of a program depend on."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax.interpreters.partial_eval import dce_jaxpr

from jaxgan.parts.types import PyTree


def depends_on(program: Callable[..., PyTree], values: Mapping[str, Any], *more: PyTree) -> list[str]:
    """The names of the numbers `values` that what `program(values, *more)` returns depends on.

    >>> depends_on(jax.jit(lambda values, x: values["rate"] * x), {"rate": 2.0, "size": 3}, 1.0)
    ['rate']
    """
    jaxpr = jax.make_jaxpr(program)(values, *more).jaxpr
    _, used = dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return [name for name, needed in zip(sorted(values), used, strict=False) if needed]
