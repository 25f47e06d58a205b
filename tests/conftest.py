"""Before JAX is imported: the processor, eight devices of it, and no program compiled twice."""

import os
import tracemalloc  # noqa: F401 - or TFDS has its lazy imports take hold of it, and pytest of that

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "8")

from jaxgan.run import cache

cache.enable()
