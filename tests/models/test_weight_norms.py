"""Norms of weights against the singular values that numpy finds, and what they leave as it is."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan as jg
from jaxgan.models import dcgan, mlp, sngan
from jaxgan.models.layers import Reweighted, bidirectional, call_layer, initial_spectral, stable_rank
from jaxgan.models.layers.weights import Singular

KEY = jax.random.key(0)
DENSE, CONV = nn.Dense(6, use_bias=False), nn.Conv(7, (3, 3), use_bias=False)
IMPULSES = {DENSE: jnp.eye(10), CONV: jnp.pad(jnp.eye(3)[:, None, None], ((0, 0), (1, 1), (1, 1), (0, 0)))}


def kernel(layer, norm):
    """The initial kernel, the one it becomes, and what the layer is called with after many steps there."""
    module, x = Reweighted(layer, norm), IMPULSES[layer]

    @jax.jit
    def trained():
        variables = module.init(KEY, x, False)
        first = variables["params"]["layer"]["kernel"]
        w = first + 0.3 * jax.random.normal(jax.random.key(5), first.shape)  # training has moved it
        params = {"layer": {"kernel": w}}

        def step(spectral, _):
            y, new = module.apply({"params": params, "spectral": spectral}, x, True, mutable="spectral")
            return new["spectral"], y

        spectral, responses = jax.lax.scan(step, variables["spectral"], None, 60)
        return first, w, responses[-1], module.apply({"params": params, "spectral": spectral}, x, False)

    first, w, training, evaluated = (np.asarray(a, np.float64) for a in trained())
    np.testing.assert_array_equal(training, evaluated)  # one sigma for both
    return first, w, evaluated if layer is DENSE else np.moveaxis(evaluated, 0, 2)[::-1, ::-1]


def exact(w):
    """The largest singular value and its vectors."""
    v, s, u = np.linalg.svd(w.reshape(-1, w.shape[-1]))
    return s[0], v[:, 0], u[0]


def sigmas(w):
    return np.linalg.svd(w.reshape(-1, w.shape[-1]), compute_uv=False)


@pytest.mark.parametrize("layer", [DENSE, CONV])
def test_stable_rank_is_the_share_of_the_rank(layer):
    _, w, used = kernel(layer, stable_rank(0.4))
    s = sigmas(used)
    assert s[0] == pytest.approx(1, rel=1e-4)
    assert np.square(s).sum() == pytest.approx(0.4 * len(s), rel=1e-4)
    before = sigmas(w)  # the others keep their proportions
    np.testing.assert_allclose(s[1:] / s[1], before[1:] / before[1], rtol=1e-3)


def test_a_stable_rank_below_the_bound_is_spectral_norm():
    _, w, used = kernel(CONV, stable_rank(1.0))
    np.testing.assert_allclose(used, w / sigmas(w)[0], rtol=1e-4, atol=1e-6)
    s, singular = sigmas(used), Singular(*exact(w))
    share = np.square(s).sum() / len(s)
    below, above = (np.asarray(stable_rank(share + d).apply(w, (singular,), ())) for d in (0.01, -0.01))
    np.testing.assert_allclose(below, used, rtol=1e-4, atol=1e-6)
    assert np.abs(above - used).max() > 1e-4


def test_bidirectional_divides_by_both_reshapings():
    _, w, used = kernel(CONV, bidirectional(1.5))
    outputs = np.linalg.norm(w.reshape(-1, 7), 2)
    inputs = np.linalg.norm(np.moveaxis(w, 2, 0).reshape(3, -1), 2)
    assert outputs != pytest.approx(inputs, rel=0.01)
    np.testing.assert_allclose(used, 1.5 * w / ((outputs + inputs) / 2), rtol=1e-4, atol=1e-6)
    _, w, used = kernel(DENSE, bidirectional())
    np.testing.assert_allclose(used, w / sigmas(w)[0], rtol=1e-4, atol=1e-6)


def test_initial_spectral_keeps_the_initial_size():
    first, w, used = kernel(DENSE, initial_spectral())
    np.testing.assert_allclose(used, w * sigmas(first)[0] / sigmas(w)[0], rtol=2e-3)


def test_at_the_start_initial_spectral_is_the_layer_itself_and_parameters_are_not_divided():
    x = IMPULSES[DENSE]
    same, variables = jax.jit(lambda: Reweighted(DENSE, initial_spectral()).init_with_output(KEY, x, False))()
    np.testing.assert_allclose(same, variables["params"]["layer"]["kernel"], rtol=1e-5)


def stable_rank_by_numpy(w, v, u, rank=0.4 * 4):
    rest = w / (v @ w @ u) - np.outer(v, u)
    return np.outer(v, u) + rest * np.sqrt((rank - 1) / np.trace(rest.T @ rest))


@pytest.mark.parametrize(
    ("norm", "by_numpy"),
    [
        (stable_rank(0.4), stable_rank_by_numpy),
        (bidirectional(), lambda w, v, u: w / np.linalg.norm(w, 2)),
        (initial_spectral(), lambda w, v, u: 2.5 * w / np.linalg.norm(w, 2)),
    ],
)
def test_the_gradient_flows_through_sigma(norm, by_numpy):
    """Of <A, W'>, by finite differences; the singular vectors u, v are constants."""
    with jax.enable_x64(True):
        a, w = np.asarray(jax.random.normal(KEY, (2, 5, 4)))
        _, v, u = exact(w)

        def loss(w):
            return (a * norm.apply(w, (Singular(v @ w @ u, v, u),), (2.5,))).sum()

        slope = np.asarray(jax.grad(loss)(jnp.asarray(w)))
    for i, j in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[i, j] = 1e-6
        up, down = (np.sum(a * by_numpy(w + sign * step, v, u)) for sign in (1, -1))
        assert slope[i, j] == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("module", "x"),
    [
        (mlp.Discriminator((4,), norm=stable_rank(0.5), classes=3), jnp.ones((2, 2))),
        (dcgan.Discriminator(2, norm=bidirectional(), classes=3), jnp.ones((2, 8, 8, 1))),
        (sngan.Discriminator(2, 3, norm=initial_spectral()), jnp.ones((2, 8, 8, 1))),
    ],
)
def test_networks_take_them(module, x):
    """Points and pictures, an embedding, half precision; their state is spectral and nothing else."""
    network, label = jg.bfloat16(jg.from_linen(module)), jnp.array([0, 2])

    def train():
        params, stats = network.init(KEY, x, label)
        return stats, *network.apply(params, stats, x, label, train=True)

    stats, logit, new = jax.eval_shape(train)
    assert set(stats) == {"spectral"}
    assert logit.shape == (2,)
    assert jax.tree.map(jax.typeof, new) == jax.tree.map(jax.typeof, stats)


def test_an_average_of_the_generator_copies_the_vectors():
    """Of unit vectors that would not be one."""
    network, average = jg.from_linen(mlp.Generator((2,), (), norm=stable_rank(0.5))), jg.ema(0.9)

    @jax.jit
    def averaged():
        params, stats = network.init(KEY, jnp.ones((2, 3)))
        params = jax.tree.map(lambda x: x + jax.random.normal(KEY, x.shape), params)
        _, new = network.apply(params, stats, jnp.ones((2, 3)), train=True)
        return stats, new, average.update(average.init(params, stats), params, new, jnp.int32(9))[1]

    stats, new, kept = averaged()
    jax.tree.map(np.testing.assert_array_equal, kept, new)
    assert any((a != b).any() for a, b in zip(jax.tree.leaves(stats), jax.tree.leaves(new), strict=True))


def test_what_does_not_exist_is_refused():
    with pytest.raises(jg.Refused, match="the share of a stable rank must be above 0 and at most 1, not 0"):
        stable_rank(0)
    with pytest.raises(jg.Refused, match=r"there is no norm 'weight'.*or a WeightNorm"):
        call_layer(DENSE, IMPULSES[DENSE], "weight", True)
