"""manifest.json: what a run was started as, on which machine, and each session that worked on it."""

import contextlib
import importlib.metadata
import json
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jaxgan.errors import Refused
from jaxgan.run import processor
from jaxgan.run.files import write
from jaxgan.run.folder import Folder
from jaxgan.run.lock import in_use
from jaxgan.run.script import Script, hashes

Manifest = dict[str, Any]
_KNOWN = frozenset({"created", "script", "files", "git", "versions", "devices", "sessions"})


def described(script: Script | None, seed: int, data: Mapping[str, str]) -> Manifest:
    """The manifest of a run that begins here and now."""
    return {
        "created": _now(),
        "command": _command(),
        "seed": seed,
        "data": dict(data),
        "script": "" if script is None else str(script.path),
        "files": {} if script is None else hashes(script),
        "git": _git(Path.cwd() if script is None else script.path.parent),
        **_machine(),
        "sessions": [],
    }


def read_manifest(folder: Folder) -> Manifest:
    """What manifest.json says."""
    try:
        manifest = json.loads(folder.manifest.read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(f"{folder.manifest} cannot be read: {error}") from None
    if missing := _KNOWN - (manifest.keys() if isinstance(manifest, dict) else set()):
        raise Refused(f"{folder.manifest} is damaged: it does not say {', '.join(sorted(missing))}")
    return manifest


def copied_script(folder: Folder) -> Path:
    """The script that the run goes on with: that which it was started with, or was forced to since."""
    if not read_manifest(folder)["script"]:
        raise Refused(
            f"{folder.path} was made by jg.fit, which keeps no script: the same call, with this folder as "
            "`out`, goes on with it or gives back what it holds"
        )
    if not folder.script.is_file():
        raise Refused(f"{folder.path} has lost its script.py; copy the script there again")
    return folder.script


def commit(manifest: Manifest) -> str:
    """Where the script stood in its repository when the run was started, if in one."""
    git = manifest["git"]
    return "none" if git is None else git["commit"] + (" with changes" if git["changed"] else "")


def devices(manifest: Manifest) -> str:
    """What the run, or a session of it, had to work on.

    >>> devices({"devices": ["NVIDIA H100"] * 8}), devices({"devices": ["Apple M4"]})
    ('8 x NVIDIA H100', 'Apple M4')
    """
    counts: Counter[str] = Counter(manifest["devices"])
    return ", ".join(kind if count == 1 else f"{count} x {kind}" for kind, count in counts.items())


@contextlib.contextmanager
def session(folder: Folder | None) -> Iterator[Manifest]:
    """Notes in the manifest that a process works on the run, and in the end why it stopped.

    The caller fills in "from", "step" and "ended"; where an exception ends it, that is named instead. One
    that was refused before it had a step leaves no trace, unless it was the first.

    Without a folder nothing is noted.
    """
    if folder is None:
        yield {}
        return
    manifest = read_manifest(folder)
    entry: Manifest = {"started": _now(), "command": _command(), "ended": None, **_machine()}
    manifest["sessions"].append(entry)
    write(folder.manifest, json.dumps(manifest, indent=2))
    try:
        yield entry
    except BaseException as error:
        entry["ended"] = f"{type(error).__name__}: {error}".removesuffix(": ")
        if isinstance(error, Refused) and "step" not in entry and len(manifest["sessions"]) > 1:
            manifest["sessions"].pop()
        raise
    finally:
        entry["stopped"] = _now()
        with contextlib.suppress(OSError, Refused):  # the disk may be what ended it
            now = {**read_manifest(folder), "sessions": manifest["sessions"]}
            write(folder.manifest, json.dumps(now, indent=2))


def note(folder: Folder | None, entry: Mapping[str, Any]) -> None:
    """Writes down what the session that goes on can say of itself so far, if anything is kept."""
    if folder is None:
        return
    manifest = read_manifest(folder)
    manifest["sessions"][-1] = dict(entry)
    write(folder.manifest, json.dumps(manifest, indent=2))


def ends(folder: Folder, manifest: Manifest) -> tuple[str, ...]:
    """How each session ended, in its own words, or what happened to one that left none: running, killed."""
    said = [str(session["ended"] or "killed") for session in manifest["sessions"]]
    if said and not manifest["sessions"][-1]["ended"] and in_use(folder.path):
        said[-1] = "running"
    return tuple(said)


def in_a_line(entry: Manifest, end: str) -> str:
    """A session: when it began, how far it came, how it ended, and the options that it has changed.

    >>> in_a_line({"started": "noon", "from": 3, "step": 5, "changed": {"lr": [0.1, 0.2]}}, "finished")
    'noon, step 3 to 5, finished; by --force lr 0.1 -> 0.2'
    """
    words = f"{entry['started']}, step {entry.get('from', 0)} to {entry.get('step', '?')}, {end}"
    changed = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in entry.get("changed", {}).items())
    return f"{words}; by --force {changed}" if changed else words


def still_lanes(manifest: Manifest) -> dict[str, str]:
    """The lanes that any session saw stand still, and why: none ever moves again."""
    noted = (session.get("still", {}) for session in manifest["sessions"])
    return {lane: why for still in noted for lane, why in still.items()}


def _machine() -> Manifest:
    import jax

    names = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
    return {
        "versions": {
            "python": platform.python_version(),
            **{n: importlib.metadata.version(n) for n in names},
        },
        "devices": [
            processor.name() if device.platform == "cpu" else device.device_kind for device in jax.devices()
        ],
    }


def _git(folder: Path) -> Mapping[str, Any] | None:
    def ask(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return {"commit": ask("rev-parse", "HEAD"), "changed": bool(ask("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return None  # no git, or no commit: not every script lives in a repository


def _command() -> list[str]:
    return [sys.executable, *sys.argv]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
