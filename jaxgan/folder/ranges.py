"""Types of bounded numbers for a script's options, and the check of their bounds."""

import contextlib
import dataclasses
import math
from typing import Annotated, Any, get_type_hints

import msgspec

from jaxgan.errors import Refused

_MOST = 2**31 - 1  # steps and sizes are 32 bits on a device

Count = Annotated[int, msgspec.Meta(ge=1, le=_MOST)]
"""A whole number of at least 1, such as a width."""
Natural = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
"""A whole number of at least 0, such as a number of extra layers."""
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
"""A whole number of 32 bits, which is what JAX reads of a seed."""
Positive = Annotated[float, msgspec.Meta(gt=0)]
"""A finite number above 0, such as a bandwidth."""
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
"""A finite number of at least 0, such as a learning rate or the weight of a penalty."""
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
"""A number from 0 to 1, such as a probability or the decay of an average."""


def check_ranges(config: Any, group: str = "") -> None:
    """Raises `Refused` if an option is outside the bounds of its type; nested groups are checked too.

    >>> @dataclasses.dataclass
    ... class Config:
    ...     width: Count = 64
    >>> check_ranges(Config(width=-1))
    Traceback (most recent call last):
    jaxgan.errors.Refused: --width must be at least 1, not -1
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        option = f"--{group}{field.name.replace('_', '-')}"
        if dataclasses.is_dataclass(value):
            check_ranges(value, f"{group}{field.name}.")
        for bounds in _bounds(type(config), field.name) if isinstance(value, int | float) else ():
            _check(option, value, bounds)


def _bounds(kind: type, name: str) -> list[msgspec.Meta]:
    """Returns the bounds of an option in a class and its bases, as a subclass may redeclare a plain `int`."""
    metadata: list[Any] = []
    for base in kind.__mro__[:-1]:
        with contextlib.suppress(NameError):  # of a reopened run, checked when it was trained
            metadata += getattr(get_type_hints(base, include_extras=True).get(name), "__metadata__", ())
    return [bounds for bounds in metadata if isinstance(bounds, msgspec.Meta)]


def _check(option: str, value: float, bounds: msgspec.Meta) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused(f"{option} must be a finite number, not {value}")
    if bounds.gt is not None and value <= bounds.gt:
        raise Refused(f"{option} must be more than {bounds.gt}, not {value}")
    if bounds.ge is not None and value < bounds.ge:
        raise Refused(f"{option} must be at least {bounds.ge}, not {value}")
    if bounds.le is not None and value > bounds.le:
        raise Refused(f"{option} must be at most {bounds.le}, not {value}")
