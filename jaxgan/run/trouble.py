"""Numbers that are not finite: what failed, and where the run goes on with other random numbers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.folder.checkpoint import Restored
from jaxgan.folder.keeping import AnyCheckpoints
from jaxgan.folder.manifest import Session
from jaxgan.games.game import State
from jaxgan.parts.rng import fold
from jaxgan.run.placement import Placement, Sharded
from jaxgan.run.resume import Start
from jaxgan.run.run import Run


class NotFinite(Exception):
    """A loss or the state was not finite and the run could not go on; the message says which and where."""


class Trouble(NamedTuple):
    """A lane, by number, that failed at a step, and how."""

    number: int
    step: int
    why: str


def troubles(
    failing: list[tuple[int, int]], placed: Placement, held: Sharded, update: Callable[..., Any]
) -> list[Trouble]:
    """What is wrong in the lanes (number, step) that failed: found by playing the step again, on a copy."""
    return [Trouble(number, step, _diagnosed(placed, held, update, number, step)) for number, step in failing]


def _diagnosed(placed: Placement, held: Sharded, update: Callable[..., Any], number: int, failed: int) -> str:
    again = jax.tree.map(jnp.copy, placed.with_failed(held, number, -1, failed))
    _, metrics = update(again, placed.at(again, failed))
    values = {name: np.ravel(lanes)[number] for name, lanes in placed.read(metrics).items()}
    bad = [
        f"{name} is {value}"
        for name, value in values.items()
        if not np.isfinite(value) and not name.endswith("/update")  # an effect, not the cause
    ]
    return f"step {failed}: {', '.join(bad) or 'the parameters are not finite'}"


def restored(
    run: Run,
    trouble: Trouble,
    placed: Placement,
    held: Sharded,
    checkpoints: AnyCheckpoints,
    attempt: int,
    entry: Session,
) -> Start:
    """Where a single run goes on after trouble: the newest checkpoint, with other random numbers.

    Those it had would fail again. Raises NotFinite where it is not to go on, the state before it saved.
    """
    held, settings = placed.with_failed(held, 0, -1, trouble.step), run.settings
    if settings.on_nan != "restore" or attempt >= settings.retries:
        entry.step = trouble.step
        checkpoints.save(trouble.step, placed.gather(held), attempt=attempt)
        raise NotFinite(trouble.why + (f", after {attempt} other attempts" if attempt else ""))
    back = attempted(attempt + 1, checkpoints, placed.gather(held), settings.seed)
    return Start(placed.scatter(back.state), back.step, back.attempt, True, tuple(back.damaged))


def attempted(attempt: int, checkpoints: AnyCheckpoints, like: State, seed: int) -> Restored:
    """The newest checkpoint with the random numbers of another attempt."""
    back = checkpoints.newest(like)
    assert back is not None  # step 0 at least was saved
    key = fold(jax.random.key(seed), "attempt", attempt)
    return back._replace(state=back.state.replace(key=key), attempt=attempt)
