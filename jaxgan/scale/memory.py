"""How much a program needs of a device's memory, known when it is compiled, before it runs."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax


def limit(device: jax.Device) -> int:
    """The bytes there are: a device's own, or what of the computer's this process may use.

    >>> limit(jax.devices("cpu")[0]) > 2**20
    True
    """
    stats = device.memory_stats() or {}
    return stats.get("bytes_limit") or host_limit()


def host_limit() -> int:
    """The bytes of the computer's memory that this process may use.

    >>> of_host() > 2**20
    True
    """
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
        return min(there, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return there


def needs(program: Any) -> int:
    """The bytes of each device that a compiled program needs at once, its arguments included.

    >>> import jax.numpy as jnp
    >>> needs(jax.jit(lambda x: x + 1).lower(jnp.zeros(1000)).compile()) >= 8000
    True
    """
    said = program.memory_analysis()
    return (
        said.argument_size_in_bytes
        + said.output_size_in_bytes
        + said.temp_size_in_bytes
        - said.alias_size_in_bytes
    )


def largest_fit(fits: Callable[[int], bool], too_many: int) -> int:
    """The most that fit, where `too_many` do not: by halving, so few are tried. 0 where not even one does.

    >>> most(lambda n: n <= 5, 64)
    5
    """
    good, bad = 0, too_many
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good
