"""The persistent compilation cache: the second start of a script does not compile again."""

import hashlib
import os
import platform
from pathlib import Path

from jaxgan.run import processor


def enable() -> None:
    """Turns the cache on, in a folder of its own for these versions and this processor.

    JAX_COMPILATION_CACHE_DIR, where it is set, decides instead.
    """
    import jax
    import jaxlib

    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    features = f"{jax.__version__} {jaxlib.__version__} {platform.machine()} {processor.features()}"
    path = home() / hashlib.sha256(features.encode()).hexdigest()[:16]
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # the small too: they are many


def home() -> Path:
    """The user's folder for what can always be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxgan"
