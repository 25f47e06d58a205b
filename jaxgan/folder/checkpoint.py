"""Checkpoints that can be trusted, by Orbax: asynchronous, atomic, digested; the last k and the best stay.

Orbax writes a step aside and renames it, so a killed process leaves no half of one. It does not notice
flipped bits, nor fall back from a damaged step: the digest and `newest` do. Several processes write and read
one checkpoint together: each calls the same methods in the same order.
"""

import atexit
import contextlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import jax
from orbax.checkpoint import v1 as ocp

from jaxgan import reading
from jaxgan.errors import Refused
from jaxgan.folder.files import still_there
from jaxgan.folder.fingerprint import (
    digest,
    dtypes_and_shapes,
    first_not_finite,
    host_arrays,
    seal,
    structure,
)
from jaxgan.folder.orbax import irregular_file, link_plain_path, rename_damaged_scores, silence
from jaxgan.parts.types import PyTree
from jaxgan.scale.processes import broadcast, error_anywhere, is_main, lost_peer


class Restored(NamedTuple):
    """A state that came back whole, and what was noted beside it."""

    step: int
    state: PyTree
    attempt: int
    aside: list[str]  # damaged checkpoints that were set aside on the way
    rows: int | None = None  # how many the log had up to this step, if that was noted


class SaveFailed(Exception):
    """A checkpoint could not be written; the message says which, and why."""


class Replaced(Refused):
    """A checkpoint gave way to a newer one while it was read: a training run is at work beside the reader."""


