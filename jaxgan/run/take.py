"""One lane of a run, taken out as a run of its own."""

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
from jaxgan.run.reopen import reopened


def take(run: Path, lane: str, out: Path, trust: bool = False) -> Path:
    """Writes the lane's options, script, numbers, newest and best checkpoint as a run to go on with."""
    folder.check_out(out)
    again, place = reopened(run, lane=lane, trust=trust), folder.find_folder(run)
    if again.lane is None:
        raise Refused(f"{run} is a single run, without lanes")
    step = int(again.state.step)
    with files.atomic_folder(out) as aside:
        new = folder.Folder(aside)
        new.samples.mkdir()
        new.script.write_bytes(place.script.read_bytes())
        manifest = read_manifest(place)
        manifest.sessions = [_session(manifest, lane, step)]
        manifest.seed, manifest.taken = again.config.seed, f"{lane} of {place.path}"
        of, manifest.id, manifest.config = manifest.id, new_id(), [compact_json(codec.dumps(again.config))]
        write_manifest(new, manifest)
        own_rows = [row for row in rows.read(place.metrics, again.lane) if row.step <= step]
        files.write(new.metrics, "".join(rows.encode(row) + "\n" for row in own_rows))
        for picture in sorted((place.samples / lane).glob("step_*.png")):
            if reading.is_file_in(place.path, picture):
                (new.samples / picture.name).write_bytes(reading.content(picture))
        try:
            with (
                Checkpoints(place.checkpoints, run=of) as old,
                Checkpoints(
                    new.checkpoints, again.config.keep, run=manifest.id, manifest=partial(manifest_text, new)
                ) as mine,
            ):
                scores, source = old.scores(lane), again.experiment.source
                best = [reopened(run, "best", lane, source=source, trust=trust)] if scores else []
                for one in [*best, again]:
                    at = int(one.state.step)
                    logged = sum(row.step <= at for row in own_rows)
                    mine.save(at, one.state, scores={"": scores[at]} if at in scores else None, rows=logged)
        except SaveFailed as error:
            raise Refused(f"cannot write {out}: {error}") from None
        files.write(new.config, codec.dumps(again.config))
    return out


def _session(manifest: Manifest, lane: str, step: int) -> Session:
    """The lane's past as one session: on what it was played, how far it came, and why it ended."""
    last = manifest.sessions[-1]
    ended = halted_lanes(manifest).get(lane) or last.ended or "Interrupted: taken from a run that went on"
    return msgspec.structs.replace(last, began=0, step=step, ended=ended, halted={})
