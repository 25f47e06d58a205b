"""The resizers against Pillow and frozen numbers of torch-fidelity and clean-fid."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from evaluate import weights
from jaxgan.evaluate import resizers

# pixels (99 i, 40 + 101 j) of the green channel of two images of 8 px, as `test_reference_inception` has them
CLEAN = [
    [
        [159.25452, 117.19832, 121.18157],
        [155.26553, 129.99103, 155.95557],
        [62.564766, 169.36247, 189.20845],
        [119.03476, 196.93665, 252.43202],
    ],
    [
        [102.57895, 33.583603, 137.3141],
        [131.83354, 146.65364, 153.13051],
        [143.04863, 64.95726, 144.15129],
        [213.58469, 155.56906, 76.00565],
    ],
]
TF1 = [
    [
        [166.91304, 83.692314, 161.04349],
        [135.33113, 141.2084, 166.0205],
        [95.12287, 186.20265, 199.57616],
        [128.54515, 214.903, 248.52509],
    ],
    [
        [83.40134, 44.635452, 170.8194],
        [139.91512, 125.12307, 170.10413],
        [127.16056, 88.87105, 141.60922],
        [189.47157, 153.63545, 50.030098],
    ],
]


@pytest.mark.parametrize(("resizer", "golden"), [(resizers.clean, CLEAN), (resizers.tf1, TF1)])
def test_golden_numbers(resizer, golden):
    images = weights.images(2, 8, seed=3)
    resized = jax.jit(resizer)(images)
    assert (resized.shape, resized.dtype) == ((2, 299, 299, 3), jnp.float32)
    np.testing.assert_allclose(resized[:, ::99, 40::101, 1], golden, atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 7, 40, 3), (1, 299, 299, 3), (1, 512, 301, 1)])
def test_clean_agrees_with_pillow(shape):
    """For noise, clipped on both sides; enlarged, unchanged and reduced; with any number of channels."""
    images = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)

    def channel(pixels):
        image = Image.fromarray(pixels.astype(np.float32)).resize((299, 299), Image.Resampling.BICUBIC)
        return np.asarray(image).clip(0, 255)

    expected = [np.stack([channel(x) for x in np.moveaxis(image, -1, 0)], axis=-1) for image in images]
    np.testing.assert_allclose(resizers.clean(jnp.asarray(images)), expected, atol=1e-4)


@pytest.mark.parametrize("resizer", [resizers.clean, resizers.tf1])
def test_an_image_of_the_target_size_is_unchanged(resizer):
    images = np.random.RandomState(0).randint(0, 256, (1, 299, 299, 3)).astype(np.uint8)
    np.testing.assert_array_equal(resizer(jnp.asarray(images)), images)


def test_tf1_aligns_the_corners_of_a_ramp():
    ramp = np.broadcast_to(np.arange(10, dtype=np.uint8)[:, None, None], (1, 10, 4, 1))
    expected = np.minimum(np.arange(299) * 10 / 299, 9)
    np.testing.assert_allclose(resizers.tf1(jnp.asarray(ramp))[0, :, 0, 0], expected, atol=1e-5)
