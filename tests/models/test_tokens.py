"""Layers of transformers: patches, rotary positions, attention by products and by distances."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.errors import Refused
from jaxgan.models.layers import (
    L2Attention,
    RotaryAttention,
    SwiGLU,
    check_patches,
    overlapping_patches,
    patchify,
    rotary_angles,
    rotate,
    sine_positions,
    unpatchify,
)

KEY = jax.random.key(0)


def filled(module, *inputs):
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(module.init, KEY, *inputs)
    return jax.tree.map(lambda leaf: jnp.asarray(0.5 * rng.normal(size=leaf.shape), leaf.dtype), shapes)


def test_patches_and_back():
    x = np.random.default_rng(0).normal(size=(2, 6, 4, 3))
    tokens = np.asarray(patchify(jnp.asarray(x), 2))
    by_hand = [x[:, i : i + 2, j : j + 2].reshape(2, -1) for i in (0, 2, 4) for j in (0, 2)]
    np.testing.assert_array_equal(tokens, np.stack(by_hand, 1).astype(tokens.dtype))
    np.testing.assert_array_equal(unpatchify(jnp.asarray(tokens), (6, 4, 3), 2), x.astype(tokens.dtype))


def test_overlapping_patches_are_windows_of_twice_the_side():
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    windows = [padded[:, i : i + 8, j : j + 8].reshape(2, -1) for i in (0, 4) for j in (0, 4)]
    ours = np.asarray(overlapping_patches(jnp.asarray(x), 4))
    np.testing.assert_array_equal(np.sort(ours, -1), np.sort(np.stack(windows, 1), -1))


def test_rotary_positions_are_complex_numbers():
    """Products depend on differences of places alone, and lengths stay."""
    angles = rotary_angles(3, 8)
    rng = np.random.default_rng(0)
    q, k = rng.normal(size=(2, 8))
    turned = [np.asarray(rotate(jnp.tile(jnp.float32(v), (9, 1)), angles)) for v in (q, k)]
    complexes = [(v[::2] + 1j * v[1::2]) * np.exp(1j * angles) for v in (q, k)]
    np.testing.assert_allclose(turned[0][:, ::2] + 1j * turned[0][:, 1::2], complexes[0], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(turned[0], axis=1), np.linalg.norm(q), rtol=1e-5)
    products = (turned[0] @ turned[1].T).reshape(3, 3, 3, 3)  # row, column of q; row, column of k
    np.testing.assert_allclose(products[0, 1, 1, 2], products[1, 0, 2, 1], rtol=1e-4)
    np.testing.assert_allclose(products[:2, :2, :2, :2], products[1:, 1:, 1:, 1:], atol=1e-4)
    assert not np.isclose(products[0, 0, 0, 1], products[0, 0, 1, 0])


def test_attention_by_products_against_numpy():
    x = np.random.default_rng(1).normal(size=(2, 5, 8)).astype(np.float32)
    layer, angles = RotaryAttention(heads=2), rotary_angles(2, 4)
    variables = filled(layer, jnp.asarray(x), angles)
    p = jax.tree.map(np.asarray, variables["params"])
    qkv = x @ p["query_key_value"]["kernel"] + p["query_key_value"]["bias"]
    out = np.zeros((2, 5, 8))
    for b in range(2):
        for h in range(2):
            q, k, v = (qkv[b, :, 8 * i + 4 * h : 8 * i + 4 * h + 4] for i in range(3))
            for which, norm in ((0, "query_norm"), (1, "key_norm")):
                y = (q, k)[which]
                y = y / np.sqrt((y**2).mean(-1, keepdims=True) + 1e-6) * p[norm]["scale"]
                z = y[1:, ::2] + 1j * y[1:, 1::2]  # the class token is not turned
                z = z * np.exp(1j * angles)
                y[1:, ::2], y[1:, 1::2] = z.real, z.imag
                q, k = (y, k) if which == 0 else (q, y)
            weights = np.exp(q @ k.T / 2)
            out[b, :, 4 * h : 4 * h + 4] = weights / weights.sum(-1, keepdims=True) @ v
    expected = out @ p["out"]["kernel"] + p["out"]["bias"]
    np.testing.assert_allclose(jax.jit(layer.apply)(variables, x, angles), expected, atol=1e-4)


def test_attention_by_distances_against_numpy():
    """The sign of Kim et al. (2021): near tokens count most; sums of squares, and one matrix for both."""
    x = np.random.default_rng(1).normal(size=(2, 5, 8)).astype(np.float32)
    layer = L2Attention(heads=2)
    variables = filled(layer, jnp.asarray(x))
    p = jax.tree.map(np.asarray, variables["params"])
    assert set(p) == {"query_key", "value", "out"}
    q, v = x @ p["query_key"]["kernel"], x @ p["value"]["kernel"]
    out, own = np.zeros((2, 5, 8)), []
    for b in range(2):
        for h in (slice(0, 4), slice(4, 8)):
            for i in range(5):
                distances = np.array([((q[b, i, h] - q[b, j, h]) ** 2).sum() for j in range(5)])
                weights = np.exp(-distances / 2)
                out[b, i, h] = weights @ v[b, :, h] / weights.sum()
                own.append(weights.argmax() == i)
    assert all(own)
    np.testing.assert_allclose(jax.jit(layer.apply)(variables, x), out @ p["out"]["kernel"], atol=1e-4)


def test_a_far_token_changes_distance_attention_by_nothing():
    """With the sign turned around it would be the only one that counts."""
    layer, x = L2Attention(heads=1), jnp.zeros((1, 3, 4)).at[0, 1].set(0.1)
    variables = {"params": {name: {"kernel": jnp.eye(4)} for name in ("query_key", "value", "out")}}
    far = layer.apply(variables, x.at[0, 2].set(100.0))[0]
    np.testing.assert_allclose(far[:2], layer.apply(variables, x[:, :2])[0], atol=1e-6)
    np.testing.assert_allclose(far[2], 100.0)


def test_distance_attention_under_spectral_norm_has_a_vector_per_matrix():
    stats = jax.eval_shape(L2Attention(2, "spectral").init, KEY, jnp.ones((1, 3, 8)))["spectral"]
    assert len([1 for path, _ in jax.tree.leaves_with_path(stats) if path[-1].key.endswith("/u")]) == 3


def test_the_gated_layer_against_numpy():
    x = np.random.default_rng(1).normal(size=(2, 4)).astype(np.float32)
    variables = filled(SwiGLU(3), jnp.asarray(x))
    p = jax.tree.map(np.asarray, variables["params"])
    h = x @ p["gate_and_value"]["kernel"] + p["gate_and_value"]["bias"]
    gated = h[:, :3] / (1 + np.exp(-h[:, :3])) * h[:, 3:]
    expected = gated @ p["out"]["kernel"] + p["out"]["bias"]
    np.testing.assert_allclose(SwiGLU(3).apply(variables, x), expected, atol=1e-5)


def test_positions_are_all_different():
    positions = sine_positions(4, 8)
    column, row = 3, 2
    waves = [
        f(place / 10 ** (4 * i / 2)) for place in (column, row) for f in (np.sin, np.cos) for i in (0, 1)
    ]
    np.testing.assert_allclose(positions[4 * row + column], waves, atol=1e-6)
    assert len({tuple(p) for p in positions}) == 16


def test_refused_patches():
    with pytest.raises(Refused, match="28 px are not divisible into patches of 8"):
        check_patches(28, 8, 64, 4)
    with pytest.raises(Refused, match="24 channels are not divisible into 4 attention heads"):
        check_patches(32, 8, 24, 4)
