"""The training loop. It is short so that it can be read, and copied where it does not fit."""

import contextlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.data.source import Source, batch, check
from jaxgan.errors import Refused
from jaxgan.games.game import State
from jaxgan.parts.rng import fold
from jaxgan.parts.types import PyTree
from jaxgan.rules.guard import guarded
from jaxgan.run import codec, picture
from jaxgan.run.checkpoint import Checkpoints
from jaxgan.run.experiment import Experiment, Hook, Moment, Stop
from jaxgan.run.folder import Folder, session, write
from jaxgan.run.interrupt import Interrupted, requests
from jaxgan.run.log import Log
from jaxgan.run.sample import sampler
from jaxgan.run.settings import Settings


class NotFinite(Exception):
    """A loss or the state was not finite and the run could not go on; the message says which and where."""


def starter(experiment: Experiment, settings: Settings) -> Callable[[jax.Array, PyTree], State]:
    """The compiled function (root key, arrays of the source) -> state of step 0."""
    rule, source = guarded(experiment.rule), experiment.source
    layout = (rule.batches, settings.micro_batches, settings.batch_size)

    @jax.jit
    def init(key: jax.Array, arrays: PyTree) -> State:
        return rule.init(key, batch(source, layout, arrays, key, jnp.int32(0)))

    return init


def fits(experiment: Experiment, settings: Settings) -> None:
    """Refuses, before anything is written, what cannot be played: shapes, labels, batches."""
    source = experiment.source
    check(source, (experiment.rule.batches, settings.micro_batches, settings.batch_size), settings.steps)
    jax.eval_shape(starter(experiment, settings), jax.random.key(settings.seed), source.arrays)


def train(experiment: Experiment, settings: Settings, folder: Folder) -> State:
    """Plays the rule up to `settings.steps`, from the newest checkpoint in the folder or else the start."""
    rule, source = guarded(experiment.rule, skip=settings.on_nan == "skip"), experiment.source
    layout = (rule.batches, settings.micro_batches, settings.batch_size)
    check(source, layout, settings.steps)
    # put on a device by name, as a restored state is: a resumed run then plays the very same program
    root, arrays = jax.device_put((jax.random.key(settings.seed), source.arrays), jax.devices()[0])
    init, draw = starter(experiment, settings), sampler(experiment.game, source.classes)
    hooks = [Hook(settings.sample_every, _pictures(folder, source, experiment.grid)), *experiment.hooks]

    @partial(jax.jit, donate_argnums=0)
    def advance(state: State, arrays: PyTree) -> tuple[State, Mapping[str, jax.Array]]:
        return rule.update(state, batch(source, layout, arrays, state.key, state.step))

    with contextlib.ExitStack() as stack:
        entry = stack.enter_context(session(folder))
        asked = stack.enter_context(requests())
        checkpoints = stack.enter_context(Checkpoints(folder.checkpoints, settings.keep))
        state, attempt = init(root, arrays), 0
        found = checkpoints.newest(state)
        if found is not None:
            state, attempt = found.state, found.attempt
        step = entry["from"] = int(state.step)
        if found and step >= settings.steps:
            raise Refused(f"{folder.path} has made {step} steps already; ask for more with --steps")
        write(folder.config, codec.dumps(settings))  # not sooner: what was refused leaves the run as it was
        log = Log(folder.metrics, step, settings.steps, int(np.prod(layout)), last=step if found else -1)
        stack.enter_context(contextlib.closing(log))
        for line in found.aside if found else ():
            log.say(f"warning: {line}; going on from step {step}")
        log.say(f"{folder.path}: step {step} of {settings.steps}; compiling ...")
        clock = time.perf_counter()
        update = advance.lower(state, arrays).compile()
        log.say(f"compiled in {time.perf_counter() - clock:.1f} s")
        log.restart(step)

        metrics, new = None, found is None  # whether this step has yet to be looked at and saved
        while True:
            signum, finished, stopped = asked(), step >= settings.steps, ""

            def due(every: int, step: int = step, finished: bool = finished) -> bool:
                return finished or (every > 0 and step % every == 0)

            saving, logging = due(settings.save_every) or bool(signum), due(settings.log_every)
            if metrics is not None and (saving or logging or any(due(hook.every) for hook in hooks)):
                values, guard = jax.device_get((metrics, state.rule))
                if guard.failed >= 0:  # nothing has moved since that step
                    state, trouble = _diagnosed(state, update, arrays)
                    if settings.on_nan != "restore" or attempt >= settings.retries:
                        step = entry["step"] = int(state.step)
                        checkpoints.save(step, state, attempt=attempt)
                        checkpoints.wait()
                        raise NotFinite(trouble + (f", after {attempt} other attempts" if attempt else ""))
                    attempt += 1
                    back = checkpoints.newest(state)
                    state = back.state if back else init(root, arrays)
                    state = state.replace(key=fold(root, "attempt", attempt))
                    step, metrics, new = int(state.step), None, back is None
                    log.rewind(step, last=step if back else -1)
                    for line in back.aside if back else ():
                        log.say(f"warning: {line}")
                    log.say(f"{trouble}; back to step {step} with other random numbers, attempt {attempt}")
                    continue
                if logging:
                    skipped = {"skipped": int(guard.skipped)} if guard.skipped else {}
                    log.write(step, {**{name: float(value) for name, value in values.items()}, **skipped})

            if new:
                measured: dict[str, float] = {}
                try:
                    for hook in hooks:
                        if due(hook.every):
                            numbers = hook.call(Moment(step, state, draw)) or {}
                            log.measured(step, numbers)
                            measured.update(numbers)
                except Stop as stop:
                    stopped = f"stopped: {stop}"
                score = None if stopped else _score(experiment, step, measured)
                if saving or stopped or score is not None:
                    checkpoints.save(step, state, attempt=attempt, score=score)
            entry["step"] = step
            if signum or stopped or finished:
                checkpoints.wait()
                if signum:
                    raise Interrupted(signum)
                entry["ended"] = stopped or "finished"
                log.say(f"{entry['ended']} at step {step}; see {folder.samples}")
                return state
            state, metrics = update(state, arrays)
            step, new = step + 1, True


def _pictures(folder: Folder, source: Source, count: int) -> Any:
    """A hook that draws the same latents at every call."""

    def call(moment: Moment) -> None:
        samples = moment.sample(moment.state.generator, count if len(source.shape) > 1 else 2000)
        picture.save(samples, folder.samples / f"step_{moment.step:06d}.png", real)

    real = None
    if len(source.shape) == 1:
        numbers = jnp.arange(min(2000, source.size or 2000), dtype=jnp.uint32)
        real = np.asarray(source.take(source.arrays, jax.random.key(0), numbers)["x"])
    return call


def _score(experiment: Experiment, step: int, measured: Mapping[str, float]) -> float | None:
    """What `best` makes of this step's numbers; None where it asks for some that were not due at it."""
    if experiment.best is None or not measured:
        return None
    try:
        return experiment.best(measured)
    except KeyError:
        if step == 0:  # where every hook is due: a wrong name
            raise
        return None


def _diagnosed(state: State, update: Any, arrays: PyTree) -> tuple[State, str]:
    """The state back at the step that failed, and what fails there: found by playing it again, on a copy."""
    state = state.replace(step=state.rule.failed, rule=state.rule._replace(failed=jnp.int32(-1)))
    _, metrics = update(jax.tree.map(jnp.copy, state), arrays)
    bad = [f"{name} is {value}" for name, value in jax.device_get(metrics).items() if not np.isfinite(value)]
    return state, f"step {int(state.step)}: {', '.join(bad) or 'the parameters are not finite'}"
