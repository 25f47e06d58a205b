"""Terms on D: LeCam, centring, slopes by differences and in adversarial directions, the bottleneck."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from views import view_of

import jaxgan as jg
from jaxgan.parts import terms

W = jnp.array([3.0, -4.0])  # |w| = 5
REAL, FAKE = jax.random.normal(jax.random.key(0), (2, 6, 2))
A = jnp.array([[2.0, 1.0], [1.0, -3.0]])


def linear(x):
    return x @ W


def quadratic(x):
    return jnp.einsum("bi,ij,bj->b", x, A, x) / 2


def played(term, steps, d=linear, start=0):
    """The losses of consecutive steps, on other examples each, and the last memory."""

    def step(memory, t):
        real, fake = REAL + t, FAKE * t
        loss, memory = term.apply(view_of(real, fake, d, step=t), memory)
        return memory, (loss, d(real).mean(), d(fake).mean())

    memory, logs = jax.jit(lambda m: jax.lax.scan(step, m, jnp.arange(start, start + steps)))(term.init())
    return (*map(np.asarray, logs), memory)


def test_lecam_by_numpy():
    """The means are of earlier steps, that of `start` the first: then the loss begins."""
    losses, real, fake, _ = played(terms.lecam(0.3, 0.9, start=2), 6)
    clipped, *_ = played(terms.lecam(0.3, 0.9, start=2, one_sided=True), 6)
    mean_real, mean_fake = real[2], fake[2]
    np.testing.assert_array_equal(losses[:3], 0)
    for t in range(3, 6):
        r, f = (np.asarray(linear(x)) for x in (REAL + t, FAKE * t))
        expected = 0.3 * ((r - mean_fake) ** 2 + (f - mean_real) ** 2)
        np.testing.assert_allclose(losses[t], expected, rtol=1e-4)
        expected = 0.3 * (np.maximum(r - mean_fake, 0) ** 2 + np.maximum(mean_real - f, 0) ** 2)
        np.testing.assert_allclose(clipped[t], expected, rtol=1e-4, atol=1e-5)
        mean_real, mean_fake = 0.9 * mean_real + 0.1 * real[t], 0.9 * mean_fake + 0.1 * fake[t]
    assert not np.allclose(losses, clipped)


def test_lecams_means_of_constant_logits():
    """From m they go to c by 1 - decay^t."""
    term = terms.lecam(1.0, 0.9, start=0)
    v = view_of(REAL, FAKE, lambda x: jnp.full(6, 2.0), step=jnp.int32(5))
    means = jnp.float32(0), jnp.float32(1)
    for _ in range(7):
        _, means = term.apply(v, means)
    np.testing.assert_allclose(means, [2 * (1 - 0.9**7), 2 - 0.9**7], rtol=1e-5)


def test_lecam_of_patches_and_scales_averages_losses():
    term, means = terms.lecam(1.0, start=0), (jnp.float32(1), jnp.float32(-2))
    out = jax.random.normal(jax.random.key(2), (6, 3)), jax.random.normal(jax.random.key(3), (6, 2, 2))
    v = view_of(REAL, FAKE, linear, step=jnp.int32(5))._replace(real_out=out, fake_out=out)
    per_scale = [np.mean(np.square(x.reshape(6, -1) + 2) + np.square(x.reshape(6, -1) - 1), 1) for x in out]
    np.testing.assert_allclose(term.apply(v, means)[0], sum(per_scale) / 2, rtol=1e-5)


def test_centring_moves_the_middle_only():
    """Its gradient is the same in both logits of a pair."""

    def loss(real, fake):
        v = view_of(REAL, FAKE, linear)._replace(real_out=real, fake_out=fake)
        return terms.centring(0.5).apply(v, ())[0].sum()

    real, fake = linear(REAL), linear(FAKE)
    pulls = jax.grad(loss, (0, 1))(real, fake)
    np.testing.assert_array_equal(*pulls)
    np.testing.assert_allclose(pulls[0], real + fake, rtol=1e-6)
    assert loss(real, -real) == 0


def test_finite_differences_have_the_mean_of_r1_and_r2():
    """gamma/2 E (n . grad)^2 = gamma/2 |grad|^2."""
    real, fake = jnp.tile(REAL[:2], (4000, 1)), jnp.tile(FAKE[:2], (4000, 1))
    v = view_of(real, fake, quadratic)
    for term, x in ((terms.finite_r1(3.0, 1e-2), REAL), (terms.finite_r2(3.0, 1e-2), FAKE)):
        got = jax.jit(lambda v_real, t=term: t.apply(v._replace(real=v_real), ())[0])(real).reshape(-1, 2)
        np.testing.assert_allclose(got.mean(0), 1.5 * np.square(x[:2] @ A).sum(-1), rtol=0.1)
    noise = jax.vmap(lambda key: jax.random.normal(key, (2,)))(v.keys)
    np.testing.assert_allclose(
        terms.finite_r1(3.0, 0.5).apply(v._replace(d=linear), ())[0],
        1.5 * np.square(noise @ W),
        rtol=1e-3,
        atol=1e-5,
    )


def test_alp_of_a_linear_discriminator_finds_its_slope():
    """The direction is +-w / |w|, so the loss is weight (|w| - 1)^2, and 0 below slope 1."""

    @jax.jit
    def penalty(w):
        return terms.alp(3.0).apply(view_of(REAL, FAKE, lambda x: x @ w), ())[0]

    np.testing.assert_allclose(penalty(W), np.full(6, 3 * 16), rtol=1e-4)
    np.testing.assert_array_equal(penalty(0.19 * W), 0)
    slope = jax.grad(lambda w: penalty(w).mean())(W)
    np.testing.assert_allclose(slope, 3 * 2 * (5 - 1) * W / 5, rtol=1e-4)


def test_alp_by_numpy():
    """Of x^T A x / 2: the direction is A (x + probe u) up to its sign, and has no gradient in A."""
    matrix, b, seen = np.asarray(A), np.array([[0.3, -1.0], [-1.0, 2.0]]), []

    def penalty(t):
        def d(x):
            seen.append(x)
            return jnp.einsum("bi,ij,bj->b", x, A + t * b, x) / 2

        return terms.alp(2.0, probe=3.0).apply(view_of(REAL, FAKE, d), ())[0]

    got, slope = penalty(0.0), jax.jacfwd(penalty)(0.0)
    expected, expected_slope = np.zeros(6), np.zeros(6)
    keys = jax.random.split(jax.random.key(1), 6)
    for x, moved, which in ((REAL, seen[4], "real"), (FAKE, seen[8], "fake")):
        u = jax.vmap(lambda k, which=which: jax.random.normal(jg.fold(k, which, "direction"), (2,)))(keys)
        x, u, moved = map(np.asarray, (x, u, moved))
        for i in range(6):
            r = moved[i] - x[i]
            size = np.linalg.norm(r)
            assert 0.1 <= size <= 10
            steepest = matrix @ (x[i] + 3 * u[i] / np.linalg.norm(u[i]))
            assert abs(r @ steepest) == pytest.approx(size * np.linalg.norm(steepest), rel=1e-4)

            def change(m, i=i, x=x, r=r):
                return (x[i] + r) @ m @ (x[i] + r) / 2 - x[i] @ m @ x[i] / 2

            steep, by_b = abs(change(matrix)) / size, change(b) * np.sign(change(matrix)) / size
            expected[i] += max(steep - 1, 0) ** 2
            expected_slope[i] += 2 * max(steep - 1, 0) * by_b
    np.testing.assert_allclose(got, expected, rtol=1e-3)
    np.testing.assert_allclose(slope, expected_slope, rtol=1e-3, atol=1e-3)


def test_dragan_normal_is_taken_around_the_data():
    v = view_of(REAL, FAKE, lambda x: jnp.square(x).sum(-1) / 2)
    noise = jax.vmap(lambda key: jax.random.normal(key, (2,)))(v.keys)
    expected = 3 * np.square(np.linalg.norm(REAL + 0.2 * noise, axis=1) - 1)
    np.testing.assert_allclose(terms.dragan_normal(3.0, 0.2).apply(v, ())[0], expected, rtol=1e-4)


def test_flat_discriminators_give_finite_gradients_and_weight_0_none():
    makers = (
        terms.alp,
        terms.dragan_normal,
        terms.finite_r1,
        terms.finite_r2,
        terms.centring,
        lambda weight: terms.lecam(weight, start=0),
    )

    def penalties(w, weight):
        v = view_of(REAL, FAKE, lambda x: x @ w, step=jnp.int32(3))
        return jnp.stack([(term := make(weight)).apply(v, term.init())[0].mean() for make in makers])

    both = jax.jit(lambda w, weight: (penalties(w, weight), jax.jacrev(penalties)(w, weight)))
    for x in both(W, 0.0):
        np.testing.assert_array_equal(x, 0)
    assert all(np.isfinite(x).all() for x in both(jnp.zeros(2), 1.0))


def heads(key):
    mean, deviation = jax.random.normal(jax.random.key(key), (2, 6, 4))
    return {"mean": mean, "deviation": jnp.exp(deviation / 2)}


def divergence(head):
    """KL(N(m, s^2) | N(0, 1)) by the integral of p log(p / q)."""
    t = np.linspace(-100, 100, 200_001)

    def one(m, s):
        log_p = -0.5 * ((t - m) / s) ** 2 - np.log(s)
        return np.trapezoid(np.exp(log_p) / np.sqrt(2 * np.pi) * (log_p + 0.5 * t**2), t)

    pairs = zip(np.asarray(head["mean"], float), np.asarray(head["deviation"], float), strict=True)
    return np.array([sum(map(one, *pair)) for pair in pairs])


def test_bottleneck_by_the_integral_of_the_divergence():
    v = view_of(REAL, FAKE, linear)._replace(real_heads=heads(1), fake_heads=heads(2))
    term = terms.bottleneck(capacity=0.7, rate=0.01, start=0.2)
    loss, b = jax.jit(lambda b: term.apply(v, b))(term.init())
    excess = (divergence(heads(1)) + divergence(heads(2))) / 2 - 0.7
    np.testing.assert_allclose(loss, 0.2 * excess, rtol=1e-4)
    assert b == pytest.approx(0.2 + 0.01 * excess.mean(), rel=1e-4)


def test_bottleneck_at_the_prior_pays_nothing_and_lets_go():
    prior = {"mean": jnp.zeros((6, 4)), "deviation": jnp.ones((6, 4))}
    v = view_of(REAL, FAKE, linear)._replace(real_heads=prior, fake_heads=prior)
    loss, b = terms.bottleneck(capacity=0.0, start=0.2).apply(v, jnp.float32(0.2))
    np.testing.assert_array_equal(loss, 0)
    assert b == jnp.float32(0.2)
    assert terms.bottleneck(capacity=3.0, rate=1.0).apply(v, jnp.float32(0.2))[1] == 0  # never negative


def test_a_missing_head_is_refused():
    with pytest.raises(jg.Refused, match="the term bottleneck needs a head of D called mean"):
        terms.bottleneck().apply(view_of(REAL, FAKE, linear), jnp.float32(0))
