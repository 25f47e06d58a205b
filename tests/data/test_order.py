from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgan.data.order import _factors, permute, round_keys

KEY = jax.random.key(0)


@partial(jax.jit, static_argnums=1)
def epoch(key, size):
    return permute(round_keys(key), jnp.arange(size, dtype=jnp.uint32), size)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 97, 1500])
def test_an_epoch_is_a_permutation(size):
    assert sorted(epoch(KEY, size).tolist()) == list(range(size))


@pytest.mark.parametrize("size", [1, 7, 97, 1500, 2**20 + 1])
def test_host_and_device_permute_alike(size):
    position = np.linspace(0, size - 1, 50).astype(np.uint32)
    keys = jax.vmap(round_keys)(jax.random.split(KEY, 50))
    on_device = permute(keys, jnp.asarray(position), size)
    np.testing.assert_array_equal(permute(np.asarray(keys), position, size), on_device)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 2**31 - 1))
def test_the_factors_are_tight(size):
    a, b = _factors(size)
    assert min(a, b) >= (2 if size > 2 else 1)
    assert size <= a * b < 2**32
    assert a * b <= max(1.34 * size, size + 2)


@pytest.mark.parametrize("size", [5, 12])
def test_permutations_are_uniform(size):
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


def test_neighbours_are_separated():
    order = np.asarray(epoch(KEY, 1500)).astype(float)
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.1
    assert abs(np.corrcoef(np.arange(1500), order)[0, 1]) < 0.1
    assert (np.abs(np.diff(order)) == 1).mean() < 0.01
