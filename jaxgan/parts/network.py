"""Networks as pairs of pure functions. Only this module and `jaxgan.models` depend on Flax modules."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import linen, nnx

from jaxgan.errors import Refused
from jaxgan.parts.rng import fold
from jaxgan.parts.types import Params, Stats


class Network(NamedTuple):
    """A network as two pure functions, as `optax.GradientTransformation` is for optimisers.

    `init`: (key, *inputs) -> (params, stats).
    `apply`: (params, stats, *inputs, key=None, train=False) -> (output, stats), where `key` is one key per
    example [B], for dropout and other noise. Any such pair works; Flax is not needed.
    `classes`: the number of classes, 0 if it takes no labels or does not say.
    `reads_step`: whether `apply` also takes `step=`, the updates made so far, for layers that fade in or out;
    with step=None it is the last training step, which the statistics store.
    `reads_psi`: whether `apply` also takes `psi=`, by which samples are truncated towards the average style;
    with psi=None it is as built.

    >>> import jax.numpy as jnp
    >>> linear = Network(
    ...     lambda key, x: (jax.random.normal(key, x.shape[1:]), {}),
    ...     lambda w, stats, x, key=None, train=False: (x @ w, stats),
    ... )
    """

    init: Callable[..., tuple[Params, Stats]]
    apply: Callable[..., tuple[Any, Stats]]
    classes: int = 0
    reads_step: bool = False
    reads_psi: bool = False

    def train(
        self, params: Params, stats: Stats, *inputs: Any, key: jax.Array, step: Any
    ) -> tuple[Any, Stats]:
        """Applies the network in training mode, with a key per example, and the step if it reads it."""
        keywords = {"step": step} if self.reads_step else {}
        return self.apply(params, stats, *inputs, key=key, train=True, **keywords)


def from_linen(module: linen.Module) -> Network:
    """Wraps a Linen module, whose `__call__` may take `train=` or `deterministic=`, `key=` and `step=`.

    Every collection other than "params" becomes statistics. Flax's Dropout works too (stream "dropout"), but
    draws from one key for the whole batch, so the run depends on the number of devices; with
    `jaxgan.models.layers.Dropout` it does not. A field `classes` of the module becomes the network's, and a
    field `psi` is what `psi=` replaces.

    >>> import jax.numpy as jnp
    >>> dense = from_linen(linen.Dense(3))
    >>> params, stats = dense.init(jax.random.key(0), jnp.ones((2, 4)))
    >>> dense.apply(params, stats, jnp.ones((2, 4)))[0].shape
    (2, 3)
    """
    signature = inspect.signature(module.__call__)

    def accepted(**keywords: Any) -> dict[str, Any]:
        return {name: value for name, value in keywords.items() if name in signature.parameters}

    _check_widths(module)
    evaluation, reads_step = accepted(train=False, deterministic=True), "step" in signature.parameters

    def init(key: jax.Array, *inputs: Any) -> tuple[Params, Stats]:
        try:
            signature.bind(*inputs, **evaluation, **accepted(step=0))
        except TypeError as error:
            raise Refused(
                f"{type(module).__name__} of {type(module).__module__} cannot be given {len(inputs)} inputs "
                f"({error}); with some conditionings these are an example or a latent and its label"
            ) from None
        stats = dict(module.init(key, *inputs, **evaluation, **accepted(step=jnp.int32(0))))
        params = stats.pop("params", {})
        if (names := sorted(_TRAIN_ONLY & stats.keys())) and not evaluation:
            raise Refused(
                f"{type(module).__name__} has {' and '.join(names)}, which would never be updated: its "
                "__call__ takes neither train= nor deterministic=; write a module that takes and passes it on"
            )
        return params, {**stats, **({_STEP: jnp.int32(0)} if reads_step else {})}

    def apply(
        params: Params,
        stats: Stats,
        *inputs: Any,
        key: jax.Array | None = None,
        train: bool = False,
        step: jax.Array | None = None,
        psi: float | None = None,
    ) -> tuple[Any, Stats]:
        used = module if psi is None else module.clone(psi=psi)
        collections = {name: stat for name, stat in stats.items() if name != _STEP}
        now = stats.get(_STEP) if step is None else jnp.asarray(step, jnp.int32)
        output, changed = used.apply(
            {"params": params, **collections},
            *inputs,
            **accepted(train=train, deterministic=not train, key=key, step=now),
            rngs={} if key is None else {"dropout": key[0]},
            mutable=list(collections) if train else [],
        )
        return output, {**collections, **changed, **({_STEP: now} if reads_step else {})}

    return Network(init, apply, getattr(module, "classes", 0), reads_step, hasattr(module, "psi"))


def from_nnx(build: Callable[[nnx.Rngs], nnx.Module]) -> Network:
    """Wraps an NNX module, given its constructor, e.g. `from_nnx(lambda rngs: MyGenerator(64, rngs=rngs))`.

    `train` is set by `module.train()` and `module.eval()`; every random stream is reseeded from the first of
    the keys, so Flax's Dropout draws as it does in Linen.

    >>> import jax.numpy as jnp
    >>> dense = from_nnx(lambda rngs: nnx.Linear(4, 3, rngs=rngs))
    >>> params, stats = dense.init(jax.random.key(0), jnp.ones((2, 4)))
    >>> dense.apply(params, stats, jnp.ones((2, 4)))[0].shape
    (2, 3)
    """
    filters = (nnx.Param, _is_spectral, nnx.BatchStat, nnx.RngState, ...)
    graph, *shapes = nnx.split(nnx.eval_shape(lambda: build(nnx.Rngs(0))), *filters)

    def split(module: nnx.Module) -> tuple[Params, Stats]:
        params, spectral, batch_stats, _, rest = map(nnx.to_pure_dict, nnx.split(module, *filters)[1:])
        return params, {"spectral": spectral, "batch_stats": batch_stats, "rest": rest}

    def merge(params: Params, stats: Stats, key: jax.Array) -> nnx.Module:
        def reseed(path: tuple, x: jax.ShapeDtypeStruct) -> jax.Array:
            if not jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
                return jnp.zeros(x.shape, x.dtype)  # a stream's counter
            stream = fold(key, jax.tree_util.keystr(path))
            return jax.random.split(stream, x.shape) if x.shape else stream

        streams = jax.tree_util.tree_map_with_path(reseed, nnx.to_pure_dict(shapes[3]))
        pure = (params, stats["spectral"], stats["batch_stats"], streams, stats["rest"])
        states = jax.tree.map(lambda x: x, tuple(shapes))  # copies, since replace_by_pure_dict mutates them
        for state, values in zip(states, pure, strict=True):
            nnx.replace_by_pure_dict(state, values)
        return nnx.merge(graph, *states, copy=True)

    def init(key: jax.Array, *inputs: Any) -> tuple[Params, Stats]:
        return split(build(nnx.Rngs(key)))

    def apply(
        params: Params, stats: Stats, *inputs: Any, key: jax.Array | None = None, train: bool = False
    ) -> tuple[Any, Stats]:
        module = merge(params, stats, jax.random.key(0) if key is None else key[0])
        (module.train if train else module.eval)()
        output = module(*inputs)
        return output, split(module)[1] if train else stats

    return Network(init, apply)


def _check_widths(module: linen.Module) -> None:
    """Raises `Refused` for a width below 1 in the module's fields."""
    for name in ("width", "widths", "features"):
        widths = getattr(module, name, 1)
        for width in widths if isinstance(widths, Sequence) else (widths,):
            if type(width) is int and width < 1:
                raise Refused(f"{type(module).__name__} cannot be {width} wide: {name} must be 1 or more")


_STEP = "step"
"""The entry of the statistics for the last step of a network that reads it."""
_TRAIN_ONLY = {"batch_stats", "spectral"}
"""Collections that are updated only by layers called in training mode."""


def _is_spectral(path: tuple, value: Any) -> bool:
    """Whether this is a spectral-norm vector, which NNX stores as a BatchStat under a key that is a tuple."""
    return isinstance(value, nnx.BatchStat) and isinstance(path[-1], tuple)
