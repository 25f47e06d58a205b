"""Checkpoints by Orbax: asynchronous, atomic and verified by a digest; the last k and the best are kept.

Orbax writes a step under a temporary name and renames it, so a killed process leaves no incomplete one. It
does not detect flipped bits, nor fall back from a damaged step: the digest and `Checkpoints.newest` do.
Several processes write and read one checkpoint together: each calls the same methods in the same order.
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
from pathlib import Path
from typing import Any, NamedTuple

import jax
from orbax.checkpoint import v1 as ocp

from jaxgan import reading
from jaxgan.errors import Refused
from jaxgan.folder import orbax
from jaxgan.folder.files import still_there
from jaxgan.folder.fingerprint import digest, first_not_finite, host_arrays, seal, structure
from jaxgan.folder.orbax import NO_MEMORY, reason
from jaxgan.parts.types import PyTree
from jaxgan.scale.processes import broadcast, error_anywhere, is_main, lost_peer


class Restored(NamedTuple):
    """A verified state, and what was saved with it."""

    step: int
    state: PyTree
    attempt: int
    damaged: list[str]  # a line on each damaged checkpoint that was renamed
    rows: int | None = None  # rows of the log up to this step, if that was saved


class SaveFailed(Exception):
    """A checkpoint could not be written; the message says which, and why."""


class Replaced(Refused):
    """A training run in the same folder replaced a checkpoint by a newer one while it was read."""


class Checkpoints:
    """The checkpoints of one run. Close it (or use `with`), or the last save is lost.

    The `keep` newest are kept, and the one with the highest score of each of the `lanes`, or of a single run,
    named "". Without `keep` they are only read, and a save in progress of another process is left alone.
    Those of another run than `run`, if given, count as damaged. `manifest` returns a text to save with each.
    """

    def __init__(
        self,
        path: Path,
        keep: int | None = None,
        lanes: Sequence[str] = (),
        run: str = "",
        manifest: Callable[[], str] = str,
    ) -> None:
        if os.path.lexists(path) and not path.is_dir():
            raise Refused(f"{path} is not a folder of checkpoints: restore it")
        policies = ocp.training.preservation_policies
        best = [
            policies.BestN(
                get_metric_fn=lambda metrics, name=_SCORE + lane: metrics.get(name, -math.inf),
                n=1,
                keep_checkpoints_without_metrics=False,
            )
            for lane in lanes or ("",)
        ]
        self._path, self._run, self._manifest = path, run, manifest
        self._pending: tuple[int, Any] | None = None
        # several processes save in step with their updates, so not on a thread
        self._thread = ThreadPoolExecutor(1) if jax.process_count() == 1 else None
        self._failed = False
        self._damaged = broadcast(lambda: self._check_files(repair=keep is not None))
        self._link = orbax.link_plain_path(path)
        orbax.silence()
        if keep is not None:
            self._damaged += broadcast(lambda: orbax.rename_damaged_scores(path))
        try:
            self._orbax = ocp.training.Checkpointer(
                path if self._link is None else Path(self._link.name) / path.name,
                cleanup_tmp_directories=keep is not None,
                save_decision_policy=ocp.training.save_decision_policies.FixedIntervalPolicy(1),
                preservation_policy=policies.AnyPreservationPolicy([policies.LatestN(keep), *best]),
            )
        except (ValueError, IsADirectoryError) as error:
            raise Refused(f"scores in {path} are damaged ({reason(error)}); a resume skips them") from None
        self._exists = still_there(path)  # Orbax would recreate a deleted folder

    def save(
        self,
        step: int,
        state: PyTree,
        *,
        attempt: int = 0,
        scores: Mapping[str, float] | None = None,
        rows: int | None = None,
    ) -> None:
        """Saves in the background; an error is raised by the next call, or by `wait`. A NaN is never saved.

        `scores` are by lane; `rows` is the number of rows of the log up to this step. The state must not be
        donated before the next call.
        """
        self.wait()
        if error_anywhere("" if self._exists() else "deleted"):
            raise self._failure(step, FileNotFoundError())
        if step in self.steps():
            return
        host = host_arrays(state)
        if bad := first_not_finite(host):
            raise SaveFailed(f"the state of step {step} is not finite ({bad}), so it was not saved")
        metrics = {_SCORE + lane: float(x) for lane, x in (scores or {}).items() if math.isfinite(x)}
        known = {"attempt": attempt, "step": step, "run": self._run, "rows": rows, "beside": self._manifest()}

        def start() -> Any:
            notes = {"digest": digest(host), "structure": structure(host), **known}
            notes["seal"] = seal(notes)
            return self._orbax.save_async(step, state, metrics=metrics or None, custom_metadata=notes)

        if self._thread is not None:
            self._pending = (step, self._thread.submit(lambda: start().result()))
            return
        try:
            self._pending = (step, start())
        except Exception as error:
            if lost_peer(error):
                raise
            raise self._failure(step, error) from error

    def wait(self) -> None:
        """Returns when the last save is on disk; raises `SaveFailed` if it could not be written."""
        if self._pending is not None:
            (step, response), self._pending = self._pending, None
            try:
                response.result()
            except Exception as error:
                raise self._failure(step, error) from error

    def read_back(self, step: int, like: PyTree) -> None:
        """Waits for the save of this step and reads it again; raises `SaveFailed` if that fails.

        Done once at the start of a run: some file systems accept writes that cannot be read back.
        """
        self.wait()
        try:
            self._load(step, like)
        except _Damaged as damage:
            raise SaveFailed(f"checkpoint {step} was written and cannot be read back: {damage}") from None

    def newest(self, like: PyTree) -> Restored | None:
        """Returns the newest checkpoint that loads, onto the shapes and shardings of `like`.

        Newer ones that are damaged are renamed to damaged-STEP. Returns None if there are no checkpoints; if
        all are damaged, raises `Refused` and renames nothing: the reader may be at fault.
        """
        self.wait()
        damaged: dict[int, str] = {}
        for step in reversed(self.steps()):
            try:
                state, notes = self._load(step, like)
            except _Damaged as damage:
                damaged[step] = str(damage)
                continue
            renamed = broadcast(lambda: [self._rename(bad, why) for bad, why in damaged.items()])
            if renamed:
                self._orbax.reload()  # else it would skip every later save up to these steps
            return Restored(step, state, notes["attempt"], [*self._damaged, *renamed], notes.get("rows"))
        if damaged:
            reasons = ", ".join(f"{step} ({why})" for step, why in damaged.items())
            raise Refused(f"every checkpoint in {self._path} is damaged: {reasons}")
        return None

    def at(self, step: int, like: PyTree) -> PyTree:
        """Returns the state saved at this step, verified, onto the shapes and shardings of `like`."""
        if step not in self.steps():
            raise Refused(f"there is no checkpoint of step {step}; there are {self.steps()}")
        folder = self._path / str(step)
        before = sorted(folder.rglob("*"))
        try:
            return self._load(step, like)[0]
        except _Damaged as damage:
            # a folder that is being deleted still has some of its files
            if sorted(folder.rglob("*")) != before or not before:
                raise Replaced(f"checkpoint {step} was just replaced by a newer one: try again") from None
            newest = step == max(self.steps())
            way = "`jaxgan resume` skips it" if newest else f"no resume reads it, so delete {folder}"
            raise Refused(f"checkpoint {step} is damaged: {damage}; {way}") from None

    def steps(self) -> list[int]:
        """Returns the saved steps, oldest first."""
        return broadcast(lambda: sorted(c.step for c in self._orbax.checkpoints))

    def scores(self, lane: str = "") -> dict[int, float]:
        """Returns the scores of a lane by step."""
        scores = {c.step: c.metrics.get(_SCORE + lane) for c in self._orbax.checkpoints if c.metrics}
        return {step: score for step, score in scores.items() if score is not None}

    def best(self, lane: str = "") -> int | None:
        """Returns the step with the highest score of a lane; None if it has no score."""
        scores = self.scores(lane)
        return max(scores, key=lambda step: (scores[step], step)) if scores else None

    def close(self) -> None:
        """Waits for the last save and closes."""
        try:
            self.wait()
        finally:
            if self._thread is not None:
                self._thread.shutdown()
            try:
                self._orbax.close()
            except Exception as error:
                if not self._failed:  # else it is the same error again
                    raise SaveFailed(f"the checkpoints could not be completed: {reason(error)}") from error
            finally:
                if self._failed:
                    self._clear()
                    atexit.register(self._clear)  # Orbax's threads write until they are joined at exit
                if self._link is not None:
                    self._link.cleanup()

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not lost_peer(error):  # else the pending save never ends
            self.close()

    def _failure(self, step: int, error: Exception) -> SaveFailed:
        self._failed = True
        self._clear()
        why = reason(error) if self._exists() else f"{self._path} was moved or deleted while the run went on"
        return SaveFailed(f"checkpoint {step} could not be written: {why}")

    def _clear(self) -> None:
        """Removes incomplete saves, to free a full disk, and what Orbax put where a deleted folder was."""
        if not is_main():
            return
        for wait in (0.0, 0.1, 0.2, 0.4, 0.8):  # a file made meanwhile keeps its folder from being removed
            time.sleep(wait)
            incomplete = list(self._path.glob("*.orbax-checkpoint-tmp"))
            if not incomplete:
                break
            for folder in incomplete:
                shutil.rmtree(folder, ignore_errors=True)
        if not self._exists():
            with contextlib.suppress(OSError):  # if they are not empty
                self._path.rmdir()
                self._path.parent.rmdir()

    def _check_files(self, repair: bool) -> list[str]:
        """Looks for checkpoints with pipes, devices or dangling links, on which Orbax would hang.

        Renames them and returns a line on each, or raises `Refused` without `repair`.
        """
        lines = []
        for step in sorted(int(path.name) for path in self._path.glob("*") if path.name.isdecimal()):
            if why := orbax.irregular_file(self._path / str(step)):
                if not repair:
                    raise Refused(f"checkpoint {step} is damaged: {why}; `jaxgan resume` skips it")
                lines.append(self._rename(step, why))
        return lines

    def _rename(self, step: int, why: str) -> str:
        name = f"damaged-{step}"
        while (self._path / name).exists():
            name += "-again"
        os.rename(self._path / str(step), self._path / name)
        return f"checkpoint {step} is damaged ({why}); it was renamed to {name}"

    def _load(self, step: int, like: PyTree) -> tuple[PyTree, dict[str, Any]]:
        """Returns the verified state and the notes; damaged for all processes if it is for one."""
        notes = _on_every_process(lambda: self._load_notes(step), step)
        if notes["structure"] != structure(host_arrays(like)):
            raise Refused(f"checkpoint {step} is of another recipe: its arrays have other names or shapes")
        state = _on_every_process(lambda: self._load_state(step, like), step)
        if error_anywhere("" if digest(host_arrays(state)) == notes["digest"] else "differs"):
            raise _Damaged("its numbers are not those that were saved")
        return state, notes

    def _load_notes(self, step: int) -> dict[str, Any]:
        notes = self._orbax.metadata(step).custom_metadata or {}
        if notes.get("seal") != seal(notes):
            raise _Damaged("its digest is missing or damaged")
        if notes.get("step", step) != step:
            raise _Damaged(f"it was saved at step {notes['step']}")
        if self._run and notes.get("run") and notes["run"] != self._run:
            raise _Damaged("it was saved by another run")
        return notes

    def _load_state(self, step: int, like: PyTree) -> PyTree:
        state = self._orbax.load(step, like)
        loaded, expected = ([(x.dtype, x.shape) for x in jax.tree.leaves(tree)] for tree in (state, like))
        if loaded != expected:  # a random key without its metadata loads as numbers
            raise _Damaged("its arrays are of other dtypes than were saved")
        return state


def read(
    path: Path, choose: Callable[[Checkpoints], int | None], like: PyTree, run: str = ""
) -> PyTree | None:
    """Returns the state of the step that `choose` returns, None if that is None.

    Chooses again if a training run in the same folder removes that step meanwhile.
    """
    for wait in (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2):
        time.sleep(wait)
        try:
            with Checkpoints(path, run=run) as checkpoints:
                step = choose(checkpoints)
                return None if step is None else checkpoints.at(step, like)
        except (Replaced, FileNotFoundError) as error:
            last_error = error
    raise Replaced(f"checkpoints of {path} are replaced faster than they can be read: {last_error}")


def newest_manifest(path: Path) -> tuple[int, str] | None:
    """Returns the newest step saved with a manifest, and that manifest, without reading any array.

    >>> newest_manifest(Path("nowhere")) is None
    True
    """
    steps = [int(folder.name) for folder in path.glob("[0-9]*") if folder.name.isdigit()]
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


_SCORE = "score"  # prefix of a lane's name among the metrics


def _on_every_process(load: Callable[[], Any], step: int) -> Any:
    """Returns `load()`; if it fails on one process, raises on all of them."""
    result, why = None, ""
    try:
        result = load()
    except Exception as error:
        why = reason(error)
    if (why := error_anywhere(why)) == NO_MEMORY:
        raise Refused(f"checkpoint {step} cannot be loaded: {why}")
    if why:
        raise _Damaged(why)
    return result
