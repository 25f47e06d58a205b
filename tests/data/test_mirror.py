import jax
import jax.numpy as jnp
import numpy as np
import pytest
from support import picture_folder

from jaxgan.data import load
from jaxgan.data.mirror import mirrored
from jaxgan.data.source import given
from jaxgan.errors import Refused

KEY = jax.random.key(0)


def taken(source, number):
    return jax.tree.map(np.asarray, source.take(given(source, number), KEY, jnp.asarray(number)))


@pytest.mark.parametrize("kind", ["digits", "folder"])
def test_each_and_its_mirror_image(kind, tmp_path):
    name = kind if kind == "digits" else str(picture_folder(tmp_path))
    base, both = load(name), load(f"mirrored:{name}")
    number = np.arange(12, dtype=np.uint32)
    plain, seen = taken(base, number[:6]), taken(both, number)
    assert both.size == 2 * base.size
    np.testing.assert_array_equal(seen["x"][::2], plain["x"])
    np.testing.assert_array_equal(seen["x"][1::2], np.flip(plain["x"], axis=2))
    np.testing.assert_array_equal(seen["label"], plain["label"].repeat(2))
    assert (seen["x"][::2] != seen["x"][1::2]).any()


def test_what_is_held_out_stays_as_it_is():
    assert load("mirrored:digits", split="test").size == load("digits", split="test").size


def test_refused():
    with pytest.raises(Refused, match="only pictures"):
        mirrored(load("ring"))
