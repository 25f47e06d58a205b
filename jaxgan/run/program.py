"""An experiment as compiled programs: what the loop plays."""

from collections.abc import Callable
from functools import partial
from math import prod

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.source import batch, check, shapes
from jaxgan.data.stream import can_read
from jaxgan.games.game import State
from jaxgan.parts.types import PyTree
from jaxgan.rules.guard import guarded
from jaxgan.rules.rule import Metrics
from jaxgan.run.experiment import Experiment
from jaxgan.run.feed import Feed
from jaxgan.run.settings import Settings

Update = Callable[[State, PyTree], tuple[State, Metrics]]


def layout(experiment: Experiment, settings: Settings) -> tuple[int, int, int]:
    """How the examples of one update lie: [batches, micro-batches, batch]."""
    return experiment.rule.batches, settings.micro_batches, settings.batch_size


def starter(experiment: Experiment, settings: Settings) -> Callable[[jax.Array, PyTree], State]:
    """The compiled function (root key, arrays of step 0) -> state of step 0."""
    rule, source, lay = guarded(experiment.rule), experiment.source, layout(experiment, settings)

    @jax.jit
    def init(key: jax.Array, arrays: PyTree) -> State:
        return rule.init(key, batch(source, lay, arrays, key, jnp.int32(0)))

    return init


def compiled(experiment: Experiment, settings: Settings, state: State, arrays: PyTree) -> Update:
    """The compiled update (state, arrays) -> (state, metrics) for states like this one, which it donates.

    What is not finite never gets into the state (`rules/guard.py`), so it is enough to look now and then.
    """
    rule = guarded(experiment.rule, skip=settings.on_nan == "skip")
    source, lay = experiment.source, layout(experiment, settings)

    @partial(jax.jit, donate_argnums=0)
    def advance(state: State, arrays: PyTree) -> tuple[State, Metrics]:
        return rule.update(state, batch(source, lay, arrays, state.key, state.step))

    return advance.lower(state, arrays).compile()


def fits(experiment: Experiment, settings: Settings) -> None:
    """Refuses, before anything is written, what cannot be played: shapes, labels, batches."""
    can_read(experiment.source, settings.workers)
    check(experiment.source, layout(experiment, settings), settings.steps)
    start_shapes(experiment, settings)


def start_shapes(experiment: Experiment, settings: Settings) -> State:
    """The shapes of the state of step 0; refused where the parts do not fit together."""
    given = shapes(experiment.source, prod(layout(experiment, settings)))
    return jax.eval_shape(starter(experiment, settings), jax.random.key(settings.seed), given)


def diagnosed(state: State, update: Update, fed: Feed) -> tuple[State, str]:
    """The state back at the step that failed, and what fails there: found by playing it again, on a copy."""
    state = state.replace(step=state.rule.failed, rule=state.rule._replace(failed=jnp.int32(-1)))
    _, metrics = update(jax.tree.map(jnp.copy, state), fed.at(state.key, int(state.step)))
    bad = [f"{name} is {value}" for name, value in jax.device_get(metrics).items() if not np.isfinite(value)]
    return state, f"step {int(state.step)}: {', '.join(bad) or 'the parameters are not finite'}"
