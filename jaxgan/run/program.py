"""The compiled programs of an experiment, the initial state and the update, and the checks before them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding
from jax.stages import Lowered

from jaxgan.data.ahead import check_readable
from jaxgan.data.checked import check_labels, check_layout, check_take
from jaxgan.data.labels import check_known
from jaxgan.data.source import array_shapes, batch
from jaxgan.errors import Refused
from jaxgan.folder.settings import Settings
from jaxgan.games.game import State
from jaxgan.parts.types import PyTree
from jaxgan.rules.guard import guarded
from jaxgan.rules.rule import Metrics, Rule
from jaxgan.rules.update_norms import with_update_norms
from jaxgan.run.experiment import Experiment
from jaxgan.run.seeds import Keys, root_keys

RuleOf = Callable[[dict[str, Any]], Rule]


def layout(experiment: Experiment, settings: Settings) -> tuple[int, int, int]:
    """Returns the leading shape of the examples of one update: [batches, micro-batches, batch]."""
    return experiment.rule.batches, settings.micro_batches, settings.batch_size


def make_init(
    experiment: Experiment, settings: Settings, rule_of: RuleOf | None = None
) -> Callable[..., State]:
    """Returns the jitted function (root keys, arrays of step 0, values of a lane) -> state of step 0."""
    source, lay = experiment.source, layout(experiment, settings)

    @jax.jit
    def init(keys: Keys, arrays: PyTree, values: dict[str, Any] | None = None) -> State:
        rule = guarded(rule_of(values or {}) if rule_of else experiment.rule)
        return keys.put(rule.init(keys.init, batch(source, lay, arrays, keys.of_data, jnp.int32(0))))

    return init


def lower_update(
    experiment: Experiment,
    settings: Settings,
    state: State,
    arrays: PyTree,
    spread: Callable[[Any], Any] = lambda update: update,
    out_shardings: PyTree | Sharding | None = None,
) -> Lowered:
    """Lowers the update (state, arrays) -> (state, metrics) for states of these shapes, ready to compile.

    Values that are not finite never enter the state (`rules/guard.py`), so the loop need not check every
    step. The state is not donated: the guard needs the old one until the end, so donation would only add
    copies. `spread` distributes the rule's update over devices, `out_shardings` is that of (state, metrics).
    """

    def logged(step: jax.Array) -> jax.Array:
        # not at the last step: the program would depend on the number of steps, and be compiled for each
        return step % settings.log_every == 0 if settings.log_every else jnp.zeros_like(step, bool)

    update = spread(
        guarded(with_update_norms(experiment.rule, logged), skip=settings.on_nan == "skip").update
    )
    source, lay = experiment.source, layout(experiment, settings)

    @partial(jax.jit, out_shardings=out_shardings)
    def advance(state: State, arrays: PyTree) -> tuple[State, Metrics]:
        take = partial(batch, source, lay, step=state.step)
        take_lanes = jax.vmap(take, (None if source.read is None else 0, 0))  # files are read per lane
        return update(state, (take_lanes if state.key.ndim else take)(arrays, state.data_key))

    return advance.lower(state, arrays)


def check_trainable(experiment: Experiment, settings: Settings) -> None:
    """Refuses, before anything is written, an experiment that cannot be trained: shapes, labels, batches."""
    check_readable(experiment.source, settings.workers)
    check_layout(experiment.source, layout(experiment, settings), settings.steps)
    check_take(experiment.source)
    of_data, of_networks = experiment.source.classes, experiment.game.classes
    if of_networks and of_data > of_networks:
        raise Refused(f"the data have {of_data} classes, but the networks' conditioning has {of_networks}")
    check_known(experiment.source.leaves, experiment.game.given)
    start_shapes(experiment, settings)
    check_labels(experiment.source)


def start_shapes(experiment: Experiment, settings: Settings, lanes: Sequence[Settings] = ()) -> State:
    """Returns the shapes of the state of step 0 of a single run, or of one of the lanes with these settings.

    Refuses parts that do not fit together.
    """
    arrays = array_shapes(experiment.source, layout(experiment, settings))
    return jax.eval_shape(make_init(experiment, settings), root_keys(lanes or [settings])[0], arrays)


def placeholder(x: jax.ShapeDtypeStruct) -> jax.Array:
    """Returns an array of this shape and dtype, to restore a checkpoint into."""
    if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), x.shape)
    return jax.device_put(np.zeros(x.shape, x.dtype))
