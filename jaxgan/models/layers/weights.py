"""Normalisation of a layer's weights by their singular values, other than plain spectral norm.

A kernel [..., outputs] is read as the matrix [rest, outputs]. Singular vectors are found by power iteration,
20 steps at the start and one per call in training, and stored in the collection "spectral". Gradients flow
through the singular values, not through the vectors. Evaluation uses the vectors of the last step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.errors import Refused

Array = jax.Array
_START = 20  # power iterations at the start


class Singular(NamedTuple):
    """The largest singular value of a matrix, with its vectors: the matrix is about sigma v u^T."""

    sigma: Array
    v: Array
    u: Array


class WeightNorm(NamedTuple):
    """What `norm` of a layer may be: a function from weights and their largest singular values to weights.

    `matrices`: weights -> the matrices whose singular values are needed. `apply`: (weights, one `Singular` of
    each, those of the initial weights) -> weights.
    """

    matrices: Callable[[Array], tuple[Array, ...]]
    apply: Callable[[Array, tuple[Singular, ...], tuple[Array, ...]], Array]


def stable_rank(share: float = 0.5) -> WeightNorm:
    """Divides by the largest singular value, and bounds the stable rank |W|_F^2 / sigma^2.

    Stable rank normalisation (Sanyal et al., 2020). The bound is `share` of the largest rank, and at least 1:
    all but the first singular direction is scaled down to it. A share of 1 is spectral norm.

    >>> from jaxgan.models import mlp
    >>> d = mlp.Discriminator((16,), norm=stable_rank(0.3))
    """
    if isinstance(share, float | int) and not 0 < share <= 1:
        raise Refused(f"the share of a stable rank must be above 0 and at most 1, not {share}")

    def apply(w: Array, singular: tuple[Singular, ...], initial: tuple[Array, ...]) -> Array:
        sigma, v, u = singular[0]
        matrix = _divided(_matrix(w), sigma)
        first = jnp.outer(v, u)
        rest = matrix - first
        size = jnp.sqrt(jnp.maximum(jnp.square(rest).sum(), 1e-12))
        most = jnp.sqrt(jnp.maximum(share * min(matrix.shape) - 1, 0))
        return jnp.where(size > most, first + rest * (most / size), matrix).reshape(w.shape)

    return WeightNorm(lambda w: (_matrix(w),), apply)


def bidirectional(scale: float = 1.0) -> WeightNorm:
    """Divides by the mean of the largest singular values of both reshapings, times `scale`.

    Bidirectional spectral norm (Lin et al., 2021). The reshapings are [rest, outputs] and [inputs, rest],
    which bound a kernel's gradients forwards and backwards. Of a dense layer both are the same matrix, so
    that this is spectral norm.

    >>> from jaxgan.models import dcgan
    >>> d = dcgan.Discriminator(4, norm=bidirectional())
    """

    def matrices(w: Array) -> tuple[Array, ...]:
        if w.ndim == 2:
            return (w,)
        return _matrix(w), jnp.moveaxis(w, -2, -1).reshape(-1, w.shape[-2])

    def apply(w: Array, singular: tuple[Singular, ...], initial: tuple[Array, ...]) -> Array:
        return scale * _divided(w, jnp.stack([one.sigma for one in singular]).mean())

    return WeightNorm(matrices, apply)


def initial_spectral() -> WeightNorm:
    """W sigma(W_0) / sigma(W): spectral norm that keeps the initial size (ViTGAN; Lee et al., 2022).

    >>> from jaxgan.models import mlp
    >>> d = mlp.Discriminator((16,), norm=initial_spectral())
    """

    def apply(w: Array, singular: tuple[Singular, ...], initial: tuple[Array, ...]) -> Array:
        return initial[0] * _divided(w, singular[0].sigma)

    return WeightNorm(lambda w: (_matrix(w),), apply)


class Reweighted(nn.Module):
    """Calls a layer with every weight of two or more axes normalised; the parameters themselves are not.

    >>> layer = Reweighted(nn.Dense(3), stable_rank(0.5))
    >>> layer.init_with_output(jax.random.key(0), jnp.ones((2, 4)), train=False)[0].shape
    (2, 3)
    """

    layer: nn.Module
    norm: WeightNorm

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        if self.is_initializing():
            self.layer(x)  # creates its parameters
        dtype = x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else None

        def normalised(path: tuple, w: Array) -> Array:
            if w.ndim < 2:
                return w
            name = "/".join(str(part.key) for part in path)
            wide = w.astype(jnp.promote_types(w.dtype, jnp.float32))
            new = self.norm.apply(wide, *self._singular(name, wide, train))
            return new.astype(dtype or w.dtype)

        def transform(tree: Any) -> Any:
            return jax.tree_util.tree_map_with_path(normalised, tree)

        return nn.map_variables(lambda layer: layer(x), "params", trans_in_fn=transform)(self.layer)

    def _singular(self, name: str, w: Array, train: bool) -> tuple[tuple[Singular, ...], tuple[Array, ...]]:
        """Returns the largest singular value of each matrix, updated in training, and the initial ones."""
        singular, initial = [], []
        for i, matrix in enumerate(self.norm.matrices(w)):
            fixed = jax.lax.stop_gradient(matrix)

            def start(fixed: Array = fixed) -> dict[str, Array]:
                u = jax.random.normal(self.make_rng("params"), fixed.shape[1:])
                v, u = jax.lax.fori_loop(
                    0, _START, lambda _, vu: _iterated(fixed, vu[1]), _iterated(fixed, u)
                )
                return {"v": v, "u": u, "initial": v @ fixed @ u}

            state = self.variable("spectral", f"{name}/{i}", start)
            v, u = state.value["v"], state.value["u"]
            if train and not self.is_initializing():
                v, u = _iterated(fixed, u)
                state.value = {**state.value, "v": v, "u": u}
            singular.append(Singular(v @ matrix @ u, v, u))
            initial.append(state.value["initial"])
        return tuple(singular), tuple(initial)


def _iterated(w: Array, u: Array) -> tuple[Array, Array]:
    """Returns (v, u) after one power iteration from u."""
    v = _unit(w @ u)
    return v, _unit(v @ w)


def _unit(x: Array) -> Array:
    return x / jnp.maximum(jnp.linalg.norm(x), 1e-12)


def _divided(w: Array, sigma: Array) -> Array:
    return w / jnp.where(sigma != 0, sigma, 1.0)


def _matrix(w: Array) -> Array:
    return w.reshape(-1, w.shape[-1])
