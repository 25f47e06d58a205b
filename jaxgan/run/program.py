"""An experiment as compiled programs: what the loop plays."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding
from jax.stages import Lowered

from jaxgan.data.ahead import can_read
from jaxgan.data.checked import check, check_labels, check_taken
from jaxgan.data.source import Source, batch, shapes
from jaxgan.errors import Refused
from jaxgan.folder.settings import Settings
from jaxgan.games.game import State
from jaxgan.parts.types import Key, PyTree
from jaxgan.rules.guard import guarded
from jaxgan.rules.rule import Metrics, Rule
from jaxgan.rules.update_norms import with_update_norms
from jaxgan.run.experiment import Experiment

RuleOf = Callable[[dict[str, Any]], Rule]


def layout(experiment: Experiment, settings: Settings) -> tuple[int, int, int]:
    """How the examples of one update lie: [batches, micro-batches, batch]."""
    return experiment.rule.batches, settings.micro_batches, settings.batch_size


def starter(
    experiment: Experiment, settings: Settings, rule_of: RuleOf | None = None
) -> Callable[..., State]:
    """The compiled function (root key, arrays of step 0, values of a lane's own) -> state of step 0."""
    source, lay = experiment.source, layout(experiment, settings)

    @jax.jit
    def init(key: Key, arrays: PyTree, values: dict[str, Any] | None = None) -> State:
        rule = guarded(rule_of(values or {}) if rule_of else experiment.rule)
        return rule.init(key, batch(source, lay, arrays, key, jnp.int32(0)))

    return init


def lowered(
    experiment: Experiment,
    settings: Settings,
    state: State,
    arrays: PyTree,
    spread: Callable[[Any], Any] = lambda update: update,
    where: PyTree | Sharding | None = None,
) -> Lowered:
    """The update (state, arrays) -> (state, metrics) for states like this one, to compile.

    What is not finite never gets into the state (`rules/guard.py`), so it is enough to look now and then. The
    state is not donated: the guard needs the old one to the end, so that donation would only add copies.
    `spread` lays the update of the rule out over devices, `where` is the sharding of (state, metrics).
    """

    def logged(step: jax.Array) -> jax.Array:
        # not at the last step, whatever it is: another number of steps would be another program to compile
        return step % settings.log_every == 0 if settings.log_every else jnp.zeros_like(step, bool)

    rule = spread(guarded(with_update_norms(experiment.rule, logged), skip=settings.on_nan == "skip").update)
    source, lay = experiment.source, layout(experiment, settings)

    @partial(jax.jit, out_shardings=where)
    def advance(state: State, arrays: PyTree) -> tuple[State, Metrics]:
        return rule(state, _batches(source, lay, arrays, state.key, state.step))

    return advance.lower(state, arrays)


def _batches(source: Source, lay: tuple[int, ...], arrays: PyTree, key: Key, step: jax.Array) -> PyTree:
    """The batches of one run, or of all lanes."""

    def one(arrays: PyTree, key: Key) -> PyTree:
        return batch(source, lay, arrays, key, step)

    return (
        jax.vmap(one, (None if source.read is None else 0, 0))(arrays, key) if key.ndim else one(arrays, key)
    )


def fits(experiment: Experiment, settings: Settings) -> None:
    """Refuses, before anything is written, what cannot be played: shapes, labels, batches."""
    can_read(experiment.source, settings.workers)
    check(experiment.source, layout(experiment, settings), settings.steps)
    check_taken(experiment.source)
    there, told = experiment.source.classes, experiment.game.classes
    if told and there > told:
        raise Refused(f"the data have {there} classes, but the networks' conditioning tells {told} apart")
    start_shapes(experiment, settings)
    check_labels(experiment.source)


def start_shapes(experiment: Experiment, settings: Settings) -> State:
    """The shapes of the state of step 0 of one run; refused where the parts do not fit together."""
    given = shapes(experiment.source, layout(experiment, settings))
    return jax.eval_shape(starter(experiment, settings), jax.random.key(settings.seed), given)


def blank(x: jax.ShapeDtypeStruct) -> jax.Array:
    """An array of this shape, for a checkpoint to be read onto."""
    if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), x.shape)
    return jax.device_put(np.zeros(x.shape, x.dtype))
