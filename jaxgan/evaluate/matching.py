"""A matcher of images and texts: two networks trained on real pairs, whose features agree for a pair."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan.data.kind import Image, Tokens
from jaxgan.data.source import Source, labelled
from jaxgan.errors import Refused
from jaxgan.evaluate.extractor import digest, in_blocks
from jaxgan.evaluate.store import Arrays, load_or_compute
from jaxgan.metrics.retrieval import r_precision
from jaxgan.models.classifier import Classifier
from jaxgan.models.words import Encoder

EXAMPLES = 20_000  # to train on, at most
HELD_BACK = 10  # one example in so many is not trained on, and measures the matcher
STEPS, BATCH, RATE = 1000, 128, 2e-3
SIZE, SHARPNESS = 64, 10.0  # of the features; the factor of cosines in the loss, as in AttnGAN
CANDIDATES = 100


class Matcher(NamedTuple):
    """`images` [n, H, W, C] -> features [n, d], `texts` [n, L] -> features [n, d], near for a pair by cosine.

    `precision` is the R-precision of real pairs that were held back from its training: what a perfect
    generator would score, except for noise. `digest` is a hash of the recipe and the training data.
    """

    images: Callable[[np.ndarray], np.ndarray]
    texts: Callable[[np.ndarray], np.ndarray]
    precision: float
    digest: str


def matcher(source: Source, name: str = "text") -> Matcher:
    """Returns the matcher of a source's images and their leaf `name`, trained on its examples or cached.

    A convolutional network and an encoder of words maximise log softmax(10 cos) of each image's own text
    among those of its batch, and of each text's own image (Xu et al., 2018, without attention to regions;
    equal texts are no mismatches). No seed is involved. It is for R-precision: the loss of a generator should
    use another one, or it would be measured by what it was trained on.

    >>> Matcher(len, len, 0.5, "").precision
    0.5
    """
    leaf = source.leaves.get(name)
    if leaf is None or not isinstance(leaf.kind, Tokens) or not isinstance(source.kind, Image):
        leaves = ", ".join(f"{n} {type(of.kind).__name__}" for n, of in sorted(source.leaves.items()))
        raise Refused(f"a matcher needs images x with texts {name}, and the data have {leaves}")
    pairs = labelled(source, EXAMPLES)
    data: Arrays = {"x": pairs["x"], "text": pairs[name]}
    modules = {"images": Classifier(SIZE), "texts": Encoder(len(leaf.kind.vocabulary), SIZE)}
    recipe = f"matcher 1 {modules} {STEPS} {BATCH} {RATE} {SHARPNESS} {digest(data)}"
    arrays = dict(load_or_compute(recipe, partial(_train, modules, data), "training a matcher of texts"))
    precision = float(arrays.pop("precision"))
    weights = unflatten_dict(arrays, sep="/")
    images, texts = (in_blocks(partial(_features, modules[n]), weights[n]) for n in ("images", "texts"))
    return Matcher(images, texts, precision, digest(recipe.encode()))


def _features(module: Any, params: Any, x: jax.Array) -> jax.Array:
    return module.apply({"params": params}, x)[1]  # logits of the classifier, the vector of a whole text


def _train(modules: Any, data: Arrays) -> Arrays:
    """Returns the weights, and the R-precision on the pairs held back."""
    random = np.random.RandomState(0)  # a stream that numpy has frozen
    held_back, train = np.split(random.permutation(len(data["x"])), [max(len(data["x"]) // HELD_BACK, 1)])
    tx = optax.adam(optax.cosine_decay_schedule(RATE, STEPS))
    inputs = {"images": data["x"], "texts": data["text"]}
    params = {
        name: jax.jit(module.init)(jax.random.key(0), inputs[name][:1])["params"]
        for name, module in modules.items()
    }

    def loss(params: Any, x: jax.Array, text: jax.Array) -> jax.Array:
        rows = [_features(modules[n], params[n], of) for n, of in (("images", x), ("texts", text))]
        images, texts = (h / (jnp.linalg.norm(h, axis=1, keepdims=True) + 1e-6) for h in rows)
        equal = (text[:, None] == text[None]).all(axis=-1) & ~jnp.eye(len(text), dtype=bool)
        scores = jnp.where(equal, -jnp.inf, SHARPNESS * images @ texts.T)
        own = jnp.arange(len(text))
        cross_entropy = optax.softmax_cross_entropy_with_integer_labels
        return (cross_entropy(scores, own) + cross_entropy(scores.T, own)).mean() / 2

    @jax.jit
    def step(params: Any, opt_state: Any, x: jax.Array, text: jax.Array) -> tuple:
        updates, opt_state = tx.update(jax.grad(loss)(params, x, text), opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    opt_state = tx.init(params)
    for _ in range(STEPS):
        rows = train[random.randint(0, len(train), BATCH)]
        params, opt_state = step(params, opt_state, data["x"][rows], data["text"][rows])
    said = data["text"][held_back]
    images, texts = (
        in_blocks(partial(_features, modules[n]), params[n])(inputs[n][held_back])
        for n in ("images", "texts")
    )
    candidates = min(CANDIDATES, len(np.unique(said, axis=0)))
    precision = r_precision(images, texts, said, candidates).value if candidates > 1 else np.nan
    weights = {name: np.asarray(leaf) for name, leaf in flatten_dict(params, sep="/").items()}
    return {**weights, "precision": np.asarray(precision)}
