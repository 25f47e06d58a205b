"""The processor: programs are compiled for it, and a run on a CPU has its rounding."""

import platform


def name() -> str:
    """What it is called."""
    return _told("model name").partition(":")[2].strip() or platform.processor() or platform.machine()


def features() -> str:
    """What it can do: a program compiled for more would crash on it."""
    return _told("flags", "Features") or platform.processor()


def _told(*heads: str) -> str:
    """The first line that begins so of what Linux knows; empty elsewhere."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line for line in lines if line.startswith(heads)), "")
    except OSError:
        return ""
