"""Features of the data's own kind: a small classifier, trained on the spot on what the run is trained on.

Where no large network fits, or none can be had, a Frechet distance in these features tells one lost mode of
ten from none far better than pixels or random features do. It is FD-local, never to be called FID, and
numbers are comparable where the classifier's digest is the same: that of its recipe and of what it has learnt
from, for the last bit of its weights depends on how many cores there are.
"""

import hashlib
from functools import partial
from typing import Any

import jax
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan.data.kind import Image
from jaxgan.data.source import Source, labelled
from jaxgan.errors import Refused
from jaxgan.evaluate.extractor import Extractor, Seen, digest, in_blocks
from jaxgan.evaluate.store import Arrays, stored
from jaxgan.models.classifier import Classifier

EXAMPLES, BYTES = 20_000, 2**28  # to learn from at most
HELD_BACK = 10  # one in so many is not learnt from, but asked about afterwards
STEPS, BATCH, RATE = 800, 128, 2e-3


def local(source: Source) -> Extractor:
    """Features [n, 64] of a classifier that is trained on the examples of a source, or was before.

    It learns the labels or, where there are not two, by how many quarter turns an image was turned (Gidaris
    et al., 2018). Of stacked images every channel is seen by the classifier of what is stacked, features and
    logits side by side. Nothing of it depends on a seed. The weights are kept in the user's cache, by a hash
    of the examples.

    >>> from jaxgan.data import load
    >>> extractor = local(load("digits"))
    >>> extractor.apply(np.zeros((3, 8, 8, 1), np.float32)).logits.shape
    (3, 10)
    """
    if source.channels is not None:
        return _by_channel(local(source.channels))
    if not isinstance(source.kind, Image):
        raise Refused(f"a classifier of images cannot see examples of shape {source.shape}")
    told = source.classes > 1  # one alone teaches nothing
    if not told and source.shape[0] != source.shape[1]:
        raise Refused(f"without labels only square images can be learnt from, not {source.shape}: crop first")
    data: Arrays = labelled(source, min(EXAMPLES, BYTES // (4 * int(np.prod(source.shape)))))
    if len(data["x"]) < 2:
        raise Refused("a classifier cannot be trained on one example: give more, or see them as they are")
    if not told:
        data = _turned(data["x"])
    module = Classifier(source.classes if told else 4)
    params = jax.eval_shape(module.init, jax.random.key(0), data["x"][:1])["params"]
    shapes = sorted((name, leaf.shape) for name, leaf in flatten_dict(params, sep="/").items())
    recipe = f"local 2 {shapes} {STEPS} {BATCH} {RATE} {digest(data)}"  # and seed 0, throughout
    flat = stored(recipe, partial(_trained, module, data))
    weights = {name: leaf for name, leaf in flat.items() if name != "accuracy"}
    see = in_blocks(module.apply, {"params": unflatten_dict(weights, sep="/")})
    asked = "labels" if told else "quarter turns"
    note = (
        f"right about {100 * float(flat['accuracy']):.1f} % of the {asked} of examples it has not learnt from"
    )
    made = hashlib.sha256(recipe.encode()).hexdigest()

    def apply(x: np.ndarray) -> Seen:
        if x.shape[1:] != source.shape:
            raise Refused(f"a classifier of examples {source.shape} cannot see examples {x.shape[1:]}")
        return Seen(*see(np.asarray(x, np.float32)))

    return Extractor("local", made, "none", apply, note, digest(weights))


def _trained(module: Classifier, data: Arrays) -> Arrays:
    """Adam on the cross entropy, the rate falling to 0 by a cosine; and the share of the others it knows."""
    x, label = data["x"], data["label"]
    order = np.random.RandomState(0)  # a stream that numpy has frozen
    asked, known = np.split(order.permutation(len(x)), [max(len(x) // HELD_BACK, 1)])
    tx = optax.adam(optax.cosine_decay_schedule(RATE, STEPS))
    params = jax.jit(module.init)(jax.random.key(0), x[:1])["params"]

    def loss(params: Any, x: jax.Array, label: jax.Array) -> jax.Array:
        logits = module.apply({"params": params}, x)[1]
        return optax.softmax_cross_entropy_with_integer_labels(logits, label).mean()

    @jax.jit
    def step(params: Any, memory: Any, x: jax.Array, label: jax.Array) -> tuple:
        updates, memory = tx.update(jax.grad(loss)(params, x, label), memory, params)
        return optax.apply_updates(params, updates), memory

    memory = tx.init(params)
    for _ in range(STEPS):
        chosen = known[order.randint(0, len(known), BATCH)]
        params, memory = step(params, memory, x[chosen], label[chosen])
    said = in_blocks(module.apply, {"params": params})(x[asked])[1].argmax(axis=1)
    flat = {name: np.asarray(leaf) for name, leaf in flatten_dict(params, sep="/").items()}
    return {**flat, "accuracy": np.mean(said == label[asked])}


def _turned(x: np.ndarray) -> Arrays:
    """Every image at one of four angles, and which."""
    label = np.random.RandomState(1).randint(0, 4, len(x))
    turned = np.stack([np.rot90(image, k) for image, k in zip(x, label, strict=True)])
    return {"x": turned, "label": label.astype(np.int32)}


def _by_channel(one: Extractor) -> Extractor:
    def apply(x: np.ndarray) -> Seen:
        channels = np.moveaxis(x, -1, 1)
        seen = one.apply(channels.reshape(-1, *channels.shape[2:])[..., None])
        assert seen.logits is not None
        return Seen(seen.features.reshape(len(x), -1), seen.logits.reshape(len(x), -1))

    return one._replace(name="local by channel", apply=apply)
