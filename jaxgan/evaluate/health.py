"""A hook for signs of trouble that losses do not show: diversity, spectral norms, lag of the average."""

from collections.abc import Callable, Mapping

import jax
import numpy as np

from jaxgan.data.source import Source, examples
from jaxgan.errors import Refused
from jaxgan.parts.types import Params
from jaxgan.run.experiment import Moment

COUNT = 256  # samples whose pairwise distances are computed


def health(source: Source) -> Callable[[Moment], Mapping[str, float]]:
    """Returns a hook: the diversity of samples, the lag of the average, the layers' spectral norms.

    `diversity` is E|X - X'| of samples over that of examples: 1 where they vary as much, 0 where all are the
    same. `g/average` is |averaged - current| / |current| of G's parameters. `g/spectral/LAYER` and
    `d/spectral/LAYER` are the largest singular values of each kernel [in, out] as it is stored, before any
    normalisation.

    >>> import jaxgan as jg
    >>> from jaxgan.data import load
    >>> hook = jg.Hook(500, health(load("ring")))
    """
    real_distance: list[float] = []  # computed at the first call

    def call(moment: Moment) -> Mapping[str, float]:
        if not real_distance:
            real_distance.append(mean_distance(examples(source, COUNT)))
            if not real_distance[0]:
                raise Refused("the examples are all the same: the diversity of samples cannot be compared")
        state = moment.state
        numbers = {"diversity": mean_distance(moment.sample(state.generator, COUNT)) / real_distance[0]}
        if state.ema is not None:
            pairs = zip(jax.tree.leaves(state.ema.params), jax.tree.leaves(state.g.params), strict=True)
            lag, size = np.sum([(_squared_norm(a - b), _squared_norm(b)) for a, b in pairs], axis=0)
            numbers["g/average"] = float(np.sqrt(lag / size)) if size else 0.0
        for who, player in (("g", state.g), ("d", state.d)):
            norms = spectral_norms(player.params)
            numbers |= {f"{who}/spectral/{layer}": value for layer, value in norms.items()}
        return numbers

    return call


def mean_distance(x: np.ndarray) -> float:
    """Returns the mean distance between two different examples of x [n, ...].

    >>> mean_distance(np.array([[0.0], [0.0], [3.0]]))
    2.0
    """
    x = np.asarray(x, np.float64).reshape(len(x), -1)
    squared = np.square(x).sum(axis=1)
    squares = np.maximum(squared[:, None] + squared - 2 * x @ x.T, 0.0)
    np.fill_diagonal(squares, 0.0)
    return float(np.sqrt(squares).sum() / (len(x) * (len(x) - 1)))


def spectral_norms(params: Params) -> dict[str, float]:
    """Returns the largest singular value of every leaf with two or more axes, as a matrix [others, last].

    >>> spectral_norms({"dense": {"kernel": np.diag([3.0, 4.0]), "bias": np.ones(2)}})
    {'dense': 4.0}
    """
    norms = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(params)[0]:
        if np.ndim(leaf) < 2:
            continue
        matrix = np.asarray(leaf, np.float64).reshape(-1, np.shape(leaf)[-1])
        gram = matrix @ matrix.T if len(matrix) < matrix.shape[1] else matrix.T @ matrix
        name = "/".join(str(getattr(key, "key", getattr(key, "name", key))) for key in path)
        norms[name.removesuffix("/kernel")] = float(np.sqrt(max(np.linalg.eigvalsh(gram)[-1], 0.0)))
    return norms


def _squared_norm(x: jax.Array) -> float:
    return float(np.square(np.asarray(x, np.float64)).sum())
