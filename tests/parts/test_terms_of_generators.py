"""Terms on how examples change with latents, of linear generators: closed forms, loops, planted bugs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from views import view_of

import jaxgan as jg
from jaxgan.parts import terms

A = jax.random.normal(jax.random.key(7), (3, 4, 5, 2))
"""G(z) = A z: from three latents to pictures of 4 x 5 x 2."""
W = jax.random.normal(jax.random.key(8), (40,))


def linear(z, a=A):
    return jnp.tensordot(z, a, 1)


def view(g=linear, z=None, **changes):
    """A view of G's loss, of six examples."""
    z = jax.random.normal(jax.random.key(0), (6, 3)) if z is None else z
    fake = g(z)

    def d(x):
        return x.reshape(x.shape[0], -1) @ W[: x[0].size]

    return view_of(-fake, fake, d, z=z, g=g, **changes)


def loss(term, v):
    return np.asarray(jax.jit(lambda z: term.apply(v._replace(z=z), term.init())[0])(v.z))


def flat(x):
    return np.asarray(x, np.float64).reshape(len(x), -1)


MATRIX = flat(A)


def test_latent_diversity_of_a_linear_generator():
    """-weight spread^2 |A|^2 / numbers in the mean over noise."""
    z = jax.random.normal(jax.random.key(0), (2000, 3))
    got = loss(terms.latent_diversity(3.0, 0.1), view(z=z))
    assert (got < 0).all()
    expected = -3 * 0.1**2 * np.square(MATRIX).sum() / 40
    np.testing.assert_allclose(got.mean(), expected, rtol=0.06)


def test_latent_consistency_of_linear_players():
    """weight (w A n)^2 spread^2; D sees what G makes, without augmentation."""
    z = jax.random.normal(jax.random.key(0), (2000, 3))
    v = view(z=z)
    got = loss(terms.latent_consistency(3.0, 0.1), v._replace(fake=v.fake + 9, fake_plain=v.fake_plain * 2))
    expected = 3 * 0.1**2 * np.square(MATRIX @ np.asarray(W)).sum()
    np.testing.assert_allclose(got.mean(), expected, rtol=0.1)


def test_without_noise_latent_consistency_is_0_to_the_bit():
    for term in (terms.latent_consistency(20.0, 0.0), terms.latent_diversity(0.5, 0.0)):
        np.testing.assert_array_equal(loss(term, view()), 0)


def test_latent_consistency_packs_as_the_game_does():
    """Of two examples a pack: neighbours side by side as channels, each moved by its own noise."""
    v, seen = view(), []
    packed = v._replace(
        real=jnp.zeros((3, 4, 5, 4)), keys=v.keys[:3], d=lambda x: seen.append(x) or x.sum((1, 2, 3))
    )
    assert terms.latent_consistency().apply(packed, ())[0].shape == (3,)
    still, moved = seen
    np.testing.assert_array_equal(still[..., :2], v.fake_plain[::2])
    np.testing.assert_array_equal(still[..., 2:], v.fake_plain[1::2])
    change = np.abs(moved - still).sum((1, 2)).reshape(3, 2, 2).sum(-1)
    assert len(np.unique(change.round(4))) == 6


def test_mode_seeking_by_a_loop_over_pairs():
    v = view()
    z, x = flat(v.z), flat(v.fake_plain)
    expected = []
    for i in range(6):
        j = i + 1 if i % 2 == 0 else i - 1
        expected.append(2 / (np.abs(x[i] - x[j]).mean() / np.abs(z[i] - z[j]).mean() + 1e-5))
    np.testing.assert_allclose(loss(terms.mode_seeking(2.0), v), expected, rtol=1e-5)
    of_means = terms.mode_seeking(2.0, of_means=True)
    pairs = [(0, 1), (2, 3), (4, 5)]
    ratio = sum(np.abs(x[i] - x[j]).mean() for i, j in pairs) / sum(
        np.abs(z[i] - z[j]).mean() for i, j in pairs
    )
    np.testing.assert_allclose(loss(of_means, v), np.full(6, 2 / (ratio + 1e-5)), rtol=1e-5)
    assert np.mean(expected) > 2 / ratio  # the two differ: the authors' code is of means
    assert of_means.whole
    assert not terms.mode_seeking().whole
    steeper = view(lambda z: 4 * linear(z))
    np.testing.assert_allclose(
        loss(terms.mode_seeking(), steeper), loss(terms.mode_seeking(), v) / 4, rtol=1e-4
    )


