import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import picture_folder

from jaxgan.data import load
from jaxgan.data.mirror import mirrored
from jaxgan.data.source import arrays_for
from jaxgan.errors import Refused

KEY = jax.random.key(0)


def taken(source, number):
    return jax.tree.map(np.asarray, source.take(arrays_for(source, number), KEY, jnp.asarray(number)))


@pytest.mark.parametrize("kind", ["digits", "folder"])
def test_every_image_is_followed_by_its_mirror_image(kind, tmp_path):
    name = kind if kind == "digits" else str(picture_folder(tmp_path))
    base, doubled = load(name), load(f"mirrored:{name}")
    number = np.arange(12, dtype=np.uint32)
    plain, mirror = taken(base, number[:6]), taken(doubled, number)
    assert doubled.size == 2 * base.size
    np.testing.assert_array_equal(mirror["x"][::2], plain["x"])
    np.testing.assert_array_equal(mirror["x"][1::2], np.flip(plain["x"], axis=2))
    np.testing.assert_array_equal(mirror["label"], plain["label"].repeat(2))
    assert (mirror["x"][::2] != mirror["x"][1::2]).any()


def test_held_out_images_are_not_mirrored():
    assert load("mirrored:digits", split="test").size == load("digits", split="test").size


def test_refused():
    with pytest.raises(Refused, match="only images"):
        mirrored(load("ring"))
