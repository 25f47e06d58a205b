"""Low-pass filters and resampling, against SciPy, sums written out and waves."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from jaxgan.errors import Refused
from jaxgan.models.layers import filtered_leaky_relu, kaiser_filter, radial_filter, resample, resampler


@pytest.mark.parametrize(("taps", "cutoff", "half_width"), [(12, 4.0, 2.0), (24, 3.0, 6.0), (13, 8.0, 1.0)])
def test_kaiser_filters_are_scipys(taps, cutoff, half_width):
    expected = signal.firwin(taps, cutoff, width=2 * half_width, fs=32)
    np.testing.assert_allclose(kaiser_filter(taps, cutoff, half_width, 32), expected, atol=1e-9)


def response(taps, row, column, rate):
    """The factor of a wave of this frequency that a filter [n, n] gives."""
    place = (np.arange(len(taps)) - (len(taps) - 1) / 2) / rate
    return (taps * np.cos(2 * np.pi * (row * place[:, None] + column * place[None]))).sum()


def test_radial_filters_are_the_same_in_all_directions():
    """And pass low and stop high frequencies; the product of two filters passes more on the diagonal."""
    design = (24, 6.0, 3.0, 64)
    radial, line = radial_filter(*design), kaiser_filter(*design)
    directions = np.linspace(0, np.pi / 2, 9)

    def spread(taps, frequency):
        all_around = [response(taps, frequency * np.sin(a), frequency * np.cos(a), 64) for a in directions]
        return np.ptp(all_around), np.mean(all_around)

    assert spread(radial, 6.0)[0] < 0.02
    assert spread(np.outer(line, line), 6.0)[0] > 0.2
    assert spread(radial, 1.0)[1] == pytest.approx(1, abs=0.02)
    assert abs(spread(radial, 12.0)[1]) < 0.02


@pytest.mark.parametrize(("up", "down", "size", "new"), [(2, 1, 6, 14), (1, 2, 14, 6), (4, 1, 4, 18)])
def test_resampling_is_zeros_a_filter_and_every_nth_pixel(up, down, size, new):
    rng = np.random.default_rng(0)
    x, taps = rng.normal(size=(size, size)), rng.normal(size=(6, 6))
    stuffed = np.zeros((up * size, up * size))
    stuffed[::up, ::up] = x
    # zeros on either side of a pixel, as many before as after, and of the result the middle
    filtered = signal.convolve2d(stuffed[: up * size - up + 1, : up * size - up + 1], up**2 * taps)
    wide = np.pad(filtered, 40)
    first = (len(wide) - (down * (new - 1) + 1)) // 2
    expected = wide[first : first + down * new : down, first : first + down * new : down]
    got = resample(jnp.asarray(x, jnp.float32)[None, :, :, None], resampler(taps, size, new, up, down))
    np.testing.assert_allclose(got[0, :, :, 0], expected, atol=1e-4)


def test_a_slow_wave_is_sampled_where_the_new_pixels_are():
    """A filter that is off by half a pixel, a usual mistake, would shift it."""
    rate, size, new = 16, 36, 52

    def wave(size, rate):
        place = (np.arange(size) + 0.5 - size / 2) / rate
        return np.cos(2 * np.pi * (1.5 * place[:, None] - place[None]) + 0.3)

    taps = kaiser_filter(12, 5.0, 3.0, 32)
    x = jnp.asarray(wave(size, rate), jnp.float32)[None, :, :, None]
    got = np.asarray(resample(x, resampler(taps, size, new, up=2)))[0, :, :, 0]
    np.testing.assert_allclose(got, wave(new, 32), atol=0.02)
    off = np.abs(np.roll(got, 1, 0) - wave(new, 32))[1:].max()
    assert off > 0.2


def test_the_filtered_activation_of_a_constant_is_the_activation():
    up = resampler(kaiser_filter(12, 4.0, 4.0, 32), 32, 34, up=2)
    down = resampler(kaiser_filter(12, 4.0, 4.0, 32), 34, 12, down=2)
    x = jnp.concatenate([jnp.full((1, 32, 32, 1), 2.0), jnp.full((1, 32, 32, 1), -1.0)], axis=-1)
    y = filtered_leaky_relu(x, up, down)
    np.testing.assert_allclose(y[0, :, :, 0], 2 * np.sqrt(2), rtol=1e-3)
    np.testing.assert_allclose(y[0, :, :, 1], -0.2 * np.sqrt(2), rtol=1e-3)


def test_half_pixels_are_refused():
    with pytest.raises(Refused, match="off by half a pixel"):
        resampler(np.ones(6), 6, 13, up=2)
