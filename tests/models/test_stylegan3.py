from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import rotate

from jaxgan.errors import Refused
from jaxgan.models import stylegan2, stylegan3
from jaxgan.models.layers import resample
from jaxgan.parts.network import from_linen

KEY = jax.random.key(0)
TINY = {"width": 2, "most": 4, "size": 8, "layers": 4}


def count(module, *inputs):
    variables = jax.eval_shape(module.init, KEY, *inputs)
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(variables["params"]))


def generator_count(plan, kernel, w=512):
    """Mapping, waves, each layer's style, kernel and bias, and the image's."""
    channels = [signal.channels for signal in plan[:-1]]
    total = 2 * (w + 1) * w + 4 * (w + 1) + channels[0] ** 2
    for before, after in zip([channels[0], *channels], channels, strict=False):
        total += (w + 1) * before + kernel**2 * before * after + after
    return total + (w + 1) * channels[-1] + channels[-1] * 3 + 3


def test_parameters_of_the_papers_networks(monkeypatch):
    """22.3 million for T at 1024 px, as published; without the filters, which have none."""

    def sized(x, up, size):
        return jnp.zeros((x.shape[0], size, size, x.shape[-1]))

    monkeypatch.setattr(stylegan3, "filtered_leaky_relu", sized)
    monkeypatch.setattr(stylegan3, "resampler", lambda taps, size, new_size, **_: new_size)
    shape, z = (1024, 1024, 3), jnp.ones((1, 512))
    t = count(stylegan3.Generator(shape, width=32), z)
    assert t == generator_count(stylegan3.signals(shape, 14, 32, 512), 3) == 22_313_167
    r = count(stylegan3.Generator(shape, width=64, most=1024, radial=True), z)
    assert r == generator_count(stylegan3.signals(shape, 14, 64, 1024), 1) == 15_093_151


def test_signals_of_the_paper():
    """Rates, channels and the critical layers of configuration T at 1024 px."""
    plan = stylegan3.signals((1024, 1024, 3), 14, 32, 512)
    assert [s.rate for s in plan] == [16, 16, 32, 32, 64, 128, 128, 256, 256, 512] + 5 * [1024]
    ratios = [b.cutoff / a.cutoff for a, b in pairwise(plan[:13])]
    np.testing.assert_allclose(ratios, 256 ** (1 / 12))
    assert [s.critical for s in plan] == [False] * 12 + [True] * 3
    assert [s.channels for s in plan][-3:] == [32, 32, 32]
    assert all(s.cutoff < s.rate / 2 for s in plan[:12])
    assert all(s.cutoff + s.half_width >= s.rate / 2 for s in plan)


def decibels(difference, images):
    return -10 * np.log10(np.square(difference).mean() / images.var())


def naive(x, up, down):
    return resample(resample(2**0.5 * jax.nn.leaky_relu(x, 0.2), up), down)


@pytest.fixture(scope="module")
def moved():
    """Images as they are, shifted by (1, 2) pixels, turned by 45 and by 90 degrees, for T, R and a naive T.

    A pixel of the image is half a pixel of the first layer; the naive one has its activation before the rate
    is raised, as other networks have.
    """
    z, images = jax.random.normal(KEY, (2, 8)), {}
    for name, radial in (("t", False), ("r", True), ("naive", False)):
        g = stylegan3.Generator((32, 32, 3), **TINY | {"width": 4, "most": 8}, radial=radial)
        with pytest.MonkeyPatch.context() as patch:
            if name == "naive":
                patch.setattr(stylegan3, "filtered_leaky_relu", naive)

            @jax.jit
            def play(turn, shift, g=g):
                variables = g.init(KEY, z)
                return g.apply(variables, z, turn=turn, shift=(shift[0], shift[1]))

            turns = [
                (0.0, (0.0, 0.0)),
                (0.0, (1 / 32, 2 / 32)),
                (np.pi / 4, (0.0, 0.0)),
                (np.pi / 2, (0.0, 0.0)),
            ]
            images[name] = [np.asarray(play(turn, jnp.array(shift))) for turn, shift in turns]
    return images


def test_the_image_shifts_with_its_input(moved):
    for name, least, most in (("t", 55, 200), ("r", 55, 200), ("naive", 0, 52)):
        still, shifted, *_ = moved[name]
        assert least < decibels(shifted[:, 1:, 2:] - still[:, :-1, :-2], still) < most, name


def test_the_image_of_r_turns_with_its_input(moved):
    """The filters of R have no direction, and its convolutions no size; those of T have."""
    inside = np.hypot(*(np.mgrid[:32, :32] - 15.5)) < 12
    for name, least, most in (("r", 40, 200), ("t", -20, 20)):
        still, _, turned, quarter = moved[name]
        expected = rotate(still, 45, axes=(1, 2), reshape=False, order=5)
        assert least < decibels((turned - expected)[:, inside], still) < most, name
        close = np.allclose(quarter, np.rot90(still, 1, (1, 2)), atol=1e-5)
        assert close == (name == "r")