class Checkpoints:
    """The checkpoints of one run. Close it (or use `with`), or the last save is lost.

    `keep` newest ones are kept, and of each of its `lanes`, or of a single run, named "", the one with the
    highest score given to `save`. Without `keep` they are only read, and a process that is writing the next
    one meanwhile is left in peace. Those of another run than `run`, if that is known, count as damaged.
    `beside` gives a text to be saved with each.
    """

    def __init__(
        self,
        path: Path,
        keep: int | None = None,
        lanes: Sequence[str] = (),
        run: str = "",
        beside: Callable[[], str] = str,
    ) -> None:
        if os.path.lexists(path) and not path.is_dir():
            raise Refused(f"{path} is no folder of checkpoints: put it back as it was")
        policies = ocp.training.preservation_policies
        best = [
            policies.BestN(
                get_metric_fn=partial(_scored, lane=lane), n=1, keep_checkpoints_without_metrics=False
            )
            for lane in lanes or ("",)
        ]
        self._path, self._run, self._beside = path, run, beside
        self._pending: tuple[int, Any] | None = None
        # processes that save together do so in step with their updates, and not beside them
        self._thread = ThreadPoolExecutor(1) if jax.process_count() == 1 else None
        self._failed = False
        self._aside = broadcast(lambda: self._irregular(keep is not None))
        self._link = link_plain_path(path)
        silence()
        self._unscored = [] if keep is None else broadcast(lambda: rename_damaged_scores(path))
        try:
            self._orbax = ocp.training.Checkpointer(
                path if self._link is None else Path(self._link.name) / path.name,
                cleanup_tmp_directories=keep is not None,
                save_decision_policy=ocp.training.save_decision_policies.FixedIntervalPolicy(1),
                preservation_policy=policies.AnyPreservationPolicy([policies.LatestN(keep), *best]),
            )
        except (ValueError, IsADirectoryError) as error:
            raise Refused(
                f"scores in {path} are damaged ({_reason(error)}); a resume leaves them out"
            ) from None
        self._there = still_there(path)  # else Orbax makes another in its place

    def save(
        self,
        step: int,
        state: PyTree,
        *,
        attempt: int = 0,
        scores: Mapping[str, float] | None = None,
        rows: int | None = None,
    ) -> None:
        """Saves in the background; an error shows at the next call, or at `wait`. A NaN is never saved.

        `scores` are those of lanes, by name; `rows` is how many the log has up to this step. The state must
        not be donated before the next call.
        """
        self.wait()
        if error_anywhere("" if self._there() else "gone"):
            raise self._failure(step, FileNotFoundError())
        if step in self.steps():
            return
        host = host_arrays(state)
        if bad := first_not_finite(host):
            raise SaveFailed(f"the state of step {step} is not finite ({bad}), so it was not saved")
        finite = {lane: float(score) for lane, score in (scores or {}).items() if math.isfinite(score)}
        metrics = {_SCORE + lane: score for lane, score in finite.items()} or None

        known = {"attempt": attempt, "step": step, "run": self._run, "rows": rows, "beside": self._beside()}

        def begun() -> Any:
            notes = {"digest": digest(host), "structure": structure(host), **known}
            notes["seal"] = seal(notes)
            return self._orbax.save_async(step, state, metrics=metrics, custom_metadata=notes)

        if self._thread is not None:
            self._pending = (step, self._thread.submit(lambda: begun().result()))
            return
        try:
            self._pending = (step, begun())
        except Exception as error:
            if lost_peer(error):
                raise
            raise self._failure(step, error) from error

    def wait(self) -> None:
        """Returns when the last save is on disk, or raises what kept it from there."""
        if self._pending is not None:
            (step, response), self._pending = self._pending, None
            try:
                response.result()
            except Exception as error:
                raise self._failure(step, error) from error

    def read_back(self, step: int, like: PyTree) -> None:
        """Returns when this step is on disk and has been read again, or raises what is wrong with it.

        Done once, before a run moves: a file system may take what it does not give back.
        """
        self.wait()
        try:
            self._load(step, like)
        except _Damaged as damage:
            raise SaveFailed(f"checkpoint {step} was written and cannot be read back: {damage}") from None

    def newest(self, like: PyTree) -> Restored | None:
        """The newest checkpoint that is whole, onto the shapes and shardings of `like`.

        Damaged ones above it are renamed to damaged-STEP, out of the way. None where there is none at all;
        refused, and nothing renamed, where none is whole: that may be the fault of the reader.
        """
        self.wait()
        damaged: dict[int, str] = {}
        for step in reversed(self.steps()):
            try:
                state, notes = self._load(step, like)
            except _Damaged as damage:
                damaged[step] = str(damage)
                continue
            aside = broadcast(lambda: [self._set_aside(bad, why) for bad, why in damaged.items()])
            if aside:
                self._orbax.reload()  # else every later save up to these steps would be passed over
            return Restored(
                step, state, notes["attempt"], [*self._aside, *self._unscored, *aside], notes.get("rows")
            )
        if damaged:
            listed = ", ".join(f"{step} ({why})" for step, why in damaged.items())
            raise Refused(f"no checkpoint in {self._path} is whole: {listed}")
        return None

    def at(self, step: int, like: PyTree) -> PyTree:
        """The state saved at this step, verified."""
        if step not in self.steps():
            raise Refused(f"there is no checkpoint of step {step}; there are {self.steps()}")
        place = self._path / str(step)
        before = sorted(place.rglob("*"))
        try:
            return self._load(step, like)[0]
        except _Damaged as damage:
            # of a folder that is being deleted some files are there for a moment more
            if sorted(place.rglob("*")) != before or not before:
                raise Replaced(f"checkpoint {step} has just given way to a newer one: ask again") from None
            newest = step == max(self.steps())
            way = (
                "`jaxgan resume` steps over it"
                if newest
                else f"no resume reads it, so delete {self._path / str(step)}"
            )
            raise Refused(f"checkpoint {step} is damaged: {damage}; {way}") from None

    def steps(self) -> list[int]:
        """The steps there are, oldest first."""
        return broadcast(lambda: sorted(c.step for c in self._orbax.checkpoints))

    def scores(self, lane: str = "") -> dict[int, float]:
        """The steps of a lane that were scored."""
        scored = {c.step: c.metrics.get(_SCORE + lane) for c in self._orbax.checkpoints if c.metrics}
        return {step: score for step, score in scored.items() if score is not None}

    def best(self, lane: str = "") -> int | None:
        """The step with the highest score of a lane, None where none was scored."""
        scores = self.scores(lane)
        return max(scores, key=lambda step: (scores[step], step)) if scores else None

    def close(self) -> None:
        """Commits what is on its way."""
        try:
            self.wait()
        finally:
            if self._thread is not None:
                self._thread.shutdown()
            try:
                self._orbax.close()
            except Exception as error:
                if not self._failed:  # else it is the same error once more
                    raise SaveFailed(f"the checkpoints could not be completed: {_reason(error)}") from error
            finally:
                if self._failed:
                    self._clear()
                    atexit.register(self._clear)  # threads of Orbax write until they are joined at exit
                if self._link is not None:
                    self._link.cleanup()

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not lost_peer(error):  # what is on its way then never arrives
            self.close()

    def _failure(self, step: int, error: Exception) -> SaveFailed:
        self._failed = True
        self._clear()
        gone = f"{self._path} was moved or deleted while the run went on"
        why = _reason(error) if self._there() else gone
        return SaveFailed(f"checkpoint {step} could not be written: {why}")

    def _clear(self) -> None:
        """Removes what a full disk is not to hold half of, and what was begun in the place of the folder."""
        if not is_main():
            return
        for wait in (0.0, 0.1, 0.2, 0.4, 0.8):  # a file that is made meanwhile keeps its folder there
            time.sleep(wait)
            halves = list(self._path.glob("*.orbax-checkpoint-tmp"))
            if not halves:
                break
            for half in halves:
                shutil.rmtree(half, ignore_errors=True)
        if not self._there():
            with contextlib.suppress(OSError):  # if nothing else is there
                self._path.rmdir()
                self._path.parent.rmdir()

    def _irregular(self, working: bool) -> list[str]:
        """Sets checkpoints aside that hold pipes, devices or links to nowhere, on which Orbax would wait for
        ever; or refuses them, if they are only read.
        """
        lines = []
        for step in sorted(int(path.name) for path in self._path.glob("*") if path.name.isdecimal()):
            if why := irregular_file(self._path / str(step)):
                if not working:
                    raise Refused(f"checkpoint {step} is damaged: {why}; `jaxgan resume` steps over it")
                lines.append(self._set_aside(step, why))
        return lines

    def _set_aside(self, step: int, why: str) -> str:
        name = f"damaged-{step}"
        while (self._path / name).exists():
            name += "-again"
        os.rename(self._path / str(step), self._path / name)
        return f"checkpoint {step} is damaged ({why}); it was set aside as {name}"

    def _load(self, step: int, like: PyTree) -> tuple[PyTree, dict[str, Any]]:
        """The state and the notes; damaged for all processes where it is for one."""
        trouble = ""
        try:
            notes = self._orbax.metadata(step).custom_metadata or {}
        except Exception as error:
            notes, trouble = {}, _reason(error)
        if not trouble and notes.get("seal") != seal(notes):
            trouble = "its digest is missing or damaged"
        if not trouble and notes.get("step", step) != step:
            trouble = f"it was saved at step {notes['step']}"
        if not trouble and self._run and notes.get("run") and notes["run"] != self._run:
            trouble = "it was saved by another run"
        if trouble := error_anywhere(trouble):
            raise _Damaged(trouble)
        if notes["structure"] != structure(host_arrays(like)):
            raise Refused(f"checkpoint {step} is of another recipe: its arrays have other names or shapes")
        state = None
        try:
            state = self._orbax.load(step, like)
            if dtypes_and_shapes(state) != dtypes_and_shapes(
                like
            ):  # without its own word for a key's that is numbers again
                trouble = "its arrays are of other dtypes than were saved"
        except Exception as error:
            trouble = _reason(error)
        if (trouble := error_anywhere(trouble)) == _NO_MEMORY:
            raise Refused(f"checkpoint {step} cannot be loaded: {trouble}")
        if trouble:
            raise _Damaged(trouble)
        if trouble := error_anywhere("" if digest(host_arrays(state)) == notes["digest"] else "other"):
            raise _Damaged("its numbers are not those that were saved")
        return state, notes


