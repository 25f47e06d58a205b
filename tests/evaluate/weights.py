"""Fixed random weights for InceptionV3 under PyTorch's names, and images as its inputs."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.models.inception import InceptionV3

LETTERS = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}


def state_dict() -> dict[str, np.ndarray]:
    """Arrays drawn by their names, large enough that exchanging two of them changes the output."""
    shapes = jax.eval_shape(InceptionV3().init, jax.random.key(0), jnp.zeros((1, 299, 299, 3)))
    result = {"fc.bias": _normal("fc.bias", (1008,))}
    for path, leaf in jax.tree_util.tree_flatten_with_path(shapes)[0]:
        _, *place, kind = (key.key for key in path)
        name = ".".join([*place, LETTERS[kind]])
        if kind == "kernel":
            shape = (*leaf.shape[:-3:-1], *leaf.shape[:-2])  # out, in, height, width
            result[name] = _normal(name, shape) * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        else:
            shift, size = {"scale": (1, 0.1), "bias": (0.1, 0.1), "mean": (0, 0.1), "var": (0, 0.3)}[kind]
            x = np.float32(shift) + np.float32(size) * _normal(name, leaf.shape)
            result[name] = np.exp(x) if kind == "var" else x
    return result


def _normal(name: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)


def images(n: int, side: int, seed: int = 0) -> np.ndarray:
    """Images of 8 bits, smooth enough that resizers differ little."""
    coarse = np.random.RandomState(seed).randint(0, 256, (n, 4, 4, 3)).astype(np.float32)
    place = np.linspace(0, 3, side)
    low = np.minimum(place.astype(int), 2)
    share = (place - low).astype(np.float32)[:, None]
    rows = coarse[:, low] * (1 - share[:, None]) + coarse[:, low + 1] * share[:, None]
    return (rows[:, :, low] * (1 - share) + rows[:, :, low + 1] * share).round().astype(np.uint8)
