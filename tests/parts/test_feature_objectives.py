"""Losses between examples over D's features: closed forms, loops over pairs, and any number of devices."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from parts.feature_views import FAKE, REAL, W, agree_on_devices, rows, view

from jaxgan.errors import Refused
from jaxgan.parts import objectives as o
from jaxgan.parts import terms
from jaxgan.parts.objectives import kernels

NP_KERNELS = {
    "rbf": (
        kernels.rbf([0.5, 2.0]),
        lambda a, b: sum(math.exp(-np.square(a - b).sum() / (2 * s * s)) for s in (0.5, 2.0)),
    ),
    "rational_quadratic": (
        kernels.rational_quadratic([0.2, 2.0]),
        lambda a, b: sum((1 + np.square(a - b).sum() / (2 * alpha)) ** -alpha for alpha in (0.2, 2.0)),
    ),
    "linear": (kernels.linear(), np.dot),
}


def mean(terms_, seen):
    return float(rows(terms_[0], seen).mean())


def pairs_within(k, x):
    n = len(x)
    return sum(k(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))


@pytest.mark.parametrize("name", NP_KERNELS)
def test_mmd_is_the_sum_over_pairs(name):
    kernel, k = NP_KERNELS[name]
    seen = view(REAL, FAKE, W)
    x, y = (np.asarray(h["features"][-1], np.float64) for h in (seen.real_heads, seen.fake_heads))
    across = np.mean([[k(a, b) for b in y] for a in x])
    expected = pairs_within(k, x) + pairs_within(k, y) - 2 * across
    attractive, repulsive = o.mmd(kernel), o.repulsive_mmd(kernel)
    np.testing.assert_allclose(mean(attractive.g_terms, seen), expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mean(attractive.d_terms, seen), -expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mean(repulsive.g_terms, seen), expected, rtol=1e-4, atol=1e-6)
    gap = pairs_within(k, x) - pairs_within(k, y)  # D moves real ones apart: it pays for their similarity
    np.testing.assert_allclose(mean(repulsive.d_terms, seen), gap, rtol=1e-4, atol=1e-6)
    assert rows(attractive.g_terms[0], seen).shape == (16,)


def test_bounds_of_the_repulsive_loss_end_the_gradient_of_pairs_beyond_them():
    """Real features farther apart than `most` and fake ones closer than `least`, where D moves them."""
    seen = view(REAL, FAKE, W)
    x, y = (np.asarray(h["features"][-1], np.float64) for h in (seen.real_heads, seen.fake_heads))

    def k(a, b, least=0.0, most=math.inf):
        return math.exp(-min(max(np.square(a - b).sum(), least), most) / 2)

    far, near = kernels.bounded_rbf(most=4.0), kernels.bounded_rbf(least=0.25)
    bounded = o.repulsive_mmd(kernels.rbf([1.0]), of_real=far, of_fake=near)
    gap = pairs_within(lambda a, b: k(a, b, most=4.0), x) - pairs_within(lambda a, b: k(a, b, 0.25), y)
    np.testing.assert_allclose(mean(bounded.d_terms, seen), gap, rtol=1e-4, atol=1e-6)
    swapped = o.repulsive_mmd(kernels.rbf([1.0]), of_real=near, of_fake=far)
    assert abs(mean(swapped.d_terms, seen) - gap) > 1e-3
    plain = pairs_within(k, x) + pairs_within(k, y) - 2 * np.mean([[k(a, b) for b in y] for a in x])
    np.testing.assert_allclose(mean(bounded.g_terms, seen), plain, rtol=1e-4, atol=1e-6)  # G's has none
    points = jnp.array([[0.0], [0.3], [3.0]])  # squares 0.09, 7.29 and 9
    slopes = [jax.grad(lambda x, kernel=kernel: kernel(x, x).sum())(points)[:, 0] for kernel in (far, near)]
    np.testing.assert_allclose(slopes[0][2], 0.0)  # far from both others
    assert slopes[0][0] > 0
    at_0, at_3 = (kernels.rbf([1.0])(points[i : i + 1], points[2:])[0, 0] for i in (0, 1))
    np.testing.assert_allclose(slopes[1], [6 * at_0, 5.4 * at_3, -6 * at_0 - 5.4 * at_3], rtol=1e-4)
    with pytest.raises(Refused, match=r"bounded_rbf needs 0 <= least < most, not 4.0 and 0.25"):
        kernels.bounded_rbf(least=4.0, most=0.25)


def expected_rbf(width, spread, spread2, gap, size):
    total = width**2 + spread**2 + spread2**2
    return (width**2 / total) ** (size / 2) * math.exp(-(gap**2) / (2 * total))


def test_mmd_is_unbiased_on_normal_examples():
    """The mean of many batches of 6 is the closed form, and 0 where both are the same; with the pairs of an
    example with itself it would be too large by about 1/3."""
    width, (s, t), shift = 1.0, (1.0, 0.5), jnp.array([0.7, 0.0])
    term = o.mmd(kernels.rbf([width])).g_terms[0]

    def batch(key, spread, shift):
        x, y = jax.random.normal(key, (2, 6, 2))
        return rows(term, view(x, spread * y + shift)).mean()

    batches = jax.jit(jax.vmap(batch, (0, None, None)))
    keys = jax.random.split(jax.random.key(0), 20000)
    within = expected_rbf(width, s, s, 0, 2) + expected_rbf(width, t, t, 0, 2)
    truth = within - 2 * expected_rbf(width, s, t, 0.7, 2)
    for values, expected in ((batches(keys, t, shift), truth), (batches(keys, 1.0, jnp.zeros(2)), 0.0)):
        assert abs(values.mean() - expected) < 4 * values.std() / math.sqrt(len(values))
    assert (values < 0).any()


def test_the_linear_kernel_compares_means():
    """Unbiased |E h(x) - E h(y)|^2: the plain square less its expected excess, the variances over N."""
    seen = view(REAL, FAKE)
    x, y = np.asarray(REAL, np.float64), np.asarray(FAKE, np.float64)
    excess = sum(z.var(axis=0, ddof=1).sum() / 16 for z in (x, y))
    expected = np.square(x.mean(0) - y.mean(0)).sum() - excess
    np.testing.assert_allclose(mean(o.mmd(kernels.linear()).g_terms, seen), expected, rtol=1e-4)


def test_the_witness_of_a_linear_kernel_has_a_constant_slope():
    """w(x) = x . (E real - E fake) for features x themselves, whose slope is the distance of the means."""
    slope = np.linalg.norm(np.asarray(REAL).mean(0) - np.asarray(FAKE).mean(0))
    loss = rows(terms.witness_gp(kernels.linear(), 3.0), view(REAL, FAKE))
    np.testing.assert_allclose(loss, np.full(16, 3 * (slope - 1) ** 2), rtol=1e-4)


def test_cramer_is_the_paper_s_loss_of_pairs_of_fakes():
    seen = view(REAL, FAKE, W)
    x, y = (np.asarray(h["features"][-1], np.float64) for h in (seen.real_heads, seen.fake_heads))
    size, other = np.linalg.norm, [*y[1:], y[0]]
    g = [size(a - b) + size(a - c) - size(b - c) for a, b, c in zip(x, y, other, strict=True)]
    critic = lambda a, c: size(a - c) - size(a)  # noqa: E731
    d = [critic(b, c) - critic(a, c) for a, b, c in zip(x, y, other, strict=True)]
    objective = o.cramer()
    np.testing.assert_allclose(rows(objective.g_terms[0], seen), g, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(rows(objective.d_terms[0], seen), d, rtol=1e-4, atol=1e-6)


def test_the_mean_of_cramer_is_the_energy_distance():
    """Of N(m, 1) and N(0, 1): G's loss less E|x - x'|, as f' is a fake of its own; with f' = f it would be
    larger by E|f - f'|."""

    def absolute(m, s):
        return s * math.sqrt(2 / math.pi) * math.exp(-(m**2) / (2 * s**2)) + m * math.erf(m / s / 2**0.5)

    x, y = jax.random.normal(jax.random.key(3), (2, 200000, 1))
    loss = rows(o.cramer().g_terms[0], view(1.3 + x, y, keys=jnp.zeros(200000)))
    expected = 2 * absolute(1.3, 2**0.5) - absolute(0, 2**0.5)
    assert abs(loss.mean() - expected) < 5 * loss.std() / math.sqrt(len(loss))


