"""Sources of examples that are arrays, in memory or in an .npz file."""

from jaxgan.data.arrays.file import npz
from jaxgan.data.arrays.named import parse_names
from jaxgan.data.arrays.stored import arrays

__all__ = ["arrays", "npz", "parse_names"]
