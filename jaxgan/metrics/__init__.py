"""Metrics of samples, one family per file, as `jg.metrics.energy.energy_distance(samples, real)`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
