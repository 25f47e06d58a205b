"""The training loop. It is short so that it can be read, and copied where it does not fit."""

import contextlib
import time
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
from jaxgan.run import picture
from jaxgan.run.checkpoint import Checkpoints
from jaxgan.run.experiment import Experiment, Hook, Moment, Stop
from jaxgan.run.folder import Folder, session
from jaxgan.run.interrupt import Interrupted, requests
from jaxgan.run.log import Log
from jaxgan.run.sample import sampler
from jaxgan.run.settings import Settings


class NotFinite(Exception):
    """A loss or the state was not finite and the run could not go on; the message says which and where."""


def train(experiment: Experiment, settings: Settings, folder: Folder) -> State:
    """Plays the rule up to `settings.steps`, from the newest checkpoint in the folder or else from the start."""
    rule, source = guarded(experiment.rule, skip=settings.on_nan == "skip"), experiment.source
    layout = (rule.batches, settings.micro_batches, settings.batch_size)
    check(source, layout, settings.steps)
    root, arrays = jax.random.key(settings.seed), jax.device_put(source.arrays)
    draw = sampler(experiment.game, source.classes)
    hooks = [Hook(settings.sample_every, _pictures(folder, source, experiment.grid)), *experiment.hooks]

    @jax.jit
    def init(key: jax.Array, arrays: PyTree) -> State:
        return rule.init(key, batch(source, layout, arrays, key, jnp.int32(0)))

    @partial(jax.jit, donate_argnums=0)
    def advance(state: State, arrays: PyTree) -> tuple[State, dict[str, jax.Array]]:
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
        log = stack.enter_context(
            contextlib.closing(Log(folder.metrics, step, settings.steps, int(np.prod(layout))))
        )
        for line in found.aside if found else ():
            log.say(f"warning: {line}; going on from step {step}")
        log.say(f"{folder.path}: step {step} of {settings.steps}; compiling ...")
        clock = time.perf_counter()
        update = advance.lower(state, arrays).compile()
        log.say(f"compiled in {time.perf_counter() - clock:.1f} s")
        log.restart(step)

        metrics, measured = None, {}
        while True:
            signum, finished, stopped = asked(), step >= settings.steps, ""

            def due(every: int, step: int = step, finished: bool = finished) -> bool:
                return finished or (every > 0 and step % every == 0)

            saving = due(settings.save_every) or bool(signum)
            if metrics is not None and (due(settings.log_every) or saving):
                values, guard = jax.device_get((metrics, state.rule))
                if guard.failed >= 0:  # nothing has moved since that step
                    state, trouble = _diagnosed(state, update, arrays)
                    if settings.on_nan != "restore" or attempt >= settings.retries:
                        checkpoints.save(int(state.step), state, attempt=attempt)
                        checkpoints.wait()
                        raise NotFinite(trouble)
                    attempt += 1
                    back = checkpoints.newest(state)
                    state = back.state if back else init(root, arrays)
                    state = state.replace(key=fold(root, "attempt", attempt))
                    step, metrics = int(state.step), None
                    log.rewind(step)
                    log.say(f"{trouble}; back to step {step} with other random numbers, attempt {attempt}")
                    continue
                if due(settings.log_every):
                    skipped = {"skipped": int(guard.skipped)} if guard.skipped else {}
                    log.write(step, {**{name: float(value) for name, value in values.items()}, **skipped})

            if metrics is not None or found is None:
                try:
                    for hook in hooks:
                        if due(hook.every):
                            new = hook.call(Moment(step, state, draw)) or {}
                            log.measured(step, new)
                            measured.update(new)
                except Stop as stop:
                    stopped = f"stopped: {stop}"
                if saving or stopped:
                    score = experiment.best(measured) if experiment.best and measured else None
                    checkpoints.save(step, state, attempt=attempt, score=score)
                    measured = {}
            entry["step"] = step
            if signum or stopped or finished:
                checkpoints.wait()
                if signum:
                    raise Interrupted(signum)
                entry["ended"] = stopped or "finished"
                log.say(f"{entry['ended']} at step {step}; see {folder.samples}")
                return state
            state, metrics = update(state, arrays)
            step += 1


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


def _diagnosed(state: State, update: Any, arrays: PyTree) -> tuple[State, str]:
    """The state back at the step that failed, and what fails there: found by playing it again, on a copy."""
    state = state.replace(step=state.rule.failed, rule=state.rule._replace(failed=jnp.int32(-1)))
    _, metrics = update(jax.tree.map(jnp.copy, state), arrays)
    bad = [f"{name} is {value}" for name, value in jax.device_get(metrics).items() if not np.isfinite(value)]
    return state, f"step {int(state.step)}: {', '.join(bad) or 'the parameters are not finite'}"
