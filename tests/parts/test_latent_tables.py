"""Latents around given points, and latents in clusters."""

import jax
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.parts import latents


def test_a_table_of_latents_draws_each_of_its_rows_and_noise_around_it():
    points = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    keys = jax.random.split(jax.random.key(0), 3000)
    exact = np.asarray(jax.vmap(latents.table(points).draw)(keys))
    rows = [(exact == point).all(axis=1) for point in points]
    assert sum(rows).all()
    np.testing.assert_allclose([row.mean() for row in rows], 1 / 3, atol=0.03)
    noisy = np.asarray(jax.vmap(latents.table(points, 0.5).draw)(keys)) - exact
    np.testing.assert_allclose(noisy.std(axis=0), 0.5, atol=0.03)
    for wrong in (np.zeros(3), np.zeros((0, 2)), np.zeros((2**10, 2**10 + 1))):
        with pytest.raises(jg.Refused, match="a table of latents is an array"):
            latents.table(wrong)


def test_clustered_latents_are_small_noise_and_a_class():
    z = jax.vmap(latents.clustered(10, 30).draw)(jax.random.split(jax.random.key(0), 2000))
    np.testing.assert_allclose(z["noise"].std(), 0.1, rtol=0.02)
    assert (z["code"].sum(axis=1) == 1).all()
    np.testing.assert_allclose(z["code"].mean(axis=0), 0.1, atol=0.03)
