"""One lane of a run, taken out as a run of its own."""

import json
from pathlib import Path

from jaxgan.errors import Refused
from jaxgan.run import codec, files, folder, rows
from jaxgan.run.checkpoint import Checkpoints, SaveFailed
from jaxgan.run.manifest import Manifest, read_manifest, still_lanes
from jaxgan.run.reopen import reopened


def take(run: Path, lane: str, out: Path) -> Path:
    """Writes the lane's options, script, numbers, newest and best checkpoint as a run to go on with."""
    again, place = reopened(run, lane=lane), folder.existing(run)
    if again.lane is None:
        raise Refused(f"{run} is a single run, without lanes")
    step = int(again.state.step)
    with files.whole(out) as aside:
        new = folder.Folder(aside)
        new.samples.mkdir()
        new.script.write_bytes(place.script.read_bytes())
        manifest = read_manifest(place)
        own = {"seed": again.config.seed, "sessions": [_session(manifest, lane, step)]}
        own["taken"] = f"{lane} of {place.path}"
        files.write(new.manifest, json.dumps({**manifest, **own}, indent=2))
        own_rows = (row for row in rows.read(place.metrics, again.lane) if row.step <= step)
        files.write(new.metrics, "".join(rows.encoded(row) + "\n" for row in own_rows))
        for picture in sorted((place.samples / lane).glob("step_*.png")):
            (new.samples / picture.name).write_bytes(picture.read_bytes())
        try:
            with (
                Checkpoints(place.checkpoints) as old,
                Checkpoints(new.checkpoints, again.config.keep) as mine,
            ):
                scores = old.scores(lane)
                best = [reopened(run, "best", lane, source=again.experiment.source)] if scores else []
                for one in [*best, again]:
                    at = int(one.state.step)
                    mine.save(at, one.state, scores={"": scores[at]} if at in scores else None)
        except SaveFailed as error:
            raise Refused(f"cannot write {out}: {error}") from None
        files.write(new.config, codec.dumps(again.config))
    return out


def _session(manifest: Manifest, lane: str, step: int) -> Manifest:
    """The lane's past as one session: on what it was played, how far it came, and why it ended."""
    last = {name: x for name, x in manifest["sessions"][-1].items() if name != "still"}
    ended = still_lanes(manifest).get(lane) or last["ended"] or "Interrupted: taken from a run that went on"
    return {**last, "from": 0, "step": step, "ended": ended}
