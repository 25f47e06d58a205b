"""The training loop. It is short so that it can be read, and copied where it does not fit."""

import contextlib
import time
from collections.abc import Mapping
from math import prod

import jax

from jaxgan.errors import Refused, Unreadable
from jaxgan.games.game import State
from jaxgan.parts.rng import fold
from jaxgan.run import codec, sinks
from jaxgan.run.checkpoint import Checkpoints
from jaxgan.run.experiment import Experiment, Hook, Moment, Stop
from jaxgan.run.feed import feed
from jaxgan.run.folder import Folder, session, write
from jaxgan.run.interrupt import Interrupted, requests
from jaxgan.run.log import Log
from jaxgan.run.picture import drawing
from jaxgan.run.program import compiled, diagnosed, layout, starter
from jaxgan.run.sample import sampler
from jaxgan.run.settings import Settings
from jaxgan.run.weights import begun


class NotFinite(Exception):
    """A loss or the state was not finite and the run could not go on; the message says which and where."""


def train(experiment: Experiment, settings: Settings, folder: Folder) -> State:
    """Plays the rule up to `settings.steps`, from the newest checkpoint in the folder or else the start."""
    source = experiment.source
    draw = sampler(experiment.game, source.classes)
    with contextlib.ExitStack() as stack:
        entry = stack.enter_context(session(folder))
        asked = stack.enter_context(requests())
        checkpoints = stack.enter_context(Checkpoints(folder.checkpoints, settings.keep))

        # put on a device by name, as a restored state is: a resumed run then plays the very same program
        root = jax.device_put(jax.random.key(settings.seed), jax.devices()[0])
        examples = prod(layout(experiment, settings))
        fed = feed(source, examples, settings)
        state, attempt = starter(experiment, settings)(root, fed.at(root, 0)), 0
        found = checkpoints.newest(state)
        if found:
            state, attempt = found.state, found.attempt
        else:
            state = begun(state, folder)
        step = entry["from"] = int(state.step)
        if found and step >= settings.steps:
            raise Refused(f"{folder.path} has made {step} steps already; ask for more with --steps")
        write(folder.config, codec.dumps(settings))  # not sooner: what was refused leaves the run as it was

        last = step if found else -1
        told = sinks.opened(settings, folder.path, last)
        log = Log(folder.metrics, step, settings.steps, examples, last, told)
        stack.enter_context(contextlib.closing(log))
        pictures = drawing(folder.samples, source, experiment.grid, log.pictured)
        hooks = [Hook(settings.sample_every, pictures), *experiment.hooks]
        log.warn(f"{line}; going on from step {step}" for line in (found.aside if found else ()))
        if source.note:
            log.say(f"data: {source.note}")
        log.say(f"{folder.path}: step {step} of {settings.steps}; compiling ...")
        clock = time.perf_counter()
        stream = fed.ahead(state.key, step)  # sooner than compiling, which leaves time to read
        stack.callback(lambda: stream.close())
        update = compiled(experiment, settings, state, fed.at(state.key, step))
        log.say(f"compiled in {time.perf_counter() - clock:.1f} s")
        log.restart(step)

        metrics, seen = None, found is not None  # seen: looked at and saved before
        while True:
            signum, finished, stopped = asked(), step >= settings.steps, ""
            unread = None
            if not (signum or finished):
                try:
                    arrays = stream.next(metrics)
                except Unreadable as error:
                    unread = error

            def due(every: int, step: int = step, finished: bool = finished) -> bool:
                return finished or (every > 0 and step % every == 0)

            logging = due(settings.log_every)
            saving = due(settings.save_every) or step == 0 or signum or unread
            if metrics is not None and (logging or saving or any(due(hook.every) for hook in hooks)):
                values, guard = jax.device_get((metrics, state.rule))
                if guard.failed >= 0:  # nothing has moved since that step
                    state, trouble = diagnosed(state, update, fed)
                    if settings.on_nan != "restore" or attempt >= settings.retries:
                        entry["step"] = int(state.step)
                        checkpoints.save(entry["step"], state, attempt=attempt)
                        raise NotFinite(trouble + (f", after {attempt} other attempts" if attempt else ""))
                    attempt += 1
                    back = checkpoints.newest(state)
                    assert back is not None  # step 0 at least was saved
                    state = back.state.replace(key=fold(root, "attempt", attempt))
                    step, metrics, seen = back.step, None, True
                    stream.close()
                    stream = fed.ahead(state.key, step)
                    log.rewind(step)
                    log.warn(back.aside)
                    log.say(f"{trouble}; back to step {step} with other random numbers, attempt {attempt}")
                    continue
                if logging:
                    skipped = {"skipped": guard.skipped} if guard.skipped else {}
                    log.write(step, {**values, **skipped, **stream.waiting()})
            if not seen:
                measured: dict[str, float] = {}
                try:
                    for hook in hooks:
                        if due(hook.every):
                            measured.update(log.measured(step, hook.call(Moment(step, state, draw))))
                except Stop as stop:
                    stopped = f"stopped: {stop}"
                score = None if stopped else _score(experiment, step, measured)
                if saving or stopped or score is not None:
                    checkpoints.save(step, state, attempt=attempt, score=score)
            entry["step"] = step
            if unread:
                checkpoints.wait()
                raise unread
            if signum or stopped or finished:
                break
            state, metrics = update(state, arrays)
            step, seen = step + 1, False

        checkpoints.wait()
        if signum:
            raise Interrupted(signum)
        entry["ended"] = stopped or "finished"
        log.say(f"{entry['ended']} at step {step}; see {folder.samples}")
        return state


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
