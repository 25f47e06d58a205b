import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import mixtures
from jaxgan.errors import Refused

KEY = jax.random.key(0)


def draw(source, n=20_000):
    return jax.tree.map(np.asarray, jax.jit(source.take)(source.arrays, KEY, jnp.arange(n)))


@pytest.mark.parametrize(
    ("source", "mixture"),
    [
        (mixtures.ring(), mixtures.ring_mixture()),
        (mixtures.ring(3, 2.0, 0.3), mixtures.ring_mixture(3, 2.0, 0.3)),
        (mixtures.grid(), mixtures.grid_mixture()),
    ],
    ids=["ring", "ring of 3", "grid"],
)
def test_examples_have_the_moments_of_their_mode(source, mixture):
    drawn, modes = draw(source), len(mixture.centres)
    assert (source.classes, source.size, source.shape) == (modes, None, (2,))
    noise = drawn["x"] - mixture.centres[drawn["label"]]
    assert noise.std(axis=0) == pytest.approx(mixture.sigma, rel=0.03)  # a deviation, not a variance
    assert abs(noise.mean(axis=0)).max() < 4 * mixture.sigma / np.sqrt(len(noise))
    count = np.bincount(drawn["label"], minlength=modes)
    expected = len(noise) / modes
    assert ((count - expected) ** 2 / expected).sum() < modes - 1 + 5 * np.sqrt(2 * (modes - 1))


def test_modes_have_the_probabilities_of_their_weights():
    weights = np.array([0.5, 0.3, 0.15, 0.05])
    source = mixtures.sampled(mixtures.ring_mixture(4)._replace(weights=weights))
    drawn = draw(source)
    share = np.bincount(drawn["label"], minlength=4) / 20_000
    np.testing.assert_allclose(share, weights, atol=4 * np.sqrt(0.25 / 20_000))
    np.testing.assert_array_equal(source.modes.weights, weights)
    assert mixtures.ring().modes.weights is None
    with pytest.raises(Refused, match="the weights of 3 modes must be 3 positive numbers"):
        mixtures.sampled(mixtures.ring_mixture(3)._replace(weights=weights))


def test_centres():
    ring = mixtures.ring_mixture().centres
    distance = np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1)
    np.testing.assert_allclose(distance, 2 * np.sin(np.pi / 8), rtol=1e-12)  # eight of them, not seven
    np.testing.assert_allclose(np.linalg.norm(ring, axis=1), 1)
    grid = {tuple(c) for c in mixtures.grid_mixture().centres.tolist()}
    assert grid == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}


def test_1200d():
    mixture, source = mixtures.gaussian_1200d_mixture(), mixtures.gaussian_1200d()
    np.testing.assert_allclose(mixture.basis @ mixture.basis.T, np.eye(700), atol=1e-10)
    drawn = draw(source, 400)
    assert (source.shape, source.classes) == ((1200,), 10)
    noise = drawn["x"] - mixture.centres[drawn["label"]]
    inside = noise @ mixture.basis.T
    assert inside.std() == pytest.approx(0.1, rel=0.01)
    assert np.abs(noise - inside @ mixture.basis).max() < 1e-4  # no noise outside the subspace
    distance = np.linalg.norm(mixture.centres[:, None] - mixture.centres, axis=-1)[~np.eye(10, dtype=bool)]
    assert (distance > 30).all()


def test_spiral():
    source = mixtures.spiral(turns=2, sigma=0.001)
    x = draw(source, 2000)["x"]
    r = np.linalg.norm(x, axis=1)
    assert (source.shape, source.classes) == ((2,), 0)
    assert r.max() < 1.01
    far = r > 0.1
    phase = np.angle(np.exp(1j * (np.arctan2(x[:, 1], x[:, 0]) - 4 * np.pi * r)))
    assert abs(phase[far]).max() < 0.1


@pytest.mark.parametrize("build", [lambda: mixtures.ring(0), lambda: mixtures.grid(sigma=-1.0)])
def test_refused(build):
    with pytest.raises(Refused, match="must be positive"):
        build()


@pytest.mark.parametrize("build", [lambda: mixtures.ring(modes=2.5), lambda: mixtures.grid(side=2.5)])
def test_fractional_numbers_of_modes_are_refused(build):
    with pytest.raises(Refused, match=r"must be a whole number, not 2\.5"):
        build()


def test_noise_is_embedded_in_full_precision():
    source = mixtures.gaussian_1200d()
    assert "HIGHEST" in str(jax.make_jaxpr(source.take)(source.arrays, KEY, jnp.arange(2)))
