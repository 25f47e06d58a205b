"""Sweeps: cells of options, planned into packs of lanes, worked on by any number of workers."""

from jaxgan.sweep.cells import chain, draws, log, product, uniform, zip_

__all__ = ["chain", "draws", "log", "product", "uniform", "zip_"]
