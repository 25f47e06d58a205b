"""Distances of pairs, as terms of G: SSIM, a fixed network's features, D's own; Gram matrices of styles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from parts.feature_views import FAKE, REAL, W, rows, view
from parts.views import view_of

from jaxgan.errors import Refused
from jaxgan.metrics.ssim import ssim
from jaxgan.parts import terms
from jaxgan.parts.distance import Distance
from jaxgan.parts.feature_distances import feature_distance, gram, style_distance
from jaxgan.parts.frozen import Frozen
from jaxgan.parts.network import Network
from jaxgan.parts.structural import ssim_distance
from jaxgan.parts.terms.term import apply_term


def pictures(seed, n=3, height=16, width=13, channels=3):
    return np.random.default_rng(seed).uniform(-1, 1, (n, height, width, channels)).astype(np.float32)


@pytest.mark.parametrize("contrast", [1.0, 0.02])
def test_ssim_is_that_of_the_metric(contrast):
    """Also of pictures nearly of one colour, where a variance is a small difference of large numbers."""
    x, y = contrast * pictures(0) + 1 - contrast, contrast * pictures(1) + 1 - contrast
    measured = jax.jit(ssim_distance().apply)((), x, y)
    np.testing.assert_allclose(measured, 1 - ssim(x, y), rtol=0, atol=2e-5)
    np.testing.assert_allclose(jax.jit(ssim_distance().apply)((), x, x), 0, atol=1e-6)


def test_the_slope_of_ssim_by_differences():
    x, y, way = pictures(0, n=1), pictures(1, n=1), pictures(2, n=1)
    slope = (jax.grad(lambda y: ssim_distance().apply((), x, y).sum())(y) * way).sum()
    size = 1e-4
    either = [1 - ssim(x.astype(float), y.astype(float) + s * size * way) for s in (1, -1)]
    np.testing.assert_allclose(slope, (either[0] - either[1])[0] / (2 * size), rtol=1e-3)


def test_pictures_that_ssim_cannot_compare_are_refused():
    small = pictures(0, height=10)
    with pytest.raises(Refused, match="at least 11 px, not 10x13"):
        ssim_distance().apply((), small, small)
    with pytest.raises(Refused, match=r"not \(3, 10, 13, 3\) with \(3, 10, 13, 1\)"):
        ssim_distance().apply((), small, small[..., :1])


def dense(key, x):
    return jax.random.normal(key, (x.shape[-1], 4)), ()


NET = Network(dense, lambda w, stats, x, key=None, train=False: ({"a": x @ w, "b": x}, stats))
WEIGHTS = np.random.default_rng(3).normal(size=(3, 4)).astype(np.float32)
FROZEN = Frozen(NET, WEIGHTS, ())


def test_distances_of_features_by_hand():
    x, y = pictures(0), pictures(1)
    a, b = np.square((x - y) @ WEIGHTS).mean(axis=(1, 2, 3)), np.square(x - y).mean(axis=(1, 2, 3))
    both = feature_distance("both", FROZEN)
    np.testing.assert_allclose(both.apply(both.weights, x, y), (a + b) / 2, rtol=1e-5)
    one = feature_distance("one", FROZEN, lambda h: h["a"], jnp.abs)
    np.testing.assert_allclose(
        one.apply(one.weights, x, y), abs((x - y) @ WEIGHTS).mean(axis=(1, 2, 3)), rtol=1e-5
    )


def test_a_term_measures_each_pair_and_keeps_its_weights_out_of_the_program():
    distance = feature_distance("features", FROZEN, lambda h: h["a"])
    term = terms.perceptual(distance, 3.0)
    seen = view_of(jnp.asarray(pictures(0)), jnp.asarray(pictures(1)), lambda x: x.sum(axis=(1, 2, 3)))
    state = term.init()
    loss, after = apply_term(term, seen, state)
    expected = 3 * distance.apply(distance.weights, seen.real_plain, seen.fake_plain)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    assert term.name == "features"
    np.testing.assert_array_equal(jax.tree.leaves(after)[0], WEIGHTS)

    def of(fake, state):
        return apply_term(term, seen._replace(fake_plain=fake), state)[0].sum()

    traced = jax.make_jaxpr(of)(seen.fake_plain, state)
    assert not [c for c in traced.consts if np.shape(c) == WEIGHTS.shape]
    slopes = jax.grad(of, argnums=(0, 1))(seen.fake_plain, state)
    assert (slopes[0] != 0).any()
    assert all((x == 0).all() for x in jax.tree.leaves(slopes[1]))


def test_a_scheduled_weight():
    term = terms.perceptual(Distance("l1", lambda _, x, y: abs(x - y).mean(axis=1)), lambda step: 2.0 * step)
    for step in (0, 3):
        np.testing.assert_allclose(
            rows(term, view(REAL, FAKE, step=step)), 2 * step * abs(REAL - FAKE).mean(axis=1), rtol=1e-6
        )


def test_features_of_d_by_pairs():
    """D's layers here are the examples and tanh of a product; the batch's means do not enter."""
    hidden = abs(jnp.tanh(REAL @ W) - jnp.tanh(FAKE @ W)).mean(axis=1)
    expected = 5 * (abs(REAL - FAKE).mean(axis=1) + hidden) / 2
    seen = view(REAL, FAKE, W)
    np.testing.assert_allclose(rows(terms.paired_matching(5.0), seen), expected, rtol=1e-5)
    squares = terms.paired_matching(head="code", size=jnp.square)
    np.testing.assert_allclose(
        rows(squares, seen), jnp.square(jnp.tanh(REAL @ W) - jnp.tanh(FAKE @ W)).mean(axis=1), rtol=1e-5
    )
    permuted = view(REAL, FAKE[::-1], W)
    assert not np.allclose(rows(terms.paired_matching(5.0), permuted), expected)
    with pytest.raises(Refused, match="paired_matching needs a head of D called features"):
        rows(terms.paired_matching(), seen._replace(real_heads=()))


def test_a_gram_matrix_by_loops():
    h = pictures(4, n=2, height=3, width=2, channels=4)
    expected = np.zeros((2, 4, 4))
    for n, i, j in np.ndindex(2, 3, 2):
        expected[n] += np.outer(h[n, i, j], h[n, i, j]) / 6
    np.testing.assert_allclose(gram(jnp.asarray(h)), expected, rtol=1e-5)


def test_styles_are_blind_to_places_and_not_to_colours():
    style = style_distance("style", FROZEN, lambda h: h["a"])
    apply = jax.jit(style.apply)
    x = pictures(5, n=2, height=4, width=6)
    flat = x.reshape(2, 24, 3)
    moved = flat[:, np.random.default_rng(0).permutation(24)].reshape(2, 4, 6, 3)
    np.testing.assert_array_equal(apply(style.weights, x, x), 0)
    np.testing.assert_allclose(apply(style.weights, x, moved), 0, atol=1e-10)
    np.testing.assert_allclose(apply(style.weights, x, np.tile(x, (1, 2, 2, 1))), 0, atol=1e-10)
    y = x[..., ::-1] * 0.5
    a, b = (np.einsum("npc,npd->ncd", h, h) / 24 for h in (flat @ WEIGHTS, y.reshape(2, 24, 3) @ WEIGHTS))
    np.testing.assert_allclose(
        apply(style.weights, x, y), np.square(a - b).sum(axis=(1, 2)) / (4 * 4**2), rtol=1e-4
    )
