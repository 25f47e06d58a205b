"""A loss or state that is not finite: what failed, and how a run goes on with other random numbers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.folder.checkpoint import Restored
from jaxgan.folder.keeping import AnyCheckpoints
from jaxgan.folder.manifest import Session
from jaxgan.folder.settings import Settings
from jaxgan.games.game import State
from jaxgan.parts.rng import fold
from jaxgan.run.placement import Placement, Sharded
from jaxgan.run.resume import Start
from jaxgan.run.run import Run
from jaxgan.run.seeds import Keys, root_keys


class NotFinite(Exception):
    """A loss or the state was not finite and the run could not go on; the message says which and where."""


class Failure(NamedTuple):
    """The number of a lane, the step at which it failed, and what was not finite."""

    number: int
    step: int
    why: str


def explain(
    failing: list[tuple[int, int]], placed: Placement, held: Sharded, update: Callable[..., Any]
) -> list[Failure]:
    """Returns what was not finite in the lanes (number, step) that failed; repeats the step on a copy."""
    failures = []
    for number, step in failing:
        copy = jax.tree.map(jnp.copy, placed.with_failed(held, number, -1, step))
        _, metrics = update(copy, placed.at(copy, step))
        values = {name: np.ravel(lanes)[number] for name, lanes in placed.read(metrics).items()}
        bad = [
            f"{name} is {value}"
            for name, value in values.items()
            if not np.isfinite(value) and not name.endswith("/update")  # an effect, not the cause
        ]
        why = ", ".join(bad) or "the parameters are not finite"
        failures.append(Failure(number, step, f"step {step}: {why}"))
    return failures


def retry(
    run: Run,
    failure: Failure,
    placed: Placement,
    held: Sharded,
    checkpoints: AnyCheckpoints,
    attempt: int,
    entry: Session,
) -> Start:
    """Returns where a single run goes on after a failure: the newest checkpoint, with other random numbers.

    The same random numbers would fail again. Raises `NotFinite`, and saves the state before the failure, if
    the run is not to go on.
    """
    held, settings = placed.with_failed(held, 0, -1, failure.step), run.settings
    if settings.on_nan != "restore" or attempt >= settings.retries:
        entry.step = failure.step
        checkpoints.save(failure.step, placed.gather(held), attempt=attempt)
        raise NotFinite(failure.why + (f", after {attempt} other attempts" if attempt else ""))
    back = load_attempt(attempt + 1, checkpoints, placed.gather(held), settings)
    return Start(placed.scatter(back.state), back.step, back.attempt, True, tuple(back.damaged))


def load_attempt(attempt: int, checkpoints: AnyCheckpoints, like: State, settings: Settings) -> Restored:
    """Returns the newest checkpoint, with the random key of this attempt."""
    back = checkpoints.newest(like)
    assert back is not None  # step 0 at least was saved
    keys: Keys = jax.tree.map(lambda key: fold(key, "attempt", attempt), root_keys([settings])[0])
    return back._replace(state=keys.put(back.state), attempt=attempt)
