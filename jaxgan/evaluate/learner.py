"""The training of the small classifier, one step at a time: for the local extractor and `jaxgan augment`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.models.classifier import Classifier
from jaxgan.parts.rng import each
from jaxgan.parts.types import Array, Augment, Key, PyTree

BLOCK = 256  # examples of which logits are computed at a time


class Learner(NamedTuple):
    """A classifier that learns by Adam on the cross entropy, at a rate that falls to 0 by a cosine.

    `step` is compiled once for every batch of one size, whichever examples are in it. Not a scan over steps:
    in one, gradients of convolutions are many times slower on CPU.
    """

    init: Callable[[Key, np.ndarray], PyTree]  # (key, x) -> state
    step: Callable[..., PyTree]  # (state, x, label, key=None) -> state; the key is of the augmentation
    params: Callable[[PyTree], Any]
    outputs: Callable[[PyTree, np.ndarray], tuple[np.ndarray, np.ndarray]]  # (state, x) -> features, logits


def learner(module: Classifier, rate: float, steps: int, augment: Augment | None = None) -> Learner:
    """Returns a learner for so many steps; `augment` changes the images of each batch.

    >>> made = learner(Classifier(2), 1e-3, 10)
    >>> x = np.zeros((4, 8, 8, 1), np.float32)
    >>> state = made.step(made.init(jax.random.key(0), x[:1]), x, np.array([0, 1, 0, 1]))
    >>> made.outputs(state, x)[1].shape
    (4, 2)
    """
    tx = optax.adam(optax.cosine_decay_schedule(rate, steps))

    initialise = jax.jit(module.init)

    def init(key: Key, x: np.ndarray) -> PyTree:
        params = initialise(key, x)["params"]
        return params, tx.init(params)

    def loss(params: Any, x: Array, label: Array) -> Array:
        logits = module.apply({"params": params}, x)[1]
        return optax.softmax_cross_entropy_with_integer_labels(logits, label).mean()

    @jax.jit
    def step(state: PyTree, x: Array, label: Array, key: Key | None = None) -> PyTree:
        params, opt_state = state
        if augment is not None:
            assert key is not None
            x = jax.vmap(augment)(each(key, jnp.arange(len(x))), x)
        updates, opt_state = tx.update(jax.grad(loss)(params, x, label), opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    apply = jax.jit(lambda params, x: module.apply({"params": params}, x))

    def outputs(state: PyTree, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        blocks = []
        for start in range(0, len(x), BLOCK):
            block = x[start : start + BLOCK]
            padded = np.concatenate([block, np.repeat(block[-1:], BLOCK - len(block), axis=0)])
            blocks.append([np.asarray(leaf)[: len(block)] for leaf in apply(state[0], padded)])
        features, logits = (np.concatenate(leaves) for leaves in zip(*blocks, strict=True))
        return features, logits

    return Learner(init, step, lambda state: state[0], outputs)
