import ast
import struct
import subprocess
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, ImageOps
from support import IRREGULAR, irregular, picture_folder

import jaxgan
from jaxgan.data import image
from jaxgan.data.folder import folder
from jaxgan.errors import Unreadable
from jaxgan.run import standalone

CORNER = np.zeros((16, 16, 3), np.uint8)
CORNER[:8, :4] = 255


def saved(pixels, kind="PNG", **more):
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file := BytesIO(), kind, **more)
    return file.getvalue()


def exif(tags):
    written = Image.Exif()
    written.update(tags)
    return written.tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("orientation", range(9))
def test_the_exif_orientation_is_applied(kind, orientation):
    file = saved(CORNER, kind, exif=exif({image.ORIENTATION: orientation}))
    expected = ImageOps.exif_transpose(Image.open(BytesIO(file)))
    np.testing.assert_array_equal(image.read_square(file, (16, 16, 3)), expected)


def test_malformed_exif_data_do_not_matter():
    """Tags of the wrong type, and bytes that are not EXIF at all."""
    tags = exif({0x010F: "Maker", image.ORIENTATION: 3}).replace(b"\x01\x0f\0\x02", b"\x01\x02\0\x02")
    upright = image.read_square(saved(CORNER, exif=exif({image.ORIENTATION: 3})), (16, 16, 3))
    np.testing.assert_array_equal(image.read_square(saved(CORNER, exif=tags), (16, 16, 3)), upright)
    nonsense = saved(CORNER, exif=b"Exif\0\0" + b"\xff" * 40)
    np.testing.assert_array_equal(image.read_square(nonsense, (16, 16, 3)), CORNER)


@pytest.mark.parametrize(
    ("clear", "solid", "channels"),
    [([255, 0, 0, 0], [9, 8, 7, 255], 3), ([0, 0], [7, 255], 1), ([0, 0], [7, 255], 3)],
)
def test_transparent_pixels_are_white(clear, solid, channels):
    file = saved([[clear, solid], [solid, solid]])
    x = image.read_square(file, (2, 2, channels))
    assert x[0, 0].tolist() == [255] * channels
    assert x[0, 1].tolist() == (solid[:-1] if len(solid) > 2 else [7] * channels)


def test_a_transparent_palette_colour_is_white():
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([1, 2, 3, 250, 0, 0])
    palette.putpixel((1, 0), 0)
    palette.save(file := BytesIO(), "PNG", transparency=1)
    x = image.read_square(file.getvalue(), (2, 2, 3))
    assert x[0].tolist() == [[255, 255, 255], [1, 2, 3]]


EPS = b"""%!PS-Adobe-3.0 EPSF-3.0
%%BoundingBox: 0 0 8 8
%%EndComments
(made by an image) (/tmp/made) (w) file
%%EOF
"""


@pytest.fixture
def no_program(monkeypatch):
    """Fails if an image runs a program: Ghostscript is not on every machine."""

    def run(*args, **options):
        raise AssertionError("an image ran a program")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", run)
    monkeypatch.setattr(subprocess, "Popen", run)


def test_an_image_runs_no_program(tmp_path, no_program):
    (tmp_path / "x.png").write_bytes(EPS)
    for file in (EPS, tmp_path / "x.png"):
        with pytest.raises(image.Broken, match="it is no PNG, JPEG, WEBP, BMP, PPM or TIFF"):
            image.read_square(file, (8, 8, 3))
    with pytest.raises(Unreadable, match=r"x\.png cannot be read: it is no PNG"):
        folder(tmp_path)


@pytest.mark.parametrize("kind", ["GIF", "ICO", "PCX", "TGA", "SGI", "PDF", "JPEG2000", "ICNS", "MSP"])
def test_other_formats_are_not_opened(kind):
    mode = "1" if kind == "MSP" else "L" if kind in ("PCX", "SGI") else "RGB"
    Image.new(mode, (16, 16)).save(file := BytesIO(), kind)
    with pytest.raises(image.Broken, match="it is no PNG"):
        image.natural_shape(file.getvalue())


@pytest.mark.parametrize("kind", image.FORMATS)
def test_all_formats_are_opened(kind):
    assert image.natural_shape(saved(CORNER, kind)) == (16, 16, 3)


def test_whatever_opens_an_image_names_the_formats():
    """Others than these may run a program, or need more memory than the file is long."""
    package = Path(jaxgan.__file__).parent
    calls = {
        str(path.relative_to(package)): {keyword.arg for keyword in node.keywords}
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Image.open", "imread"))
    }
    assert sorted(calls) == ["data/image.py", "pictures/png.py", "run/standalone.py"]
    assert all("formats" in keywords for keywords in calls.values())
    assert standalone.FORMATS == image.FORMATS


@pytest.mark.parametrize("kind", IRREGULAR)
def test_irregular_files_are_not_read(kind, tmp_path):
    """A pipe would wait for ever, and /dev/zero never ends."""
    file = irregular(kind, tmp_path / "x.png")
    with pytest.raises(image.Broken, match=f"it is a {kind}, not a file"):
        image.natural_shape(file)
    with pytest.raises(Unreadable, match=rf"x\.png cannot be read: it is a {kind}, not a file"):
        folder(tmp_path)
    picture_folder(tmp_path / "some")
    irregular(kind, tmp_path / "some" / "cat" / "late.png")
    with pytest.raises(Unreadable, match=rf"late\.png cannot be read: it is a {kind}, not a file"):
        folder(tmp_path / "some")


def png_of_16_bits(colour, channels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(2 * channels * 4) for _ in range(4))
    head = struct.pack(">IIBBBBB", 4, 4, 16, colour, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(
    "file",
    [*(png_of_16_bits(*kind) for kind in ((0, 1), (2, 3), (4, 2), (6, 4))), b"P6\n4 4\n65535\n" + bytes(96)],
    ids=["grey", "rgb", "grey alpha", "rgba", "ppm"],
)
def test_sixteen_bits_per_channel_are_refused(file):
    with pytest.raises(image.Broken, match="more than 8 bits a channel"):
        image.read_square(file, (4, 4, 3))
    assert image.read_square(b"P6\n4 4\n255\n" + bytes(48), (4, 4, 3)).max() == 0
