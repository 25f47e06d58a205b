"""The training loop: one function that reads from top to bottom, to be copied where it does not fit."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.errors import Refused, Unreadable
from jaxgan.games.game import Game, State
from jaxgan.parts.rng import fold
from jaxgan.run import codec, sinks
from jaxgan.run.checkpoint import Checkpoints, Restored
from jaxgan.run.experiment import Experiment, Hook, Moment
from jaxgan.run.files import write
from jaxgan.run.folder import Folder, read_config
from jaxgan.run.interrupt import Interrupted, requests
from jaxgan.run.lane import Lane
from jaxgan.run.log import Log, rows
from jaxgan.run.manifest import elsewhere, note, read_manifest, session
from jaxgan.run.measuring import measured_by, scores_of, stopped_by, unmeasured
from jaxgan.run.picture import drawing
from jaxgan.run.placement import Held, Placement, placement
from jaxgan.run.program import RuleOf, layout
from jaxgan.run.sample import sampler
from jaxgan.run.settings import RESUMABLE, Settings
from jaxgan.run.still import Still
from jaxgan.run.weights import begun
from jaxgan.scale import processes
from jaxgan.scale.processes import first, settled, told


class NotFinite(Exception):
    """A loss or the state was not finite and the run could not go on; the message says which and where."""


def train(
    experiment: Experiment,
    settings: Settings,
    folder: Folder,
    lanes: tuple[Lane, ...] = (),
    rule_of: RuleOf | None = None,
    games: Sequence[Game] = (),
    adopted: Callable[[], Mapping[str, tuple[Any, Any]]] = dict,
) -> State:
    """Plays the rule up to `settings.steps`, from the newest checkpoint in the folder or else the start.

    With lanes it plays all of them; `rule_of` is the rule of a lane by the values that it has of its own,
    and `games` are the lanes' own where these values make them others. `adopted` writes down what else has
    changed by force, once nothing refuses to go on.
    Several processes each call it, and the first alone calls the hooks and writes what is not a checkpoint.
    """
    with contextlib.ExitStack() as stack:
        entry = told(lambda: stack.enter_context(session(folder)))
        # sooner than signals are noted, to be answered later: this may read for long, and saves nothing
        placed = placement(experiment, settings, lanes, rule_of or (lambda values: experiment.rule))
        alone = jax.process_count() == 1
        asked = stack.enter_context(requests() if alone else processes.requests(lambda: step))
        names = [lane.name for lane in lanes]
        checkpoints = stack.enter_context(Checkpoints(folder.checkpoints, settings.keep, names))

        fresh = not checkpoints.steps()
        if fresh and told(lambda: _moved_before(folder)):
            raise Refused(f"{folder.path} has lost its checkpoints: copy them back, or begin anew elsewhere")
        held, attempt = placed.begin(partial(begun, folder=folder) if fresh else lambda state: state), 0
        found = None if fresh else checkpoints.newest(placed.saved(held))
        if found:
            held, attempt = placed.restored(found.state), found.attempt
        step = entry["from"] = found.step if found else 0
        if found and step >= settings.steps:
            raise Refused(f"{folder.path} has made {step} steps already; ask for more with --steps")

        last, examples = step if found else -1, prod(layout(experiment, settings))
        more = sinks.opened(settings, folder.path, last) if first() else []
        per_step, path = examples * max(len(lanes), 1), folder.metrics if first() else None
        log = Log(path, step, settings.steps, per_step, last, more, names)
        stack.enter_context(contextlib.closing(log))
        pictures = drawing(folder.samples, experiment.source, experiment.grid, log.pictured)
        hooks = [Hook(settings.sample_every, pictures), *experiment.hooks]
        draw = sampler(experiment.game, experiment.source)
        log.warn(f"{line}; going on from step {step}" for line in (found.aside if found else ()))
        log.warn(told(lambda: elsewhere(folder, settings)) if found else ())
        if experiment.source.note:
            log.say(f"data: {experiment.source.note}")
        log.say(f"{folder.path}: step {step} of {settings.steps}; compiling ...")
        clock = time.perf_counter()
        stream = placed.ahead(held, step)  # sooner than compiling, which leaves time to read
        stack.callback(lambda: stream.close())
        update = placed.compiled(held, placed.at(held, step))
        log.say(f"compiled in {time.perf_counter() - clock:.1f} s")
        log.restart(step)

        still = Still(folder, entry, names, placed.read(placed.guard(held))["failed"])
        log.warn(still.lines())
        if still.all():
            raise Refused(f"no lane of {folder.path} moves; `jaxgan take` makes one of them a run of its own")
        # not sooner: what was refused leaves the run as it was
        if changed := told(lambda: {**_reconfigured(folder, settings), **adopted()}):
            entry["changed"] = changed
            told(lambda: note(folder, entry))

        def noted(name: str, facts: Mapping[str, Any]) -> None:
            entry.setdefault("hooks", {})[name] = facts
            note(folder, entry)
            log.warn(facts.get("warnings", ()))

        def moment(number: int) -> Moment:
            game = games[number] if games else experiment.game
            lane = names[number] if names else ""
            return Moment(step, placed.run(held, number), game, draw, lane, finished, noted)

        metrics, seen = None, found is not None  # seen: looked at and saved before
        stopped = told(partial(_stopped_then, experiment, folder, log, step)) if found and not lanes else ""
        unheard = True  # whether nothing has been logged yet
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

            due = [hook for hook in hooks if finished or _scheduled(hook.every, step)]
            logging = finished or _scheduled(settings.log_every, step)
            saving = finished or _scheduled(settings.save_every, step) or step == 0 or signum or unread
            if metrics is not None and (due or logging or saving):
                values, guard = placed.read(metrics), placed.read(placed.guard(held))
                failing = [
                    (number, failed, _diagnosed(placed, held, update, number, failed))
                    for number, failed in still.failing(guard["failed"])
                ]
                if failing and not lanes:
                    [(_, failed, trouble)] = failing
                    held = placed.marked(held, 0, -1, failed)
                    if settings.on_nan != "restore" or attempt >= settings.retries:
                        entry["step"] = failed
                        checkpoints.save(failed, placed.saved(held), attempt=attempt)
                        raise NotFinite(trouble + (f", after {attempt} other attempts" if attempt else ""))
                    back = _attempted(attempt + 1, checkpoints, placed.saved(held), settings.seed)
                    held, step, attempt = placed.restored(back.state), back.step, back.attempt
                    metrics, seen = None, True
                    stream.close()
                    stream = placed.ahead(held, step)
                    log.rewind(step)
                    log.warn(back.aside)
                    log.say(f"{trouble}; back to step {step} with other random numbers, attempt {attempt}")
                    continue
                for number, _, trouble in failing:
                    log.warn([still.failed(number, trouble)])
                if logging:
                    skipped = {"skipped": guard["skipped"]} if np.any(guard["skipped"]) else {}
                    numbers = {**still.moving(values), **skipped, **stream.waiting()}
                    log.write(step, numbers, settings.log_every)
                if unheard and _scheduled(settings.log_every, step):
                    log.warn(unmeasured(experiment.stops, log))
                    unheard = False
            if not seen:
                measured, stops = measured_by(due, moment, step, names, still, log)
                # of what a hook stops, other hooks may not have been asked
                whole = [{} if number in stops else own for number, own in enumerate(measured)]
                news = any(_scheduled(n, step) for n in (settings.log_every, *(hook.every for hook in due)))
                if experiment.stops and news:
                    stops = {**told(partial(stopped_by, experiment.stops, log, len(lanes), still)), **stops}
                for number, why in stops.items():
                    if lanes:
                        held = placed.marked(held, number, step, None)
                        log.say(still.add(number, f"stopped: {why}"))
                    else:
                        stopped = f"stopped: {why}"
                if still.all():
                    stopped = "stopped: no lane moves any more"
                scores = scores_of(experiment, step, dict(zip(names or [""], whole, strict=True)))
                if saving or stopped or scores:
                    checkpoints.save(step, placed.saved(held), attempt=attempt, scores=scores)
                if step == 0:
                    checkpoints.wait()  # a run that has moved has a checkpoint, whatever kills it
            entry["step"] = step
            if unread and not signum:
                checkpoints.wait()
                raise unread
            if signum or stopped or finished:
                break
            held, metrics = settled(update(held, arrays))
            step, seen, stopped = step + 1, False, ""

        checkpoints.wait()
        if signum and not (stopped or finished):
            raise Interrupted(signum)
        if still.all_failed():
            raise NotFinite("no lane moves any more")
        entry["ended"] = stopped or "finished"
        scored = _scored(checkpoints, names or [""])
        standing = f", {still}" if str(still) else ""
        log.say(f"{entry['ended']} at step {step}{standing}{scored}; see {folder.samples}")
        return placed.saved(held)


def _stopped_then(experiment: Experiment, folder: Folder, log: Log, step: int) -> str:
    """Why a run that was killed was about to stop at the step that it goes on from, if it was."""
    before = read_manifest(folder)["sessions"][-2:-1]
    # a session that began here was told to go on
    killed = any(session["ended"] is None and session.get("from", step) < step for session in before)
    here = bool(log.history()) and log.history()[-1]["step"] == step
    stops = stopped_by(experiment.stops, log, 0, ()) if killed and here else {}
    return "".join(f"stopped: {why}" for why in stops.values())


def _scored(checkpoints: Checkpoints, names: Sequence[str]) -> str:
    """Where each lane was best: a mean over them ends with the first that stands still."""
    best = {step for name in names if (step := checkpoints.best(name)) is not None}
    if len(best) > 1:
        return f"; the best checkpoints, of each lane its own, are of steps {min(best)} to {max(best)}"
    return "".join(f"; the best checkpoint is of step {step}" for step in best)


def _scheduled(every: int, step: int) -> bool:
    return every > 0 and step % every == 0


def _reconfigured(folder: Folder, settings: Settings) -> dict[str, tuple[Any, Any]]:
    """Writes down the options the run goes on with; those changed by force, by name: old, new."""
    old = read_config(folder)
    write(folder.config, codec.dumps(settings))
    new = read_config(folder)
    fixed = [name for name in new if name not in RESUMABLE]
    return {name: (old.get(name), new[name]) for name in fixed if not codec.same(new[name], old.get(name))}


def _moved_before(folder: Folder) -> bool:
    """Whether the run has made steps, and so had a checkpoint."""
    manifest = read_manifest(folder)
    reached = [session.get(name, 0) for session in manifest["sessions"] for name in ("from", "step")]
    return max([0, *reached, *(row["step"] for row in rows(folder.metrics))]) > 0


def _attempted(attempt: int, checkpoints: Checkpoints, like: State, seed: int) -> Restored:
    """The newest checkpoint with the random numbers of another attempt: those it had fail again."""
    back = checkpoints.newest(like)
    assert back is not None  # step 0 at least was saved
    key = fold(jax.random.key(seed), "attempt", attempt)
    return back._replace(state=back.state.replace(key=key), attempt=attempt)


def _diagnosed(placed: Placement, held: Held, update: Callable[..., Any], number: int, failed: int) -> str:
    """What fails in a lane at this step: found by playing it again, on a copy."""
    again = jax.tree.map(jnp.copy, placed.marked(held, number, -1, failed))
    _, metrics = update(again, placed.at(again, failed))
    values = {name: np.ravel(lanes)[number] for name, lanes in placed.read(metrics).items()}
    bad = [
        f"{name} is {value}"
        for name, value in values.items()
        if not np.isfinite(value) and not name.endswith("/update")  # an effect, not the cause
    ]
    return f"step {failed}: {', '.join(bad) or 'the parameters are not finite'}"
