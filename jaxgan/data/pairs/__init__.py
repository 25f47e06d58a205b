"""Pairs of pictures for translation, made on the spot or from files, and two domains without pairs."""

from jaxgan.data.pairs.folders import side_by_side, subfolders, two_folders
from jaxgan.data.pairs.holes import boxes, centre_hole, strokes
from jaxgan.data.pairs.making import edges, grey, low_resolution, noisy
from jaxgan.data.pairs.matching import Make, masked, paired
from jaxgan.data.pairs.mixing import unmatched, unpaired
from jaxgan.data.pairs.recolouring import recoloured
from jaxgan.data.pairs.renaming import renamed, swapped

__all__ = [
    "Make",
    "boxes",
    "centre_hole",
    "edges",
    "grey",
    "low_resolution",
    "masked",
    "noisy",
    "paired",
    "recoloured",
    "renamed",
    "side_by_side",
    "strokes",
    "subfolders",
    "swapped",
    "two_folders",
    "unmatched",
    "unpaired",
]