def test_pairs_have_the_same_condition():
    """z of the neighbour, but the own label: under its own it would be another picture."""
    label = jnp.arange(6.0)

    def by_label(z):
        return linear(z) + 100 * label[:, None, None, None]

    conditional = view(by_label)._replace(given={"label": label})
    for term in (terms.mode_seeking(), terms.log_distances()):
        np.testing.assert_allclose(loss(term, conditional), loss(term, view()), rtol=1e-3)


def test_log_distances_by_a_loop_over_pairs():
    v = view()
    z, x = flat(v.z), flat(v.fake_plain)
    expected = []
    for i in range(6):
        j = i + 1 if i % 2 == 0 else i - 1
        expected.append(
            0.5 * (np.log(np.linalg.norm(x[i] - x[j])) - np.log(3 * np.linalg.norm(z[i] - z[j]))) ** 2
        )
    np.testing.assert_allclose(loss(terms.log_distances(0.5, 3.0), v), expected, rtol=1e-4)
    isometry = view(lambda z: 3 * z)
    np.testing.assert_allclose(loss(terms.log_distances(0.5, 3.0), isometry), 0, atol=1e-10)


def test_jacobian_clamping_of_a_multiple_of_z():
    """G = c z: Q = c everywhere."""
    term = terms.jacobian_clamping(low=1.0, high=2.0, size=0.1, weight=3.0)
    for c, expected in ((0.25, 3 * 0.75**2), (1.5, 0.0), (5.0, 3 * 9.0)):
        np.testing.assert_allclose(loss(term, view(lambda z, c=c: c * z)), expected, rtol=1e-3, atol=1e-6)


def test_jacobian_clamping_moves_every_latent_by_the_size():
    seen = []
    v = view()
    terms.jacobian_clamping(size=0.5).apply(v._replace(g=lambda z: seen.append(z) or linear(z)), ())
    np.testing.assert_allclose(np.linalg.norm(seen[0] - v.z, axis=1), 0.5, rtol=1e-5)
    assert len(np.unique((seen[0] - v.z).round(4), axis=0)) == 6


def test_transport_cost():
    z = jax.random.normal(jax.random.key(0), (6, 4, 5, 2))
    np.testing.assert_allclose(
        loss(terms.transport_cost(3.0), view(lambda z: 3 * z, z)),
        3 * 4 * np.square(flat(z)).mean(1),
        rtol=1e-5,
    )
    with pytest.raises(jg.Refused, match=r"needs latents of the examples' shape \(4, 5, 2\)"):
        terms.transport_cost().apply(view(), ())


def lengths(w, y, a):
    """|J_w^T y| by the Jacobian itself, for G(w) = A mean over layers."""
    layers = w.shape[1]
    jacobian = np.stack([flat(a).T / layers] * layers)  # [layers, pixels and channels, n]
    slopes = np.einsum("lpn,bp->bln", jacobian, y)
    return np.sqrt(np.square(slopes).sum(-1).mean(-1))


def test_path_length_of_a_linear_generator():
    """E l^2 = |A|^2 / pixels, each example's y by its own key; a moves to E l, and is then subtracted."""
    w = jax.random.normal(jax.random.key(3), (2000, 3))
    v = view(lambda z: linear(z["w"]), {"w": w})
    term = terms.path_length(2.0, 0.01)
    value, mean = jax.jit(lambda w: term.apply(v._replace(z={"w": w}), jnp.float32(5)))(w)
    values = np.asarray(value) / 2
    # (l - a)^2 has two roots; a linear G has l independent of w
    y = jax.vmap(lambda k: jax.random.normal(jax.random.split(k, 1)[0], (4, 5, 2)))(v.keys)
    length = lengths(np.zeros((2000, 1, 3)), flat(y) / np.sqrt(20), A)
    np.testing.assert_allclose(np.square(length).mean(), np.square(MATRIX).sum() / 20, rtol=0.05)
    a = 5 + 0.01 * (length.mean() - 5)
    assert mean == pytest.approx(a, rel=1e-5)
    np.testing.assert_allclose(values, np.square(length - a), rtol=1e-3, atol=1e-4)


