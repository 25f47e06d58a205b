from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.data.order import _grid, shuffled

KEY = jax.random.key(0)


@partial(jax.jit, static_argnums=1)
def epoch(key, size):
    return jax.vmap(lambda p: shuffled(key, p, size))(jnp.arange(size, dtype=jnp.uint32))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 97, 1500])
def test_an_epoch_is_a_permutation(size):
    assert sorted(epoch(KEY, size).tolist()) == list(range(size))


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
