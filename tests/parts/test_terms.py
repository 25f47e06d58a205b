"""Penalties against closed forms and a second derivation (forward-mode Jacobians, finite differences)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.parts import terms
from jaxgan.parts.output import Output
from jaxgan.parts.types import Lowering, View

W = jnp.array([3.0, -4.0])  # |w| = 5
A = jnp.array([[2.0, 1.0], [1.0, -3.0]])


def linear(x):
    return x @ W


def quadratic(x):
    return jnp.einsum("bi,ij,bj->b", x, A, x) / 2  # gradient A x


def view(d, step=0, n=6):
    real, fake = jax.random.normal(jax.random.key(0), (2, n, 2))
    keys = jax.random.split(jax.random.key(1), n)

    def gradient(x):
        return lambda plain=False: jax.grad(lambda x: d(x).sum())(x)

    return View(
        real=real,
        fake=fake,
        real_plain=real,
        fake_plain=fake,
        real_out=d(real),
        fake_out=d(fake),
        real_heads=(),
        fake_heads=(),
        given={},
        z=fake,
        d=d,
        judge=lambda x: Output(d(x)),
        real_gradient=gradient(real),
        fake_gradient=gradient(fake),
        g=lambda z: z,
        averaged=None,
        keys=keys,
        step=jnp.int32(step),
        lowering=Lowering(),
    )


def apply(term, view):
    """The loss, the same jitted or not."""
    loss, _ = term.apply(view, term.init())
    jitted = jax.jit(lambda real: term.apply(view._replace(real=real), term.init())[0])(view.real)
    np.testing.assert_allclose(loss, jitted, rtol=1e-5, atol=1e-6)
    return loss


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (terms.r1(3.0), 3 / 2 * 25),
        (terms.r2(3.0), 3 / 2 * 25),
        (terms.wgan_gp(10.0), 10 * (5 - 1) ** 2),
        (terms.wgan_gp(10.0, one_sided=True), 10 * (5 - 1) ** 2),
        (terms.dragan(10.0), 10 * (5 - 1) ** 2),
    ],
)
def test_a_linear_discriminator_has_a_closed_form(term, expected):
    np.testing.assert_allclose(apply(term, view(linear)), np.full(6, expected), rtol=1e-5)


def test_consistency_is_the_squared_change_of_the_logit():
    """Of a linear D that T is added to: (w . t)^2, t by the input's own key."""

    def moved(key, x):
        return x + jax.random.normal(key, x.shape)

    v = view(linear)
    by = jax.vmap(lambda key: jax.random.normal(jax.random.split(key, 1)[0], (2,)))(v.keys)
    for term in (terms.consistency(moved, 3.0), terms.consistency_of_fakes(moved, 3.0)):
        np.testing.assert_allclose(apply(term, v), 3 * np.square(by @ W), rtol=1e-4)
    v = view(quadratic)
    for term, x in ((terms.consistency(moved), v.real), (terms.consistency_of_fakes(moved), v.fake)):
        expected = 10 * np.square(quadratic(x + by) - quadratic(x))
        np.testing.assert_allclose(apply(term, v), expected, rtol=1e-4)


def test_consistency_has_gradients_in_both_logits():
    """d/dw (w.(x + t) - w.x)^2 = 2 (w.t) t: were D(x) held still, it would be 2 (w.t) (x + t)."""
    shift = jnp.array([0.5, 2.0])

    def penalty(w):
        return terms.consistency(lambda key, x: x + shift, 1.0).apply(view(lambda x: x @ w), ())[0].mean()

    np.testing.assert_allclose(jax.grad(penalty)(W), 2 * (W @ shift) * shift, rtol=1e-4)


def test_consistency_of_a_pack_augments_each_of_its_examples():
    """Of three pictures of two colours, side by side as channels: each by its own draw, none by another."""

    def marked(key, x):
        assert x.shape == (4, 5, 2)
        return x - x.mean() + jax.random.uniform(key)

    pictures = jax.random.normal(jax.random.key(2), (6, 3, 4, 5, 2))
    packs = jnp.concatenate([pictures[:, i] for i in range(3)], axis=-1)
    shown = []
    v = view(linear)._replace(
        real=packs, real_plain=jnp.zeros((18, 7)), d=lambda x: shown.append(x) or x.sum((1, 2, 3))
    )
    terms.consistency(marked).apply(v, ())
    each = jnp.stack(jnp.split(shown[0], 3, axis=-1), axis=1)
    by = each - (pictures - pictures.mean((2, 3, 4), keepdims=True))
    np.testing.assert_allclose(by, jnp.broadcast_to(by[:, :, :1, :1, :1], by.shape), atol=1e-5)
    assert len(np.unique(by[:, :, 0, 0, 0].round(4))) == 18
    np.testing.assert_array_equal(shown[1], packs)


