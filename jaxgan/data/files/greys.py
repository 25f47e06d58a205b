"""Grey images among colour ones, and the other way round."""

from collections.abc import Sequence
from contextlib import suppress

from jaxgan.data import image
from jaxgan.data.files.listing import File, printable
from jaxgan.errors import Refused

MOST_OPENED = 1000  # images whose colours are compared before a run


def grey_note(files: Sequence[File], channels: int) -> str:
    """Counts the grey images of a colour set; raises Refused for colour images in a grey set."""
    sampled = files[:: -(-len(files) // MOST_OPENED)]
    others = []
    for file in sampled:
        with suppress(image.Broken):  # reported when it is read
            if image.natural_shape(file.path)[2] != channels:
                others.append(file)
    if others and channels == 1:
        raise Refused(
            f"the first image {printable(files[0].path)} is grey, so all must be, but "
            f"{printable(others[0].path)} is in colour: convert one of them"
        )
    return f"{len(others)} of {len(sampled)} images that were checked are grey" if others else ""
