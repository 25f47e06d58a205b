"""Device memory that a compiled program needs, known before it runs."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax


def limit(device: jax.Device) -> int:
    """Returns the bytes of a device's memory; for a CPU, what this process may use of the host's.

    >>> limit(jax.devices("cpu")[0]) > 2**20
    True
    """
    stats = device.memory_stats() or {}
    return stats.get("bytes_limit") or host_limit()


def host_limit() -> int:
    """Returns the bytes of the host's memory that this process may use.

    >>> host_limit() > 2**20
    True
    """
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
        return min(physical, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return physical


def needs(program: Any) -> int:
    """Returns the bytes that a compiled program needs on each device at once, including its arguments.

    >>> import jax.numpy as jnp
    >>> needs(jax.jit(lambda x: x + 1).lower(jnp.zeros(1000)).compile()) >= 8000
    True
    """
    m = program.memory_analysis()
    return m.argument_size_in_bytes + m.output_size_in_bytes + m.temp_size_in_bytes - m.alias_size_in_bytes


def largest_fit(fits: Callable[[int], bool], too_many: int) -> int:
    """Returns the largest n below `too_many` that fits, by bisection; 0 if not even 1 does.

    >>> largest_fit(lambda n: n <= 5, 64)
    5
    """
    fitting = 0
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        fitting, too_many = (middle, too_many) if fits(middle) else (fitting, middle)
    return fitting
