"""The training loop: one function that reads from top to bottom, to be copied where it does not fit."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.errors import Refused, Unreadable
from jaxgan.folder.keeping import AnyCheckpoints, open_checkpoints
from jaxgan.folder.manifest import read_manifest, session, update_session
from jaxgan.folder.rows import Row
from jaxgan.games.game import State
from jaxgan.rules.update_norms import UPDATE_NORMS
from jaxgan.run import resume, sinks
from jaxgan.run.experiment import Hook, Moment
from jaxgan.run.halted import HaltedLanes
from jaxgan.run.hooks import missing_names, run_hooks, scheduled
from jaxgan.run.interrupt import Interrupted, signals
from jaxgan.run.log import Log
from jaxgan.run.picture import picture_hook
from jaxgan.run.placement import Update, placement
from jaxgan.run.program import layout
from jaxgan.run.run import Run
from jaxgan.run.sample import sampler
from jaxgan.run.trouble import NotFinite, explain, retry
from jaxgan.scale import processes
from jaxgan.scale.processes import block_until_ready, broadcast, is_main


class Fitted(NamedTuple):
    """The result of training: the final state, and the logged rows, with those of earlier sessions."""

    state: State
    history: list[Row]


def train(run: Run) -> Fitted:
    """Trains up to `settings.steps`, from the newest checkpoint in the folder or, without one, from step 0.

    Each of several processes calls it; only the first calls the hooks and writes what is not a checkpoint.
    """
    experiment, settings, folder, names = run.experiment, run.settings, run.folder, run.names
    with contextlib.ExitStack() as stack:
        entry = broadcast(lambda: stack.enter_context(session(folder)))
        # before signals are deferred, because it may read files for long and there is nothing to save yet
        placed = placement(experiment, settings, run.lanes, run.rule)
        single_process = jax.process_count() == 1
        deferred = signals() if single_process else processes.signals(lambda: step)
        # without a folder nothing can be saved either, so Ctrl-C raises as usual
        received_signal = stack.enter_context(deferred if folder else contextlib.nullcontext(lambda: 0))
        checkpoints = stack.enter_context(open_checkpoints(folder, settings.keep, names))
        start = resume.find_start(run, placed, checkpoints)
        held, step, attempt, measured = start.held, start.step, start.attempt, start.resumed
        entry.began = step

        log = stack.enter_context(contextlib.closing(open_log(run, start)))
        hooks = list(experiment.hooks)
        if folder:
            pictures = picture_hook(
                folder.samples, experiment.source, experiment.grid, log.add_picture, log.warn
            )
            hooks.insert(0, Hook(settings.sample_every, pictures))
        draw = sampler(experiment.game, experiment.source)
        log.warn(resume.warnings(run, start, log))
        if experiment.source.note:
            log.say(f"data: {experiment.source.note}")
        path = folder.path if folder else "a run without a folder"
        log.say(f"{path}: step {step} of {settings.steps}; compiling ...")
        clock = time.perf_counter()
        stream = placed.ahead(held, step)  # before compiling, so that reading starts meanwhile
        stack.callback(lambda: stream.close())
        compiled = placed.compile(held, placed.at(held, step))  # in a thread, while step 0 is measured
        halted = HaltedLanes(folder, entry, names, placed.read(placed.guard(held))["failed"])
        log.warn(halted.lines())
        if halted.all():
            raise Refused("all lanes of this run stand still; `jaxgan take` makes a run of one of them")
        resume.record_options(run, entry)  # after all checks, so that a refused run stays as it was

        def write_note(name: str, facts: Mapping[str, Any]) -> None:
            entry.hooks[name] = dict(facts)
            update_session(folder, entry)
            log.warn(facts.get("warnings", ()))

        def moment(number: int) -> Moment:
            lane = names[number] if names else ""
            return Moment(step, placed.lane(held, number), run.game(number), draw, lane, finished, write_note)

        update: Update | None = None
        metrics, rules_checked = None, False  # metrics: those of the newest update
        stopped = resume.pending_stop(run, start, log)
        while True:
            # fetch the data of the next step, if there is one
            signum, finished = received_signal(), step >= settings.steps
            unreadable = None
            if not (signum or finished):
                try:
                    arrays = stream.next(metrics)
                except Unreadable as error:
                    if not single_process:
                        raise  # the other processes make this step, and a checkpoint needs them all
                    unreadable, signum = error, received_signal()  # a signal may have ended the readers too

            # log the metrics, unless they or the state are not finite
            due = [hook for hook in hooks if finished or scheduled(hook.every, step)]
            logging = finished or scheduled(settings.log_every, step)
            saving = finished or scheduled(settings.save_every, step) or step == 0 or signum or unreadable
            if update is not None and metrics is not None and (due or logging or saving):
                values, guard = placed.read(metrics), placed.read(placed.guard(held))
                failures = explain(halted.new_failures(guard["failed"]), placed, held, update)
                if failures and not names:
                    back = retry(run, failures[0], placed, held, checkpoints, attempt, entry)
                    held, step, attempt, measured, metrics = back.held, back.step, back.attempt, True, None
                    stream.close()
                    stream = placed.ahead(held, step)
                    log.rewind(step)
                    log.warn(back.damaged)
                    why = failures[0].why
                    log.say(f"{why}; back to step {step} with other random numbers, attempt {attempt}")
                    continue
                log.warn(halted.add(failed.number, f"stands still: {failed.why}") for failed in failures)
                if logging:
                    if not scheduled(settings.log_every, step):
                        values = {name: x for name, x in values.items() if name not in UPDATE_NORMS}
                    skipped = {"skipped": guard["skipped"]} if np.any(guard["skipped"]) else {}
                    numbers = {**halted.mask(values), **skipped, **stream.wait_metrics()}
                    log.write(step, numbers, settings.log_every)
                if not rules_checked and scheduled(settings.log_every, step):
                    log.warn(missing_names(experiment.stops, log))
                    rules_checked = True

            # measure, ask the stop rules, and save
            if not measured:
                stops, scores = run_hooks(run, due, moment, step, halted, log)
                for number, why in stops.items():
                    if names:
                        held = placed.with_failed(held, number, step, None)
                        log.say(halted.add(number, f"stopped: {why}"))
                    else:
                        stopped = f"stopped: {why}"
                if halted.all():
                    stopped = "stopped: no lane moves any more"
                if saving or stopped or scores:
                    rows = len(log.rows())
                    checkpoints.save(step, placed.gather(held), attempt=attempt, scores=scores, rows=rows)
                if step == 0:
                    # so that from step 1 on, a run that is killed has a checkpoint that can be read
                    checkpoints.read_back(step, placed.gather(held))
            entry.step = step

            # end, or make the next step
            if unreadable and not signum:
                checkpoints.wait()
                raise unreadable
            if signum or stopped or finished:
                break
            if update is None:
                update = compiled()
                seconds = time.perf_counter() - clock
                log.say(f"compiled after {seconds:.1f} s")
                log.restart(step)
            held, metrics = block_until_ready(update(held, arrays))
            if is_main() and entry.compiled is None:
                entry.compiled = round(seconds, 1)
                update_session(folder, entry)
            step, measured, stopped = step + 1, False, ""

        checkpoints.wait()
        if signum and not (stopped or finished):
            raise Interrupted(signum)
        if halted.all_failed():
            raise NotFinite("no lane moves any more")
        entry.ended = stopped or "finished"
        still = f", {halted}" if str(halted) else ""
        see = f"; see {folder.samples}" if folder else ""
        log.say(f"{entry.ended} at step {step}{still}{best_steps(checkpoints, names or [''])}{see}")
        return Fitted(placed.gather(held), log.rows())


def open_log(run: Run, start: resume.Start) -> Log:
    """Returns the log of a run from here on; only that of the first process writes and prints."""
    settings, folder, last = run.settings, run.folder, start.step if start.resumed else -1
    more: list[sinks.Sink] = []
    if is_main() and folder:
        name = Path(read_manifest(folder).script).stem
        more = sinks.open_sinks(settings, folder.path, last, run.lanes, name)
    per_step = prod(layout(run.experiment, settings)) * max(len(run.lanes), 1)
    path = folder.metrics if is_main() and folder else None
    silent = not (is_main() and run.bar)
    return Log(path, start.step, settings.steps, per_step, last, more, run.names, silent)


def best_steps(checkpoints: AnyCheckpoints, names: Sequence[str]) -> str:
    """Returns words about the best checkpoints; each lane has its own, because lanes may halt early."""
    best = {step for name in names if (step := checkpoints.best(name)) is not None}
    if len(best) > 1:
        return f"; the best checkpoints, one for each lane, are of steps {min(best)} to {max(best)}"
    return "".join(f"; the best checkpoint is of step {step}" for step in best)
