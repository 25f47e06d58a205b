"""The training loop: one function that reads from top to bottom, to be copied where it does not fit."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.errors import Refused, Unreadable
from jaxgan.folder.keeping import AnyCheckpoints, open_checkpoints
from jaxgan.folder.manifest import session, update_session
from jaxgan.folder.rows import Row
from jaxgan.games.game import State
from jaxgan.rules.update_norms import UPDATE_NORMS
from jaxgan.run import resume, sinks
from jaxgan.run.experiment import Hook, Moment
from jaxgan.run.halted import Still
from jaxgan.run.hooks import look, scheduled, unmeasured
from jaxgan.run.interrupt import Interrupted, requests
from jaxgan.run.log import Log
from jaxgan.run.picture import picture_hook
from jaxgan.run.placement import Update, placement
from jaxgan.run.program import layout
from jaxgan.run.run import Run
from jaxgan.run.sample import sampler
from jaxgan.run.trouble import NotFinite, restored, troubles
from jaxgan.scale import processes
from jaxgan.scale.processes import block_until_ready, broadcast, is_main


class Fitted(NamedTuple):
    """What training comes to: the state, and the rows that were logged, those of earlier sessions too."""

    state: State
    history: list[Row]


def train(run: Run) -> Fitted:
    """Plays the rule up to `settings.steps`, from the newest checkpoint in the folder or else the start.

    Several processes each call it, and the first alone calls the hooks and writes what is not a checkpoint.
    """
    experiment, settings, folder, names = run.experiment, run.settings, run.folder, run.names
    with contextlib.ExitStack() as stack:
        entry = broadcast(lambda: stack.enter_context(session(folder)))
        # sooner than signals are noted, to be answered later: this may read for long, and saves nothing
        placed = placement(experiment, settings, run.lanes, run.rule)
        alone = jax.process_count() == 1
        signals = requests() if alone else processes.signals(lambda: step)
        # what is not kept cannot be saved either: Ctrl-C ends it as it ends anything
        asked = stack.enter_context(signals if folder else contextlib.nullcontext(lambda: 0))
        checkpoints = stack.enter_context(open_checkpoints(folder, settings.keep, names))
        begin = resume.start(run, placed, checkpoints)
        held, step, attempt, seen = begin.held, begin.step, begin.attempt, begin.resumed
        entry.began = step

        log = stack.enter_context(contextlib.closing(log_of(run, begin)))
        hooks = [*drawn(run, log), *experiment.hooks]
        draw = sampler(experiment.game, experiment.source)
        introduce(run, begin, log)
        clock = time.perf_counter()
        stream = placed.ahead(held, step)  # sooner than compiling, which leaves time to read
        stack.callback(lambda: stream.close())
        compiled = placed.compile(held, placed.at(held, step))  # while step 0 is looked at and saved
        still = Still(folder, entry, names, placed.read(placed.guard(held))["failed"])
        log.warn(still.lines())
        if still.all():
            raise Refused(f"no lane of {where(run)} moves; `jaxgan take` makes one of them a run of its own")
        resume.adopt(run, entry)  # not sooner: what was refused leaves the run as it was

        def noted(name: str, facts: Mapping[str, Any]) -> None:
            entry.hooks[name] = dict(facts)
            update_session(folder, entry)
            log.warn(facts.get("warnings", ()))

        def moment(number: int) -> Moment:
            lane = names[number] if names else ""
            return Moment(step, placed.lane(held, number), run.game(number), draw, lane, finished, noted)

        update: Update | None = None
        metrics, unheard = None, True  # of the newest update, and whether nothing has been logged yet
        stopped = resume.about_to_stop(run, begin, log)
        while True:
            signum, finished = asked(), step >= settings.steps
            unread = None
            if not (signum or finished):
                try:
                    arrays = stream.next(metrics)
                except Unreadable as error:
                    if not alone:
                        raise  # the others are about to make this step, which nobody can then save
                    unread, signum = error, asked()  # which may have ended what reads as well

            due = [hook for hook in hooks if finished or scheduled(hook.every, step)]
            logging = finished or scheduled(settings.log_every, step)
            saving = finished or scheduled(settings.save_every, step) or step == 0 or signum or unread
            if update is not None and metrics is not None and (due or logging or saving):
                values, guard = placed.read(metrics), placed.read(placed.guard(held))
                failed = troubles(still.failing(guard["failed"]), placed, held, update)
                if failed and not names:
                    back = restored(run, failed[0], placed, held, checkpoints, attempt, entry)
                    held, step, attempt, seen, metrics = back.held, back.step, back.attempt, True, None
                    stream.close()
                    stream = placed.ahead(held, step)
                    log.rewind(step)
                    log.warn(back.aside)
                    why = failed[0].why
                    log.say(f"{why}; back to step {step} with other random numbers, attempt {attempt}")
                    continue
                log.warn(still.failed(trouble.number, trouble.why) for trouble in failed)
                if logging:
                    if not scheduled(settings.log_every, step):
                        values = {name: x for name, x in values.items() if name not in UPDATE_NORMS}
                    skipped = {"skipped": guard["skipped"]} if np.any(guard["skipped"]) else {}
                    numbers = {**still.moving(values), **skipped, **stream.wait_metrics()}
                    log.write(step, numbers, settings.log_every)
                if unheard and scheduled(settings.log_every, step):
                    log.warn(unmeasured(experiment.stops, log))
                    unheard = False
            if not seen:
                looked = look(run, due, moment, step, still, log)
                for number, why in looked.stops.items():
                    if names:
                        held = placed.with_failed(held, number, step, None)
                        log.say(still.add(number, f"stopped: {why}"))
                    else:
                        stopped = f"stopped: {why}"
                if still.all():
                    stopped = "stopped: no lane moves any more"
                if saving or stopped or looked.scores:
                    logged = len(log.rows())
                    scores = looked.scores
                    checkpoints.save(step, placed.gather(held), attempt=attempt, scores=scores, rows=logged)
                if step == 0:
                    # a run that has moved has a checkpoint, whatever kills it, and one that can be read
                    checkpoints.read_back(step, placed.gather(held))
            entry.step = step
            if unread and not signum:
                checkpoints.wait()
                raise unread
            if signum or stopped or finished:
                break
            if update is None:
                update = compiled()
                log.say(f"compiled after {time.perf_counter() - clock:.1f} s")
                log.restart(step)
            held, metrics = block_until_ready(update(held, arrays))
            step, seen, stopped = step + 1, False, ""

        checkpoints.wait()
        if signum and not (stopped or finished):
            raise Interrupted(signum)
        if still.all_failed():
            raise NotFinite("no lane moves any more")
        entry.ended = stopped or "finished"
        standing = f", {still}" if str(still) else ""
        end = f"; see {folder.samples}" if folder else ""
        log.say(f"{entry.ended} at step {step}{standing}{scored(checkpoints, names or [''])}{end}")
        return Fitted(placed.gather(held), log.rows())


def log_of(run: Run, begin: resume.Start) -> Log:
    """The log of a session: the first process writes it and speaks."""
    settings, folder, last = run.settings, run.folder, begin.step if begin.resumed else -1
    more = sinks.opened(settings, folder.path, last) if is_main() and folder else []
    per_step = prod(layout(run.experiment, settings)) * max(len(run.lanes), 1)
    path = folder.metrics if is_main() and folder else None
    silent = not (is_main() and run.bar)
    return Log(path, begin.step, settings.steps, per_step, last, more, run.names, silent)


def drawn(run: Run, log: Log) -> list[Hook]:
    """The pictures of a run that is kept."""
    if run.folder is None:
        return []
    pictures = picture_hook(
        run.folder.samples, run.experiment.source, run.experiment.grid, log.pictured, log.warn
    )
    return [Hook(run.settings.sample_every, pictures)]


def introduce(run: Run, begin: resume.Start, log: Log) -> None:
    """Says what the run goes on from, and what must be known of it."""
    folder, source, step = run.folder, run.experiment.source, begin.step
    log.warn(f"{line}; going on from step {step}" for line in begin.aside)
    if (lost := (begin.rows or 0) - len(log.rows())) > 0 and is_main():
        log.warn([f"metrics.jsonl has lost {lost} of the {begin.rows} rows up to step {step}"])
    if folder is not None and begin.resumed:
        log.warn(broadcast(lambda: resume.elsewhere(folder, run.settings)))
    if source.note:
        log.say(f"data: {source.note}")
    log.say(f"{where(run)}: step {step} of {run.settings.steps}; compiling ...")


def where(run: Run) -> str:
    """The run as lines name it."""
    return str(run.folder.path) if run.folder else "a run that is not kept"


def scored(checkpoints: AnyCheckpoints, names: Sequence[str]) -> str:
    """Where each lane was best: a mean over them ends with the first that stands still."""
    best = {step for name in names if (step := checkpoints.best(name)) is not None}
    if len(best) > 1:
        return f"; the best checkpoints, of each lane its own, are of steps {min(best)} to {max(best)}"
    return "".join(f"; the best checkpoint is of step {step}" for step in best)
