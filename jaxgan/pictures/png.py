"""PNG files."""

from pathlib import Path

import numpy as np


def save(pixels: np.ndarray, path: Path) -> None:
    """Writes uint8 [height, width] or [height, width, 3] as a PNG: the same pixels are always the same bytes.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "grey.png"
    >>> save(np.zeros((8, 8), np.uint8), path)
    >>> path.read_bytes()[:4]
    b'\\x89PNG'
    """
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    # written under another name and renamed, so that a reader never sees half a picture
    temporary = path.with_name(f".{path.name}")
    try:
        Image.fromarray(pixels).save(temporary, format="PNG")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # left where the disk was full