def test_the_slope_of_the_critic_of_cramer():
    """In one dimension c(x) = |x - f'| - |x| has slope 0 or 2, so that the penalty is the weight everywhere;
    equal features have no NaN."""
    real, fake = REAL[:, :1], FAKE[:, :1]
    penalty = o.cramer(7.0).d_terms[1]
    np.testing.assert_allclose(rows(penalty, view(real, fake)), np.full(16, 7.0), rtol=1e-5)
    same = jnp.zeros((4, 3))
    for term in (*o.cramer().d_terms, *o.cramer().g_terms):
        grad = jax.grad(lambda w, term=term: rows(term, view(same, same, w)).sum())(W)
        assert np.isfinite(grad).all()


def test_sliced_wasserstein_of_a_shift_and_by_loops():
    shift = jnp.array([1.0, -2.0, 0.5])
    term = o.sliced_wasserstein(4096).g_terms[0]
    value = rows(term, view(REAL, REAL[::-1] + shift))
    np.testing.assert_allclose(value, np.full(16, np.square(shift).sum() / 3), rtol=0.03)
    few = o.sliced_wasserstein(1).g_terms[0]  # one direction, told from what a shift along each axis gives
    assert (rows(few, view(REAL, REAL[::-1])) < 1e-12).all()  # the order of examples plays no part
    one = view(REAL[:, :1], FAKE[:, :1])  # in one dimension the direction is +-1
    sorted_apart = np.square(np.sort(REAL[:, 0]) - np.sort(FAKE[:, 0])).mean()
    np.testing.assert_allclose(rows(few, one), np.full(16, sorted_apart), rtol=1e-5)


