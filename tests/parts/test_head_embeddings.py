"""Contrastive losses of D's embeddings: loops over pairs in NumPy, extremes, gradients, devices."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P
from parts.head_views import LABEL, SIZE, K, N, ce, losses, losses_sum, outputs, view

from jaxgan.parts import heads
from jaxgan.parts.types import Lowering
from jaxgan.scale.devices import DATA, data_mesh


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def unit(x):
    return np.asarray(x) / np.linalg.norm(x, axis=1, keepdims=True)


def contrastive_by_loops(embedding, proxy, label, temperature):
    e, p = unit(embedding), unit(proxy)
    values = []
    for i, y in enumerate(label):
        own = np.exp(e[i] @ p[y] / temperature)
        others = {j: np.exp(e[i] @ e[j] / temperature) for j in range(len(label)) if j != i}
        same = own + sum(s for j, s in others.items() if label[j] == y)
        values.append(-np.log(same / (own + sum(others.values()))))
    return np.array(values)


def data_to_data_by_loops(embedding, proxy, label, temperature, margin):
    e, p = unit(embedding), unit(proxy)
    values = []
    for i, y in enumerate(label):
        positive = np.exp(-max(margin - e[i] @ p[y], 0) / temperature)
        negative = [max(e[i] @ e[j] - (1 - margin), 0) for j in range(len(label)) if label[j] != y]
        values.append(-np.log(positive / (positive + np.exp(np.array(negative) / temperature).sum())))
    return np.array(values)


EMBEDDED = {
    "contrastive": (
        heads.contrastive(K, size=SIZE, temperature=0.3),
        partial(contrastive_by_loops, temperature=0.3),
    ),
    "data_to_data": (
        heads.data_to_data(K, 1.0, size=SIZE, temperature=0.4, margin=0.7),
        partial(data_to_data_by_loops, temperature=0.4, margin=0.7),
    ),
}


@pytest.mark.parametrize("name", EMBEDDED)
def test_losses_of_embeddings_equal_loops_over_pairs(name):
    task, by_loops = EMBEDDED[name]
    proxy = outputs(K, SIZE)
    real, fake = outputs(N, SIZE), outputs(N, SIZE)
    v = view({"embedding": real, "proxy": proxy}, {"embedding": fake, "proxy": proxy})
    np.testing.assert_allclose(losses(task.d_terms, v)[name], by_loops(real, proxy, LABEL))
    np.testing.assert_allclose(losses(task.g_terms, v)[name], by_loops(fake, proxy, LABEL))
    label = np.where(np.arange(N) % 3, LABEL, -1)  # unknown ones are as if they were not there
    known = label >= 0
    found = losses(task.d_terms, view({"embedding": real, "proxy": proxy}, (), label))[name]
    np.testing.assert_allclose(found[known], by_loops(real[known], proxy, label[known]))
    assert (found[~known] == 0).all()


def test_contrastive_loss_in_two_extremes():
    """All of one class: 0. No two of one class: the cross entropy of the proxy among all others."""
    proxy, embedding = outputs(N, SIZE), outputs(N, SIZE)
    task = heads.contrastive(N, size=SIZE, temperature=0.5)
    v = view({"embedding": embedding, "proxy": proxy}, (), np.zeros(N, int))
    np.testing.assert_allclose(losses(task.d_terms, v)["contrastive"], 0, atol=1e-12)
    label = np.arange(N)
    scores = unit(embedding) @ unit(embedding).T / 0.5
    np.fill_diagonal(scores, (unit(embedding) * unit(proxy)).sum(axis=1) / 0.5)
    v = view({"embedding": embedding, "proxy": proxy}, (), label)
    np.testing.assert_allclose(losses(task.d_terms, v)["contrastive"], ce(scores, label))


def test_easy_examples_cost_the_logarithm_of_one_and_the_others():
    """B 16, 14 others of other classes: log 15. Shifting the negatives alone by their maximum gives less."""
    label = np.repeat(np.arange(8), 2)
    proxy = jnp.eye(8)
    v = view({"embedding": proxy[label], "proxy": proxy}, (), label)
    value = losses(heads.data_to_data(8, 1.0, size=8).d_terms, v)["data_to_data"]
    np.testing.assert_allclose(value, np.log(15))
    assert round(float(value[0]), 2) == 2.71


def test_embeddings_are_compared_by_direction_alone_and_zeros_have_a_finite_gradient():
    task = heads.data_to_data(K, size=SIZE)
    embedding, proxy = outputs(N, SIZE), outputs(K, SIZE)
    v = view({"embedding": embedding, "proxy": proxy})
    scaled = view({"embedding": 7 * embedding, "proxy": proxy / 3})
    np.testing.assert_allclose(*(losses(task.d_terms, x)["data_to_data"] for x in (v, scaled)))
    zeros = jnp.zeros((N, SIZE))
    slope = jax.grad(lambda e: losses_sum(task.d_terms, view({"embedding": e, "proxy": proxy})))(zeros)
    assert jnp.isfinite(slope).all()


@pytest.mark.parametrize("name", EMBEDDED)
def test_losses_of_embeddings_and_their_gradients_do_not_depend_on_the_devices(name):
    """The known bug backpropagates through a device's own rows only: 1 / W of the gradient on W devices."""
    (term,), x, label = EMBEDDED[name][0].d_terms, outputs(N, 3), jnp.asarray(LABEL)
    w, proxy = outputs(3, SIZE), outputs(K, SIZE)

    def gradient(lowering, w, proxy, x, label):
        def loss(w, proxy):
            v = view({"embedding": x @ w, "proxy": proxy}, (), label, lowering=lowering)
            return lowering.mean(term.apply(v, ())[0])

        value, slope = jax.value_and_grad(loss, (0, 1))(w, proxy)
        return value, lowering.average(slope)

    def by_loops(w, proxy):
        return EMBEDDED[name][1](x @ w, proxy, LABEL).mean()

    single = jax.jit(partial(gradient, Lowering()))(w, proxy, x, label)
    np.testing.assert_allclose(single[0], by_loops(w, proxy))
    step, towards = 1e-5, (outputs(3, SIZE), outputs(K, SIZE))
    ahead, behind = (by_loops(w + h * towards[0], proxy + h * towards[1]) for h in (step, -step))
    slope = sum((a * b).sum() for a, b in zip(single[1], towards, strict=True))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-6)
    for count in (1, 2, 4, 8):
        step = jax.shard_map(
            partial(gradient, Lowering(DATA)),
            mesh=data_mesh(jax.devices()[:count]),
            in_specs=(P(), P(), P(DATA), P(DATA)),
            out_specs=P(),
        )
        shared = jax.jit(step)(w, proxy, x, label)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-10, err_msg=str(count)), single, shared)
