"""Copies one lane of a run into a run folder of its own."""

from functools import partial
from pathlib import Path

import msgspec

from jaxgan import reading
from jaxgan.errors import Refused
from jaxgan.folder import codec, files, folder, rows
from jaxgan.folder.checkpoint import Checkpoints, SaveFailed
from jaxgan.folder.manifest import (
    Manifest,
    Session,
    compact_json,
    halted_lanes,
    manifest_text,
    new_id,
    read_manifest,
    write_manifest,
)
from jaxgan.run.reopen import reopen


def take(run: Path, lane: str, out: Path, trust: bool = False) -> Path:
    """Writes the lane's options, script, rows, newest and best checkpoint as a run that can be resumed."""
    folder.check_out(out)
    again, place = reopen(run, lane=lane, trust=trust), folder.find_folder(run)
    if again.lane is None:
        raise Refused(f"{run} is a single run, without lanes")
    step = int(again.state.step)
    with files.atomic_folder(out) as unfinished:
        new = folder.Folder(unfinished)
        new.samples.mkdir()
        new.script.write_bytes(place.script.read_bytes())
        manifest = read_manifest(place)
        manifest.sessions = [_session(manifest, lane, step)]
        manifest.seed, manifest.taken = again.config.seed, f"{lane} of {place.path}"
        old_id, manifest.id, manifest.config = (
            manifest.id,
            new_id(),
            [compact_json(codec.dumps(again.config))],
        )
        write_manifest(new, manifest)
        logged = [row for row in rows.read(place.metrics, again.lane) if row.step <= step]
        files.write(new.metrics, "".join(rows.encode(row) + "\n" for row in logged))
        for picture in sorted((place.samples / lane).glob("step_*.png")):
            if reading.is_file_in(place.path, picture):
                (new.samples / picture.name).write_bytes(reading.content(picture))
        keep, beside = again.config.keep, partial(manifest_text, new)
        try:
            with (
                Checkpoints(place.checkpoints, run=old_id) as old,
                Checkpoints(new.checkpoints, keep, run=manifest.id, manifest=beside) as checkpoints,
            ):
                scores, source = old.scores(lane), again.experiment.source
                best = [reopen(run, "best", lane, source=source, trust=trust)] if scores else []
                for reopened in [*best, again]:
                    at = int(reopened.state.step)
                    score = {"": scores[at]} if at in scores else None
                    count = sum(row.step <= at for row in logged)
                    checkpoints.save(at, reopened.state, scores=score, rows=count)
        except SaveFailed as error:
            raise Refused(f"cannot write {out}: {error}") from None
        files.write(new.config, codec.dumps(again.config))
    return out


def _session(manifest: Manifest, lane: str, step: int) -> Session:
    """Returns the history of the lane as one session: its devices, the step it reached, and why it ended."""
    last = manifest.sessions[-1]
    ended = halted_lanes(manifest).get(lane) or last.ended or "Interrupted: taken from a run that went on"
    return msgspec.structs.replace(last, began=0, step=step, ended=ended, halted={})