def read(
    path: Path, choose: Callable[[Checkpoints], int | None], like: PyTree, run: str = ""
) -> PyTree | None:
    """The state of the step that `choose` picks, None where it picks none.

    A training run may be at work in the folder and remove what is chosen: then it is chosen again.
    """
    for wait in (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2):
        time.sleep(wait)
        try:
            with Checkpoints(path, run=run) as checkpoints:
                step = choose(checkpoints)
                return None if step is None else checkpoints.at(step, like)
        except (Replaced, FileNotFoundError) as error:
            gave_way = error
    raise Replaced(f"checkpoints of {path} give way to newer ones sooner than they are read: {gave_way}")


def newest_text(path: Path) -> tuple[int, str] | None:
    """The newest step in a folder beside which a text was saved, and the text; no arrays are read.

    >>> beside(Path("nowhere")) is None
    True
    """
    steps = [int(one.name) for one in path.glob("[0-9]*") if one.name.isdigit()]
    for step in sorted(steps, reverse=True):
        try:
            notes = json.loads(reading.content(path / str(step) / "_CHECKPOINT_METADATA"))["custom_metadata"]
            if notes["seal"] == seal(notes) and notes["step"] == step and notes["beside"]:
                return step, notes["beside"]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            continue
    return None


class _Damaged(Exception):
    pass


_NO_MEMORY = "memory has run out"

_SCORE = "score"  # what a lane's is called, before its name


def _scored(metrics: Mapping[str, float], lane: str) -> float:
    return metrics.get(_SCORE + lane, -math.inf)


def _reason(error: BaseException) -> str:
    """The first line of the deepest cause: Orbax wraps what went wrong."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = str(error).strip() or type(error).__name__
    if isinstance(error, MemoryError) or "Out of memory" in text:
        return _NO_MEMORY
    if "RESOURCE_EXHAUSTED" in text or "No space left" in text:
        return "the disk is full"
    return text.splitlines()[0][:120]