def test_realness_of_two_outcomes_is_the_non_saturating_loss():
    objective = o.realness(
        o.Anchors(jnp.array([0.0, 1.0]), jnp.array([1.0, 0.0])), towards="anchor", repel=0.0, head="code"
    )
    real, fake = jax.random.normal(jax.random.key(4), (2, 6, 2))
    seen, plain = view(real, fake), o.non_saturating()
    logits = real[:, 1] - real[:, 0], fake[:, 1] - fake[:, 0]
    np.testing.assert_allclose(rows(objective.d_terms[0], seen), plain.d_loss(*logits), rtol=1e-5)
    np.testing.assert_allclose(rows(objective.g_terms[0], seen), plain.g_loss(*logits), rtol=1e-5)


def test_realness_by_sums_over_outcomes():
    anchors = o.realness_anchors(5)
    assert all((a == b).all() for a, b in zip(anchors, o.realness_anchors(5), strict=True))
    np.testing.assert_allclose([x.sum() for x in anchors], 1, rtol=1e-6)
    assert (anchors.real * np.arange(5)).sum() > (anchors.fake * np.arange(5)).sum()
    seen = view(REAL, FAKE, W)

    def softmax(heads):
        e = np.exp(np.asarray(heads["code"], np.float64))
        return e / e.sum(axis=1, keepdims=True)

    def kl(p, q):
        return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)

    p, q = softmax(seen.real_heads), softmax(seen.fake_heads)
    objective = o.realness(anchors, attract=2.0, repel=0.5, head="code")
    d = [kl(anchors.real, a) + kl(anchors.fake, b) for a, b in zip(p, q, strict=True)]
    g = [2 * kl(a, b) - 0.5 * kl(anchors.fake, b) for a, b in zip(p, q, strict=True)]
    np.testing.assert_allclose(rows(objective.d_terms[0], seen), d, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(rows(objective.g_terms[0], seen), g, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("counts", [(8,), pytest.param((1, 2, 4), marks=pytest.mark.slow)])
def test_any_number_of_devices_gives_the_same(counts):
    rbf = kernels.rbf([1.0])
    objectives = [o.mmd(rbf), o.repulsive_mmd(rbf), o.cramer(), o.ot(0.1, 5), o.sinkhorn(0.1, 5)]
    between = [*sum(((*x.d_terms, *x.g_terms) for x in objectives), ()), *o.sliced_wasserstein(8).g_terms]
    gp = [terms.witness_gp(rbf), terms.feature_matching(), terms.feature_matching_l1(), terms.gdpp()]
    agree_on_devices([*between, *gp, *o.top_k(o.hinge(), 0.4).g_terms], counts)


def refused(term, seen):
    return term.apply(seen, ())  # not jitted, as JAX adds lines to what is raised there


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: o.realness(o.Anchors(np.ones(3) / 3, np.ones(2) / 2)), "anchors of as many outcomes"),
        (lambda: o.realness(o.realness_anchors(3), towards="fake"), 'towards "real" or "anchor"'),
        (lambda: o.ot(epsilon=0.0), "epsilon must be above 0"),
        (lambda: o.sinkhorn(iterations=0), "1 or more"),
        (lambda: o.sliced_wasserstein(0), "1 or more directions"),
        (
            lambda: refused(o.realness(o.realness_anchors(4), head="code").d_terms[0], view(REAL, FAKE)),
            "head code has 3 outcomes and the anchors 4",
        ),
        (
            lambda: refused(o.realness(o.realness_anchors(3)).d_terms[0], view(REAL, FAKE)),
            r'and D has only (features, code|code, features): give D heads=\(\("realness", size\),\)',
        ),
        (lambda: refused(o.mmd(kernels.linear()).g_terms[0], view(REAL[:1], FAKE[:1])), "has 1"),
        (lambda: refused(o.ot().g_terms[0], view(REAL[:3], FAKE[:3])), "make it even"),
        (
            lambda: refused(o.cramer().g_terms[0], view(REAL, FAKE)._replace(real_heads=())),
            "needs a head of D called features, and D has none: give D features=True",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(build, message):
    with pytest.raises(Refused, match=message) as refusal:
        build()
    assert "\n" not in str(refusal.value)
