"""Settings made before JAX is imported: eight CPU devices, and the compilation cache."""

import gc
import os
import signal
import tracemalloc  # noqa: F401 - or TFDS has its lazy imports take hold of it, and pytest of that
from importlib.metadata import version

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "8")
# as in the foreground: in a background job they may be ignored, also by the processes that tests start
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Compiles with fewer optimisations for short tests, which spend most of their time in compilation."""
    if config.option.markexpr == "not slow":
        hurried = os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1") == "1"
        if hurried and version("jaxlib").startswith("0.10."):  # later ones abort at a flag they have dropped
            os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_use_fusion_emitters=false"
    from jaxgan.folder import cache

    cache.enable()


def pytest_collection_finish() -> None:
    """Keeps the garbage collector from going through all that was imported: a fifth of the time of tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Clears compiled programs after each file: all together are 9 GB, which slow down garbage collection."""
    if nextitem is None or nextitem.path != item.path:
        import jax

        jax.clear_caches()
        gc.collect()
