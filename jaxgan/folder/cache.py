"""The persistent compilation cache: a script that is started again does not compile again."""

import hashlib
import os
import platform
from pathlib import Path


def enable() -> None:
    """Turns the cache on, in a folder for these versions of JAX and this processor.

    JAX_COMPILATION_CACHE_DIR takes precedence.
    """
    import jax
    import jaxlib

    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    # the processor's instruction sets: a program compiled for more would crash on it
    features = _cpuinfo("flags", "Features") or platform.processor()
    key = f"{jax.__version__} {jaxlib.__version__} {platform.machine()} {features}"
    path = home() / hashlib.sha256(key.encode()).hexdigest()[:16]
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # small ones too: there are many


def home() -> Path:
    """Returns the user's cache folder of jaxgan."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxgan"


def processor() -> str:
    """Returns the name of this machine's processor, on which the rounding of a run on a CPU depends."""
    return _cpuinfo("model name").partition(":")[2].strip() or platform.processor() or platform.machine()


def _cpuinfo(*prefixes: str) -> str:
    """Returns the first line of /proc/cpuinfo with one of these prefixes, else ""."""
    try:
        with open("/proc/cpuinfo") as lines:
            return next((line for line in lines if line.startswith(prefixes)), "")
    except OSError:
        return ""
