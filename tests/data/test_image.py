from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from jaxgan.data import image

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
def test_a_picture_is_upright_as_its_camera_was_held(kind, orientation):
    file = saved(CORNER, kind, exif=exif({image.ORIENTATION: orientation}))
    want = ImageOps.exif_transpose(Image.open(BytesIO(file)))
    np.testing.assert_array_equal(image.square(file, (16, 16, 3)), want)


def test_pictures_of_odd_exif_are_upright_too():
    """Tags of the wrong kind, and what is no EXIF at all."""
    tags = exif({0x010F: "Maker", image.ORIENTATION: 3}).replace(b"\x01\x0f\0\x02", b"\x01\x02\0\x02")
    upright = image.square(saved(CORNER, exif=exif({image.ORIENTATION: 3})), (16, 16, 3))
    np.testing.assert_array_equal(image.square(saved(CORNER, exif=tags), (16, 16, 3)), upright)
    nonsense = saved(CORNER, exif=b"Exif\0\0" + b"\xff" * 40)
    np.testing.assert_array_equal(image.square(nonsense, (16, 16, 3)), CORNER)


@pytest.mark.parametrize(
    ("clear", "solid", "channels"),
    [([255, 0, 0, 0], [9, 8, 7, 255], 3), ([0, 0], [7, 255], 1), ([0, 0], [7, 255], 3)],
)
def test_what_is_transparent_lies_on_white(clear, solid, channels):
    file = saved([[clear, solid], [solid, solid]])
    x = image.square(file, (2, 2, channels))
    assert x[0, 0].tolist() == [255] * channels
    assert x[0, 1].tolist() == (solid[:-1] if len(solid) > 2 else [7] * channels)


def test_a_transparent_colour_of_a_palette_lies_on_white():
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([1, 2, 3, 250, 0, 0])
    palette.putpixel((1, 0), 0)
    palette.save(file := BytesIO(), "PNG", transparency=1)
    x = image.square(file.getvalue(), (2, 2, 3))
    assert x[0].tolist() == [[255, 255, 255], [1, 2, 3]]