def test_path_length_averages_over_layers_before_the_root():
    w = jax.random.normal(jax.random.key(3), (6, 5, 3))
    v = view(lambda z: linear(z["w"].mean(1)), {"w": w})
    y = jax.vmap(lambda k: jax.random.normal(jax.random.split(k, 1)[0], (4, 5, 2)))(v.keys)
    expected = lengths(w, flat(y) / np.sqrt(20), A)
    term = terms.path_length(1.0, 0.0)
    np.testing.assert_allclose(term.apply(v, term.init())[0], np.square(expected), rtol=1e-4)
    with pytest.raises(jg.Refused, match='a latent with an entry "w"'):
        term.apply(view(), term.init())


def test_the_running_length_has_no_gradient():
    """d/ds (l - a)^2 of G = s A w at s = 1 is 2 (l - a) l, not 2 (l - a) (l - decay E l)."""
    w = jax.random.normal(jax.random.key(3), (6, 3))
    term = terms.path_length(1.0, 0.5)

    def penalty(s, aux=False):
        v = view(lambda z: s * linear(z["w"]), {"w": w})
        value, mean = term.apply(v, jnp.float32(0.3))
        return (value, mean) if aux else value.sum()

    value, mean = penalty(1.0, aux=True)
    y = jax.vmap(lambda k: jax.random.normal(jax.random.split(k, 1)[0], (4, 5, 2)))(view().keys)
    length = lengths(np.zeros((6, 1, 3)), flat(y) / np.sqrt(20), A)
    np.testing.assert_allclose(value, np.square(length - mean), rtol=1e-4)
    expected = (2 * (length - float(mean)) * length).sum()
    assert jax.grad(penalty)(1.0) == pytest.approx(expected, rel=1e-4)


def test_latent_reconstruction():
    z = {"a": jnp.ones((2, 3)), "b": jnp.zeros((2, 2, 2))}
    other = {"a": jnp.zeros((2, 3)), "b": jnp.full((2, 2, 2), 2.0)}
    np.testing.assert_allclose(terms.latent_reconstruction(z, other), [3 + 16] * 2)
    inverse = np.linalg.pinv(MATRIX)  # F = G^-1
    z = view().z
    np.testing.assert_allclose(terms.latent_reconstruction(z, flat(linear(z)) @ inverse), 0, atol=1e-8)


def test_collapsed_generators_give_finite_gradients_and_weight_0_none():
    """Of G = s A z at s = 0, where all distances are 0."""
    makers = (
        terms.latent_consistency,
        terms.latent_diversity,
        terms.mode_seeking,
        lambda weight: terms.mode_seeking(weight, of_means=True),
        terms.log_distances,
        lambda weight: terms.jacobian_clamping(weight=weight),
    )

    def penalties(weight):
        def each(s):
            v = view(lambda z: s * linear(z))
            return jnp.stack([make(weight).apply(v, ())[0].mean() for make in makers])

        return each

    both = jax.jit(jax.vmap(lambda weight, s: jax.jvp(penalties(weight), (s,), (1.0,)), (0, 0)))
    values, slopes = both(jnp.array([0.0, 0.0, 1.0]), jnp.array([0.0, 1.0, 0.0]))
    np.testing.assert_array_equal(values[:2], 0)
    np.testing.assert_array_equal(slopes[:2], 0)
    assert np.isfinite(values).all()
    assert np.isfinite(slopes).all()


def test_terms_refuse_what_they_cannot_read():
    for term in (terms.latent_consistency(), terms.latent_diversity(), terms.jacobian_clamping()):
        with pytest.raises(jg.Refused, match="needs a game with one generator of latents"):
            term.apply(view(g=linear)._replace(g=None), ())
    odd = view(z=jnp.ones((5, 3)))
    with pytest.raises(jg.Refused, match="pairs neighbours, so each device needs an even batch, not 5"):
        terms.mode_seeking().apply(odd, ())