@pytest.mark.parametrize(("radial", "filters"), [(False, 0), (True, 2)])
def test_filters_of_r_have_no_direction_but_in_the_critical_layers(monkeypatch, radial, filters):
    designs = []

    def spy(*design):
        designs.append(design)
        return stylegan3.kaiser_filter(*design)

    monkeypatch.setattr(stylegan3, "radial_filter", spy)
    g = stylegan3.Generator((32, 32, 1), **TINY, radial=radial)
    assert [s.critical for s in stylegan3.signals(g.shape, 4, 2, 4)][:4] == [False, False, True, True]
    jax.eval_shape(g.init, KEY, jnp.ones((1, 3)))
    assert len(designs) == filters


def test_waves_are_sines_of_places_and_w_moves_them():
    """Against loops over pixels: the matrix of w turns the place, and is normalised."""
    waves = stylegan3.Waves(stylegan3.Signal(4, 2.0, 2.0, 3))
    w = np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32)
    variables = waves.init(KEY, w)
    p = variables["params"]
    assert p["move"]["bias"].tolist() == [1, 0, 0, 0]
    assert not p["move"]["kernel"].any()
    p["move"]["kernel"] = jax.random.normal(KEY, (5, 4))
    got = waves.apply({"params": p}, w)
    a, b, down, right = (w @ p["move"]["kernel"] + p["move"]["bias"]).T
    frequency, phase = (np.asarray(a, float) for a in stylegan3._spiral(3, 2.0))
    assert np.linalg.norm(frequency, axis=1).max() < 2
    for n in range(2):
        length = np.hypot(a[n], b[n])
        for i, j in ((0, 0), (7, 20)):
            row, column = (i + 0.5 - 12) / 4, (j + 0.5 - 12) / 4
            place = np.array([a[n] * row - b[n] * column, b[n] * row + a[n] * column]) / length
            place = place + np.array([down[n], right[n]])
            wave = np.sin(2 * np.pi * (frequency @ place + phase))
            np.testing.assert_allclose(got[n, i, j], wave @ p["mix"] / np.sqrt(3), atol=1e-3)


def test_power_is_averaged_over_time_and_devices():
    layer = stylegan3.UnitPower(0.75, axis="d")
    x = jax.random.normal(KEY, (4, 2, 3))
    stats = {"power": {"mean": jnp.float32(2.0)}}

    def play(x):
        return layer.apply(stats, x, True, mutable=["power"])

    y, changed = jax.vmap(play, axis_name="d")(x)
    expected = 0.75 * 2 + 0.25 * np.square(x).mean()
    np.testing.assert_allclose(changed["power"]["mean"], expected, rtol=1e-5)
    np.testing.assert_allclose(y, x / np.sqrt(expected), rtol=1e-5)
    still = stylegan3.UnitPower().apply(stats, x)
    np.testing.assert_allclose(still, x / np.sqrt(2), rtol=1e-6)
    gradient = jax.grad(lambda s: play_one(s * x).sum())(1.0)
    assert float(gradient) == pytest.approx(
        float(x.sum() / np.sqrt(0.75 + 0.25 * np.square(x).mean())), rel=1e-4
    )


def play_one(x):
    y, _ = stylegan3.UnitPower(0.75).apply({"power": {"mean": jnp.float32(1.0)}}, x, True, mutable=["power"])
    return y


def test_statistics_labels_and_refusals():
    z, label = jnp.ones((2, 5)), jnp.array([0, 2])
    net = from_linen(stylegan3.Generator((8, 8, 1), **TINY | {"layers": 3}, classes=3))
    params, stats = jax.eval_shape(net.init, KEY, z, label)
    assert set(stats) == {"power", "average"}
    assert len(stats["power"]) == 4
    images, changed = jax.eval_shape(lambda p, s: net.apply(p, s, z, label, train=True), params, stats)
    assert images.shape == (2, 8, 8, 1)
    assert jax.tree.structure(changed) == jax.tree.structure(stats)
    alike = net.apply(*net.init(KEY, z, label), jax.random.normal(KEY, (2, 5)), label, psi=0.0)[0]
    np.testing.assert_allclose(alike[0], alike[1], atol=1e-6)
    d = stylegan2.Discriminator(width=2, most=4, group=1)
    assert jax.eval_shape(d.init_with_output, KEY, jnp.ones((2, 16, 16, 3)))[0].shape == (2,)
    with pytest.raises(Refused, match="images of 28 px: take 16 or 32"):
        stylegan3.Generator((28, 28, 1))
    with pytest.raises(Refused, match="3 layers or more, not 2"):
        stylegan3.Generator((16, 16, 1), layers=2)
    with pytest.raises(Refused, match="given no labels"):
        jax.eval_shape(stylegan3.Generator((8, 8, 1), **TINY, classes=3).init, KEY, z)
