"""A network as a pair of pure functions: all that the core knows of Flax."""

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
    """To networks what `optax.GradientTransformation` is to optimisers.

    `init`: (key, *inputs) -> (params, stats).
    `apply`: (params, stats, *inputs, key=None, train=False) -> (output, stats), where `key` holds one key per
    example [B], for dropout and the like. Any such pair will do; Flax is not needed.
    `classes`: how many labels it tells apart, 0 where it is given none or does not say.
    `reads_step`: whether `apply` also takes `step=`, the updates made so far, for what fades in or out; with
    step=None it is as at the last training step, which its statistics keep.

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

    def train(
        self, params: Params, stats: Stats, *inputs: Any, key: jax.Array, step: Any
    ) -> tuple[Any, Stats]:
        """A call in training: with a key to each example, and the step where the network reads it."""
        told = {"step": step} if self.reads_step else {}
        return self.apply(params, stats, *inputs, key=key, train=True, **told)


def from_linen(module: linen.Module) -> Network:
    """A Linen module. Its `__call__` is given `train=` or `deterministic=`, `key=`, `step=` if it takes them.

    Every collection beside "params" becomes statistics. Flax's own Dropout works too (stream "dropout"), but
    draws from one key for the whole batch: across devices only `jaxgan.models.layers.Dropout` keeps the run.
    A field `classes` of the module is that of the network.

    >>> import jax.numpy as jnp
    >>> dense = from_linen(linen.Dense(3))
    >>> params, stats = dense.init(jax.random.key(0), jnp.ones((2, 4)))
    >>> dense.apply(params, stats, jnp.ones((2, 4)))[0].shape
    (2, 3)
    """
    signature = inspect.signature(module.__call__)

    def keywords(**offered: Any) -> dict[str, Any]:
        return {name: value for name, value in offered.items() if name in signature.parameters}

    _check_widths(module)
    quiet, reads_step = keywords(train=False, deterministic=True), "step" in signature.parameters

    def init(key: jax.Array, *inputs: Any) -> tuple[Params, Stats]:
        try:
            signature.bind(*inputs, **quiet, **keywords(step=0))
        except TypeError as error:
            raise Refused(
                f"{type(module).__name__} of {type(module).__module__} cannot be given {len(inputs)} inputs "
                f"({error}); with some conditionings these are an example or a latent and its label"
            ) from None
        stats = dict(module.init(key, *inputs, **quiet, **keywords(step=jnp.int32(0))))
        params = stats.pop("params", {})
        if (kept := sorted(_MOVED & stats.keys())) and not quiet:
            raise Refused(
                f"{type(module).__name__} keeps {' and '.join(kept)}, which would stay as they began: its "
                "__call__ takes neither train= nor deterministic=; write a module that does, and passes it on"
            )
        return params, {**stats, **({_STEP: jnp.int32(0)} if reads_step else {})}

    def apply(
        params: Params,
        stats: Stats,
        *inputs: Any,
        key: jax.Array | None = None,
        train: bool = False,
        step: jax.Array | None = None,
    ) -> tuple[Any, Stats]:
        kept = {name: stat for name, stat in stats.items() if name != _STEP}
        now = stats.get(_STEP) if step is None else jnp.asarray(step, jnp.int32)
        output, changed = module.apply(
            {"params": params, **kept},
            *inputs,
            **keywords(train=train, deterministic=not train, key=key, step=now),
            rngs={} if key is None else {"dropout": key[0]},
            mutable=list(kept) if train else [],
        )
        return output, {**kept, **changed, **({_STEP: now} if reads_step else {})}

    return Network(init, apply, getattr(module, "classes", 0), reads_step)


def from_nnx(build: Callable[[nnx.Rngs], nnx.Module]) -> Network:
    """An NNX module, by its constructor, e.g. `from_nnx(lambda rngs: MyGenerator(64, rngs=rngs))`.

    `train` is passed on by `module.train()` and `module.eval()`; every random stream is reseeded from the
    first of the keys, so Flax's Dropout draws as it does in Linen.

    >>> import jax.numpy as jnp
    >>> dense = from_nnx(lambda rngs: nnx.Linear(4, 3, rngs=rngs))
    >>> params, stats = dense.init(jax.random.key(0), jnp.ones((2, 4)))
    >>> dense.apply(params, stats, jnp.ones((2, 4)))[0].shape
    (2, 3)
    """
    kinds = (nnx.Param, _is_spectral, nnx.BatchStat, nnx.RngState, ...)
    graph, *blank = nnx.split(nnx.eval_shape(lambda: build(nnx.Rngs(0))), *kinds)

    def take_apart(module: nnx.Module) -> tuple[Params, Stats]:
        params, spectral, batch_stats, _, rest = map(nnx.to_pure_dict, nnx.split(module, *kinds)[1:])
        return params, {"spectral": spectral, "batch_stats": batch_stats, "rest": rest}

    def put_together(params: Params, stats: Stats, key: jax.Array) -> nnx.Module:
        def reseeded(path: tuple, x: jax.ShapeDtypeStruct) -> jax.Array:
            if not jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
                return jnp.zeros(x.shape, x.dtype)  # a count
            own = fold(key, jax.tree_util.keystr(path))
            return jax.random.split(own, x.shape) if x.shape else own

        streams = jax.tree_util.tree_map_with_path(reseeded, nnx.to_pure_dict(blank[3]))
        pure = (params, stats["spectral"], stats["batch_stats"], streams, stats["rest"])
        states = jax.tree.map(lambda x: x, tuple(blank))  # fresh containers: filling them in is by mutation
        for state, values in zip(states, pure, strict=True):
            nnx.replace_by_pure_dict(state, values)
        return nnx.merge(graph, *states, copy=True)

    def init(key: jax.Array, *inputs: Any) -> tuple[Params, Stats]:
        return take_apart(build(nnx.Rngs(key)))

    def apply(
        params: Params, stats: Stats, *inputs: Any, key: jax.Array | None = None, train: bool = False
    ) -> tuple[Any, Stats]:
        module = put_together(params, stats, jax.random.key(0) if key is None else key[0])
        (module.train if train else module.eval)()
        output = module(*inputs)
        return output, take_apart(module)[1] if train else stats

    return Network(init, apply)


def _check_widths(module: linen.Module) -> None:
    """Refuses layers of no width, by the names that fields of modules have for it."""
    for name in ("width", "widths", "features"):
        widths = getattr(module, name, 1)
        for width in widths if isinstance(widths, Sequence) else (widths,):
            if type(width) is int and width < 1:
                raise Refused(f"{type(module).__name__} cannot be {width} wide: {name} is of 1 or more")


_STEP = "step"
"""Where statistics keep the last step of a network that reads it."""
_MOVED = {"batch_stats", "spectral"}
"""Collections that training moves, of layers that have to be told of it."""


def _is_spectral(path: tuple, value: Any) -> bool:
    """NNX files spectral-norm vectors under BatchStat too, by keys that are tuples."""
    return isinstance(value, nnx.BatchStat) and isinstance(path[-1], tuple)