def test_r1_and_r2_of_a_quadratic_discriminator():
    v = view(quadratic)
    np.testing.assert_allclose(apply(terms.r1(1.0), v), 0.5 * np.square(v.real @ A).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(apply(terms.r2(1.0), v), 0.5 * np.square(v.fake @ A).sum(-1), rtol=1e-5)


def test_the_gradient_of_r1_in_the_discriminators_weights():
    """d/dw gamma/2 |w|^2 = gamma w: the derivative of the derivative is right too."""

    def penalty(w):
        return terms.r1(3.0).apply(view(lambda x: x @ w), ())[0].mean()

    np.testing.assert_allclose(jax.grad(penalty)(W), 3 * W, rtol=1e-5)


def test_r1_of_a_network_by_forward_mode():
    weights = jax.random.normal(jax.random.key(2), (2, 8))

    def net(x):
        return jnp.tanh(x @ weights).sum(-1)

    v = view(net)
    slopes = jax.vmap(jax.jacfwd(lambda x: net(x[None])[0]))(v.real)
    np.testing.assert_allclose(apply(terms.r1(1.0), v), 0.5 * np.square(slopes).sum(-1), rtol=1e-4)


def test_one_sided_does_not_penalise_slopes_below_1():
    gentle = view(lambda x: 0.1 * linear(x))  # slope 1/2
    np.testing.assert_allclose(apply(terms.wgan_gp(10.0, one_sided=True), gentle), np.zeros(6))
    np.testing.assert_allclose(apply(terms.wgan_gp(10.0), gentle), np.full(6, 2.5), rtol=1e-5)


def test_wgan_gp_is_taken_between_real_and_fake():
    """With D = |x|^2 / 2 the slope at a point is its norm, so it must lie between real and fake."""
    v = view(lambda x: jnp.square(x).sum(-1) / 2)._replace(
        real=jnp.full((6, 2), 10.0), fake=jnp.full((6, 2), 2.0)
    )
    slopes = np.sqrt(apply(terms.wgan_gp(1.0), v)) + 1
    assert (slopes > 2 * 2**0.5).all()
    assert (slopes < 10 * 2**0.5).all()
    assert len(set(slopes.tolist())) == 6  # each input has a point of its own


def test_dragan_is_taken_around_the_data():
    """x + a s std u with a, u in [0, 1]: never below x, never more than s std above. In 1-D with D = x^2 / 2
    the slope is the point itself."""
    real = 5 + jax.random.uniform(jax.random.key(4), (6, 1))
    v = view(linear)._replace(real=real, d=lambda x: jnp.square(x[:, 0]) / 2)
    points = np.sqrt(terms.dragan(1.0, spread=0.5).apply(v, ())[0]) + 1
    moved = points - np.asarray(real[:, 0])
    assert (moved >= -1e-5).all()
    assert (moved <= 0.5 * np.std(real) + 1e-5).all()
    assert moved.max() > 0.01


@pytest.mark.parametrize("term", [terms.r1(), terms.r2(), terms.wgan_gp(), terms.dragan()])
def test_a_flat_discriminator_gives_no_nan(term):
    def penalty(w):
        return term.apply(view(lambda x: x @ w), ())[0].mean()

    value, grad = jax.value_and_grad(penalty)(jnp.zeros(2))
    assert np.isfinite(value)
    assert np.isfinite(grad).all()


def test_a_weight_may_be_a_schedule():
    term = terms.r1(lambda step: 2.0 * 0.5**step)
    for step in range(3):
        np.testing.assert_allclose(apply(term, view(linear, step)), np.full(6, 0.5**step * 25), rtol=1e-5)


def test_lazily_has_the_same_mean_gradient():
    term = terms.lazily(terms.r1(2.0), 4)

    def pull(step):
        return jax.grad(lambda w: term.apply(view(lambda x: x @ w, step), term.init())[0].mean())(W)

    pulls = np.stack([pull(step) for step in range(8)])  # of |w|^2
    np.testing.assert_allclose(pulls[[0, 4]], np.stack([4 * 2 * W] * 2))
    np.testing.assert_array_equal(pulls[[1, 2, 3, 5, 6, 7]], 0.0)
    np.testing.assert_allclose(pulls.mean(axis=0), 2 * W)


def test_lazily_keeps_the_last_value_between_evaluations():
    lazy, slopes = terms.lazily(terms.r1(2.0), 3), [5.0, 1.0, 2.0, 3.0, 4.0]
    memory, worth = lazy.init(), []
    for step, slope in enumerate(slopes):
        loss, memory = lazy.apply(view(lambda x, slope=slope: slope * x[:, 0], step), memory)
        worth.append(np.asarray(loss))
    np.testing.assert_allclose(worth, np.square([[5.0], [5.0], [5.0], [3.0], [3.0]]) * np.ones(6))


def test_lazily_has_the_precision_of_its_term():
    lazy = terms.lazily(terms.stateless("own", lambda v: v.real_out.astype(jnp.bfloat16)), 3)
    assert apply(lazy, view(linear, 0)).dtype == apply(lazy, view(linear, 1)).dtype == jnp.bfloat16


def test_lazily_works_with_a_loss_per_example_and_packs():
    seen = view(lambda x: x @ W)
    seen = seen._replace(real=seen.real[::2], keys=seen.keys[::2])  # an input to each two
    lazy = terms.lazily(terms.stateless("own", lambda v: jnp.square(v.z).sum(axis=1)), 2)
    due, memory = lazy.apply(seen, lazy.init())
    idle, _ = lazy.apply(seen._replace(step=jnp.int32(1)), memory)
    np.testing.assert_allclose(idle, np.full(6, due.mean()), rtol=1e-6)


def test_lazily_keeps_a_terms_memory():
    counting = terms.Term("count", lambda: jnp.int32(0), lambda v, n: (v.real_out, n + 1))
    lazy = terms.lazily(counting, 3)
    memory = lazy.init()
    for step in range(7):
        _, memory = lazy.apply(view(linear, step), memory)
    assert memory.state == 3  # at steps 0, 3 and 6


def test_terms_map_over_lanes():
    """A lane axis over D's weights, as seeds will have: the same as one after another."""
    weights = jax.random.normal(jax.random.key(3), (4, 2))
    for term in (terms.r1(), terms.wgan_gp(), terms.dragan(), terms.lazily(terms.r1(), 2)):

        def penalty(w, term=term):
            return term.apply(view(lambda x: x @ w), term.init())[0]

        np.testing.assert_allclose(jax.vmap(penalty)(weights), [penalty(w) for w in weights], rtol=1e-5)
