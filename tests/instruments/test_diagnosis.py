"""All instruments of one state."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.known import POINT, dirac, initial_state, ring_batch
from jaxgan.instruments import diagnosis
from jaxgan.instruments.diagnosis import rotation_and_noise, run_instruments
from jaxgan.parts import objectives, terms

TWO = jax.tree.map(lambda x: jnp.stack([x, x]), POINT)


def test_a_second_look_compiles_nothing():
    """A game is traced once for all of its states."""
    traced = []

    def watched(view):
        traced.append(view)
        return 0.0 * view.real_out

    game, batches = dirac(d_terms=[terms.stateless("watched", watched)]), ring_batch(2, 8)
    batches = {**batches, "x": batches["x"][..., :1]}
    state = initial_state(game, jax.tree.map(lambda x: x[0], batches))
    rotation_and_noise(game, state, batches)
    so_far = len(traced)
    moved = state.replace(step=state.step + 1, d=state.d.replace(params=state.d.params + 1))
    rotation_and_noise(game, moved, jax.tree.map(lambda x: x + 1, batches))
    assert so_far > 0
    assert len(traced) == so_far


def test_of_dirac_gan_at_its_equilibrium():
    game = dirac(d_terms=[terms.r1(0.6)])
    found = run_instruments(game, initial_state(game), TWO)
    assert not found.refused
    np.testing.assert_allclose(found.spectrum.real, -0.3, atol=1e-9)
    assert found.numbers["spectrum/real"] == pytest.approx(-0.3)
    assert found.numbers["spectrum/imaginary"] == pytest.approx(0.4)
    assert found.numbers["d/top"] == pytest.approx(0.6)
    assert found.numbers["g/bottom"] == pytest.approx(0.0, abs=1e-12)
    assert found.numbers["g/gap"] == found.numbers["d/gap"] == 0.0
    assert found.numbers["rotation"] == pytest.approx(2 * 0.5**2 / (2 * 0.5**2 + 0.6**2))


def test_an_instrument_that_refuses_leaves_the_others():
    game = dirac(objectives.wasserstein(), d_terms=[terms.wgan_gp(1.0)])
    found = run_instruments(game, initial_state(game), TWO)
    refusers = ["spectrum (modulus, imaginary, real)", "g's Hessian", "d's Hessian"]
    assert [line.split(":")[0] for line in found.refused] == refusers
    assert all("no derivative" in line for line in found.refused)
    assert len(found.spectrum) == 0
    assert {"rotation", "g/gap", "d/gap"} <= found.numbers.keys()


@pytest.mark.parametrize("full", [0, 1000])
def test_how_far_it_is_is_said_of_every_part(full, monkeypatch):
    """Of few parameters all eigenvalues are one part, of many those at each edge are."""
    monkeypatch.setattr(diagnosis, "FULL", full)
    said = []
    run_instruments(dirac(), initial_state(dirac()), TWO, steps=1, say=said.append)
    parts = 5 if full else 7
    assert [line.split(",")[0] for line in said] == [f"part {i} of {parts}" for i in range(1, parts + 1)]
    assert sum("eigenvalues of 2 parameters" in line for line in said) == (1 if full else 3)
