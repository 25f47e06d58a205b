"""A view of a D whose features are tanh(x w), and the means and slopes of terms on any number of devices."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P

from jaxgan.parts.output import Output
from jaxgan.parts.types import Lowering, View
from jaxgan.scale.devices import DATA, data_mesh

W = jax.random.normal(jax.random.key(11), (3, 5))
REAL, FAKE = jax.random.normal(jax.random.key(12), (2, 16, 3)) * jnp.array([[[1.0]], [[0.6]]]) + 0.2
KEYS = jax.random.split(jax.random.key(13), 16)


def plain(x, w):
    return x if w is None else jnp.tanh(x @ w)


def view(real, fake, w=None, keys=None, lowering=Lowering(), step=0, features=plain):  # noqa: B008
    """With `w` None features are the examples themselves; the logit is their sum."""

    def judge(x):
        h = features(x, w)
        return Output(h.sum(axis=1), {"features": (x, h), "code": h})

    on_real, on_fake = judge(real), judge(fake)
    return View(
        real=real,
        fake=fake,
        real_plain=real,
        fake_plain=fake,
        real_out=on_real.logit,
        fake_out=on_fake.logit,
        real_heads=on_real.heads,
        fake_heads=on_fake.heads,
        given={},
        z=fake,
        d=lambda x: judge(x).logit,
        judge=judge,
        real_gradient=None,
        fake_gradient=None,
        g=None,
        averaged=None,
        keys=jax.random.split(jax.random.key(13), len(real)) if keys is None else keys,
        step=jnp.int32(step),
        lowering=lowering,
    )


def rows(term, seen):
    """The loss of a stateless term, as one program."""
    arrays = {name: getattr(seen, name) for name in ("real", "fake", "real_heads", "fake_heads", "keys")}
    logits = {name: getattr(seen, name) for name in ("real_out", "fake_out")}
    return jax.jit(lambda arrays: term.apply(seen._replace(**arrays), term.init())[0])({**arrays, **logits})


def agree_on_devices(terms, counts):
    """Asserts that means of terms, and the gradient of a sum of them with weights that tell them apart, are
    those of one device, however many share the batch."""
    weights = jnp.arange(1.0, len(terms) + 1) / len(terms)

    def means(lowering, w, real, fake, keys):
        def total(w):
            seen = view(real, fake, w, keys, lowering)
            each = jnp.stack([lowering.mean(term.apply(seen, ())[0]) for term in terms])
            return (weights * each).sum(), each

        (_, each), slope = jax.value_and_grad(total, has_aux=True)(w)
        return each, lowering.average(slope)

    alone = jax.jit(lambda *parts: means(Lowering(), *parts))(W, REAL, FAKE, KEYS)
    for count in counts:
        shared = jax.jit(
            jax.shard_map(
                lambda *parts: means(Lowering(DATA), *parts),
                mesh=data_mesh(jax.devices()[:count]),
                in_specs=(P(), P(DATA), P(DATA), P(DATA)),
                out_specs=P(),
            )
        )(W, REAL, FAKE, KEYS)
        for a, b in zip(alone, shared, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5, err_msg=f"on {count} devices")
