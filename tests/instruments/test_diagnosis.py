"""Several instruments at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from instruments.known import POINT, dirac, initial_state, ring_batch
from jaxgan.instruments import diagnosis
from jaxgan.instruments.diagnosis import rotation_and_noise, run_instruments
from jaxgan.parts import objectives, terms

TWO = jax.tree.map(lambda x: jnp.stack([x, x]), POINT)


def test_a_second_call_compiles_nothing():
    """A game is traced once for all of its states."""
    traces = []

    def spy(view):
        traces.append(view)
        return 0.0 * view.real_out

    game, batches = dirac(d_terms=[terms.stateless("watched", spy)]), ring_batch(2, 8)
    batches = {**batches, "x": batches["x"][..., :1]}
    state = initial_state(game, jax.tree.map(lambda x: x[0], batches))
    rotation_and_noise(game, state, batches)
    first = len(traces)
    moved = state.replace(step=state.step + 1, d=state.d.replace(params=state.d.params + 1))
    rotation_and_noise(game, moved, jax.tree.map(lambda x: x + 1, batches))
    assert first > 0
    assert len(traces) == first


def test_dirac_gan_at_its_equilibrium():
    game = dirac(d_terms=[terms.r1(0.6)])
    result = run_instruments(game, initial_state(game), TWO)
    assert not result.refused
    np.testing.assert_allclose(result.spectrum.real, -0.3, atol=1e-9)
    assert result.numbers["spectrum/real"] == pytest.approx(-0.3)
    assert result.numbers["spectrum/imaginary"] == pytest.approx(0.4)
    assert result.numbers["d/top"] == pytest.approx(0.6)
    assert result.numbers["g/bottom"] == pytest.approx(0.0, abs=1e-12)
    assert result.numbers["g/gap"] == result.numbers["d/gap"] == 0.0
    assert result.numbers["rotation"] == pytest.approx(2 * 0.5**2 / (2 * 0.5**2 + 0.6**2))


def test_other_instruments_run_if_one_refuses():
    game = dirac(objectives.wasserstein(), d_terms=[terms.wgan_gp(1.0)])
    result = run_instruments(game, initial_state(game), TWO)
    names = ["spectrum (modulus, imaginary, real)", "g's Hessian", "d's Hessian"]
    assert [line.split(":")[0] for line in result.refused] == names
    assert all("no derivative" in line for line in result.refused)
    assert len(result.spectrum) == 0
    assert {"rotation", "g/gap", "d/gap"} <= result.numbers.keys()


@pytest.mark.parametrize("full", [0, 1000])
def test_progress_is_reported_per_part(full, monkeypatch):
    """All eigenvalues are one part; beyond FULL parameters each edge of the spectrum is."""
    monkeypatch.setattr(diagnosis, "FULL", full)
    lines = []
    run_instruments(dirac(), initial_state(dirac()), TWO, steps=1, say=lines.append)
    parts = 5 if full else 7
    assert [line.split(",")[0] for line in lines] == [f"part {i} of {parts}" for i in range(1, parts + 1)]
    assert sum("eigenvalues of 2 parameters" in line for line in lines) == (1 if full else 3)
