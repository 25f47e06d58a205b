from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.data.order import _grid, rounds, shuffled

KEY = jax.random.key(0)


@partial(jax.jit, static_argnums=1)
def epoch(key, size):
    return shuffled(rounds(key), jnp.arange(size, dtype=jnp.uint32), size)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 97, 1500])
def test_an_epoch_is_a_permutation(size):
    assert sorted(epoch(KEY, size).tolist()) == list(range(size))


@pytest.mark.parametrize("size", [1, 7, 97, 1500, 2**20 + 1])
def test_the_host_shuffles_as_the_device_does(size):
    place = np.linspace(0, size - 1, 50).astype(np.uint32)
    keys = jax.vmap(rounds)(jax.random.split(KEY, 50))
    there = shuffled(keys, jnp.asarray(place), size)
    np.testing.assert_array_equal(shuffled(np.asarray(keys), place, size), there)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 2**31 - 1))
def test_grids_fit(size):
    a, b = _grid(size)
    assert min(a, b) >= (2 if size > 2 else 1)
    assert size <= a * b < 2**32
    assert a * b <= max(1.34 * size, size + 2)


@pytest.mark.parametrize("size", [5, 12])
def test_every_place_is_as_likely(size):
    keys = jax.random.split(KEY, 4000)
    orders = np.asarray(jax.vmap(lambda k: epoch(k, size))(keys))
    counts = np.stack([np.bincount(orders[:, i], minlength=size) for i in range(size)])
    expected = len(keys) / size
    chi2, freedom = ((counts - expected) ** 2 / expected).sum(), (size - 1) ** 2
    assert abs(chi2 - freedom) < 5 * np.sqrt(2 * freedom)
    pairs = np.bincount(orders[:, 0] * size + orders[:, 1], minlength=size**2).reshape(size, size)
    expected = len(keys) / (size * (size - 1))
    off = ~np.eye(size, dtype=bool)
    chi2, freedom = ((pairs[off] - expected) ** 2 / expected).sum(), size * (size - 1) - 1
    assert pairs[~off].sum() == 0
    assert abs(chi2 - freedom) < 5 * np.sqrt(2 * freedom)


def test_neighbours_are_torn_apart():
    order = np.asarray(epoch(KEY, 1500)).astype(float)
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.1
    assert abs(np.corrcoef(np.arange(1500), order)[0, 1]) < 0.1
    assert (np.abs(np.diff(order)) == 1).mean() < 0.01
