"""The local extractor: features of a small classifier that is trained on the run's own data.

If no large pretrained network suits the data, or none is available, a Frechet distance in these features
detects one lost mode of ten far better than pixels or random features do. It is FD-local, never to be called
FID. Numbers are comparable if the classifier's digest is the same: that of its recipe and its training data,
since the last bit of its weights depends on the number of cores.
"""

import hashlib
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan.data.kind import Image
from jaxgan.data.source import Source, labelled
from jaxgan.errors import Refused
from jaxgan.evaluate.extractor import Extractor, Outputs, digest, in_blocks
from jaxgan.evaluate.learner import learner
from jaxgan.evaluate.store import Arrays, load_or_compute
from jaxgan.models.classifier import Classifier
from jaxgan.parts.frozen import Frozen
from jaxgan.parts.network import Network

EXAMPLES, BYTES = 20_000, 2**28  # to train on, at most
HELD_BACK = 10  # one example in so many is not trained on, and measures the accuracy
STEPS, BATCH, RATE = 800, 128, 2e-3


def local(source: Source) -> Extractor:
    """Returns the features [n, 64] of a classifier trained on the examples of a source, or cached before.

    It learns the labels or, with fewer than two classes, by how many quarter turns an image was rotated
    (Gidaris et al., 2018). For stacked images the classifier of the single channels is applied to each
    channel, and features and logits are concatenated. No seed is involved. The weights are kept in the user's
    cache, by a hash of the examples.

    >>> from jaxgan.data import load
    >>> extractor = local(load("digits"))
    >>> extractor.apply(np.zeros((3, 8, 8, 1), np.float32)).logits.shape
    (3, 10)
    """
    if source.channels is not None:
        return _by_channel(local(source.channels))
    trained = _trained(source)
    compiled = in_blocks(trained.module.apply, {"params": trained.params})
    note = (
        f"its accuracy is {100 * trained.accuracy:.1f} % on the {trained.task} of examples held back from it"
    )

    def apply(x: np.ndarray) -> Outputs:
        if x.shape[1:] != source.shape:
            raise Refused(f"a classifier of examples {source.shape} cannot be applied to {x.shape[1:]}")
        return Outputs(*compiled(np.asarray(x, np.float32)))

    recipe_digest = hashlib.sha256(trained.recipe.encode()).hexdigest()
    weights = flatten_dict(trained.params, sep="/")
    return Extractor("local", recipe_digest, "none", apply, note, digest(weights))


def local_classifier(source: Source) -> Frozen:
    """Returns the classifier of `--extractor local` as a fixed network, for perceptual losses and teachers.

    It maps images [n, H, W, C] to "features" [n, 64], "logits" [n, classes] and "maps", the outputs
    [n, h, w, C] of its convolutions, first to last. It is trained on the examples of a source, or read from
    the user's cache; for what it learns see the extractor. A loss in its maps:
    `jg.feature_distance("local_maps", jg.local_classifier(source), lambda h: h["maps"])`.

    >>> from jaxgan.data import load
    >>> frozen = local_classifier(load("digits"))
    >>> output, _ = frozen.network.apply(frozen.params, {}, np.zeros((3, 8, 8, 1), np.float32))
    >>> output["features"].shape, [x.shape for x in output["maps"]]
    ((3, 64), [(3, 8, 8, 16), (3, 4, 4, 32)])
    """
    if source.channels is not None:
        raise Refused("stacked images have a classifier of their single channels: give the source of those")
    trained = _trained(source)

    def init(key: jax.Array, x: Any) -> tuple[Any, Any]:
        return trained.module.init(key, x)["params"], {}

    def apply(params: Any, stats: Any, x: Any, key: Any = None, train: bool = False) -> tuple[Any, Any]:
        (features, logits), captured = trained.module.apply(
            {"params": params}, x, capture_intermediates=lambda module, _: isinstance(module, nn.Conv)
        )
        layers: Any = captured["intermediates"]
        maps = tuple(layers[f"Conv_{i}"]["__call__"][0] for i in range(len(layers)))
        return {"features": features, "logits": logits, "maps": maps}, stats

    return Frozen(Network(init, apply), trained.params)


class _Trained(NamedTuple):
    module: Classifier
    params: Any
    accuracy: float
    task: str
    recipe: str


def _trained(source: Source) -> _Trained:
    if not isinstance(source.kind, Image):
        raise Refused(f"the local extractor is for images, not for examples of shape {source.shape}")
    has_labels = source.classes > 1  # a single class teaches nothing
    if not has_labels and source.shape[0] != source.shape[1]:
        raise Refused(f"without labels only square images can be learnt from, not {source.shape}: crop first")
    data: Arrays = labelled(source, min(EXAMPLES, BYTES // (4 * int(np.prod(source.shape)))))
    if len(data["x"]) < 2:
        raise Refused("a classifier cannot be trained on one example: give more, or use the raw extractor")
    if not has_labels:
        data = _rotate(data["x"])
    module = Classifier(source.classes if has_labels else 4)
    params = jax.eval_shape(module.init, jax.random.key(0), data["x"][:1])["params"]
    shapes = sorted((name, leaf.shape) for name, leaf in flatten_dict(params, sep="/").items())
    recipe = f"local 2 {shapes} {STEPS} {BATCH} {RATE} {digest(data)}"  # all seeds are fixed
    doing = "training a classifier to measure with"
    arrays = load_or_compute(recipe, partial(_train, module, data), doing)
    weights = {name: leaf for name, leaf in arrays.items() if name != "accuracy"}
    task = "labels" if has_labels else "quarter turns"
    return _Trained(module, unflatten_dict(weights, sep="/"), float(arrays["accuracy"]), task, recipe)


def _train(module: Classifier, data: Arrays) -> Arrays:
    """Returns the weights, and the accuracy on the examples held back."""
    x, label = data["x"], data["label"]
    random = np.random.RandomState(0)  # a stream that numpy has frozen
    held_back, train = np.split(random.permutation(len(x)), [max(len(x) // HELD_BACK, 1)])
    learn = learner(module, RATE, STEPS)
    state = learn.init(jax.random.key(0), x[:1])
    for _ in range(STEPS):
        rows = train[random.randint(0, len(train), BATCH)]
        state = learn.step(state, x[rows], label[rows])
    params = learn.params(state)
    predicted = in_blocks(module.apply, {"params": params})(x[held_back])[1].argmax(axis=1)
    weights = {name: np.asarray(leaf) for name, leaf in flatten_dict(params, sep="/").items()}
    return {**weights, "accuracy": np.mean(predicted == label[held_back])}


def _rotate(x: np.ndarray) -> Arrays:
    """Returns every image rotated by a random number of quarter turns, and that number as its label."""
    label = np.random.RandomState(1).randint(0, 4, len(x))
    rotated = np.stack([np.rot90(image, k) for image, k in zip(x, label, strict=True)])
    return {"x": rotated, "label": label.astype(np.int32)}


def _by_channel(extractor: Extractor) -> Extractor:
    def apply(x: np.ndarray) -> Outputs:
        channels = np.moveaxis(x, -1, 1)
        outputs = extractor.apply(channels.reshape(-1, *channels.shape[2:])[..., None])
        assert outputs.logits is not None
        return Outputs(outputs.features.reshape(len(x), -1), outputs.logits.reshape(len(x), -1))

    return extractor._replace(name="local by channel", apply=apply)
