"""The persistent compilation cache: the second start of a script does not compile again."""

import hashlib
import os
import platform
from pathlib import Path


def enable() -> None:
    """Turns the cache on, in a folder of its own for these versions and this processor.

    JAX_COMPILATION_CACHE_DIR, where it is set, decides instead.
    """
    import jax
    import jaxlib

    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    features = f"{jax.__version__} {jaxlib.__version__} {platform.machine()} {_features()}"
    path = home() / hashlib.sha256(features.encode()).hexdigest()[:16]
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # the small too: they are many


def home() -> Path:
    """The user's folder for what can always be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxgan"


def processor() -> str:
    """The name of this machine's processor, on which the rounding of a run on a CPU depends."""
    return _cpuinfo("model name").partition(":")[2].strip() or platform.processor() or platform.machine()


def _features() -> str:
    """The instructions it knows: a program compiled for more would crash on it."""
    return _cpuinfo("flags", "Features") or platform.processor()


def _cpuinfo(*heads: str) -> str:
    """The first line of /proc/cpuinfo that begins with one of these; empty where there is none."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line for line in lines if line.startswith(heads)), "")
    except OSError:
        return ""
