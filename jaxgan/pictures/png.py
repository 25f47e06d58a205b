"""PNG files."""

from pathlib import Path

import numpy as np


def save(pixels: np.ndarray, path: Path, words: str = "") -> None:
    """Writes uint8 [height, width] or [height, width, 3] as a PNG: the same pixels are always the same bytes.

    `words` are kept in the file as its description; see `description`.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "grey.png"
    >>> save(np.zeros((8, 8), np.uint8), path)
    >>> path.read_bytes()[:4]
    b'\\x89PNG'
    """
    from PIL import Image, PngImagePlugin

    notes = PngImagePlugin.PngInfo()
    if words:
        notes.add_text("Description", words)
    path.parent.mkdir(parents=True, exist_ok=True)
    # written under another name and renamed, so that a reader never sees half a picture
    temporary = path.with_name(f".{path.name}")
    try:
        Image.fromarray(pixels).save(temporary, format="PNG", pnginfo=notes)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # left where the disk was full


def description(path: Path) -> str:
    """Returns the words that `save` has kept in a file, "" if there are none or it cannot be read.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "grey.png"
    >>> save(np.zeros((8, 8), np.uint8), path, "nothing but grey")
    >>> description(path)
    'nothing but grey'
    """
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as picture:
            return str(picture.info.get("Description", ""))
    except (OSError, ValueError, SyntaxError):
        return ""
