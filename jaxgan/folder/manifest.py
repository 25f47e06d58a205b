"""manifest.json: what a run was started as, on which machine, and each session that worked on it."""

import contextlib
import importlib.metadata
import json
import platform
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from jaxgan import reading
from jaxgan.errors import Refused
from jaxgan.folder import cache
from jaxgan.folder.files import still_there, write
from jaxgan.folder.folder import Folder
from jaxgan.folder.lock import in_use
from jaxgan.folder.script import Script, hashes
from jaxgan.terminal import warn

FORMAT = 2
"""Of this file and the rows beside it."""
OLD_FORMAT = (
    "was made by an older jaxgan, which kept its numbers otherwise: go on with the version that made it"
)


class Session(msgspec.Struct, kw_only=True, rename={"began": "from"}):
    """One process at work on a run: from which step, up to which, and why it ended."""

    started: str
    command: list[str] = []
    versions: dict[str, str] = {}
    devices: list[str] = []
    began: int | None = None  # None where it was refused before it knew
    step: int | None = None
    ended: str | None = None  # None while it works, and of one that was killed
    stopped: str | None = None  # when
    changed: dict[str, tuple[Any, Any]] = {}  # options by force: old, new
    hooks: dict[str, dict[str, Any]] = {}  # what they noted of how they measure
    still: dict[str, str] = {}  # lanes that stand still, and why


class Git(msgspec.Struct):
    """Where the script stood in its repository."""

    commit: str
    changed: bool


class Data(msgspec.Struct):
    """Which examples a run is about."""

    fingerprint: str = ""
    note: str = ""


class Weights(msgspec.Struct):
    """The file that a run began with."""

    path: str
    sha256: str


class Manifest(msgspec.Struct, kw_only=True):
    """What a run was started as, and what has worked on it since."""

    format: int
    created: str
    command: list[str] = []
    seed: int = 0
    data: Data = msgspec.field(default_factory=Data)
    script: str  # "" of a run that `jg.fit` has made
    files: dict[str, str]  # the script and what it loads from its folder, and their sha256
    git: Git | None
    versions: dict[str, str]
    devices: list[str]
    sessions: list[Session]
    weights: Weights | None = None
    taken: str | None = None  # the lane that it was, and of which run
    id: str = ""  # tells its checkpoints from those of other runs
    config: list[str] = []  # what config.json says; two texts while one gives way to the other


def new_manifest(
    script: Script | None,
    seed: int,
    data: Mapping[str, str],
    weights: Mapping[str, str] | None = None,
    config: str = "{}",
) -> Manifest:
    """The manifest of a run that begins here and now."""
    return Manifest(
        format=FORMAT,
        created=_now(),
        command=_command(),
        seed=seed,
        data=Data(**data),
        script="" if script is None else str(script.path),
        files={} if script is None else hashes(script),
        git=_git(Path.cwd() if script is None else script.path.parent),
        sessions=[],
        weights=Weights(**weights) if weights else None,
        id=new_id(),
        config=[compact_json(config)],
        **_machine(),
    )


def new_id() -> str:
    """What no other run is called.

    >>> len(new_id())
    16
    """
    return secrets.token_hex(8)


def compact_json(text: str) -> str:
    """JSON text without its line breaks.

    >>> in_one_line('{\\n "steps": 3\\n}')
    '{"steps": 3}'
    """
    return json.dumps(json.loads(text))


def read_manifest(folder: Folder) -> Manifest:
    """What manifest.json says; refused where it is of an older jaxgan.

    Where it is lost or damaged: what the session that is at work knows, or else what was saved of it beside
    the newest checkpoint, with a warning; refused where there is neither.
    """
    try:
        said = msgspec.json.decode(reading.content(folder.manifest))
    except FileNotFoundError:
        return _again(folder, "is not there")
    except OSError as error:
        return _again(folder, f"cannot be read: {error.strerror or error}")
    except (ValueError, RecursionError) as error:
        return _again(folder, f"cannot be read: {error}")
    if isinstance(said, dict) and "sessions" in said and said.get("format") != FORMAT:
        raise Refused(f"{folder.path} {OLD_FORMAT}")
    try:
        return msgspec.convert(said, Manifest)
    except msgspec.ValidationError as error:
        return _again(folder, f"is damaged: {error}")


def _again(folder: Folder, trouble: str) -> Manifest:
    """The manifest from another place, where the file has this trouble."""
    if (known := _AT_WORK.get(folder.path)) is not None:
        if folder.config.exists():
            warn(f"{folder.manifest} {trouble}; it is written again")
        return msgspec.json.decode(known, type=Manifest)
    from jaxgan.folder.checkpoint import newest_text

    if (saved := newest_text(folder.checkpoints)) is None:
        raise Refused(f"{folder.manifest} {trouble}, and no checkpoint has a copy of it: put it back")
    step, text = saved
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except (ValueError, msgspec.DecodeError):
        raise Refused(f"{folder.manifest} {trouble}, and so is its copy in checkpoint {step}") from None
    warn(f"{folder.manifest} {trouble}; taken in its place is what it was at checkpoint {step}")
    return manifest


_AT_WORK: dict[Path, bytes] = {}
"""The manifests of the runs that a session of this process works on, as they were last written."""


def write_manifest(folder: Folder, manifest: Manifest) -> None:
    """Writes manifest.json, whole or not at all."""
    text = msgspec.json.encode(manifest)
    if folder.path in _AT_WORK:
        _AT_WORK[folder.path] = text
    write(folder.manifest, msgspec.json.format(text, indent=2))


def manifest_text(folder: Folder) -> str:
    """The manifest as text, to be saved beside a checkpoint."""
    return msgspec.json.encode(read_manifest(folder)).decode()


def script_copy(folder: Folder) -> Path:
    """The script that the run goes on with: that which it was started with, or was forced to since."""
    if not read_manifest(folder).script:
        raise Refused(
            f"{folder.path} was made by jg.fit, which keeps no script: the same call, with this folder as "
            "`out`, goes on with it or gives back what it holds"
        )
    if not folder.script.is_file():
        raise Refused(f"{folder.path} has lost its script.py; copy the script there again")
    return folder.script


def commit(manifest: Manifest) -> str:
    """Where the script stood in its repository when the run was started, if in one."""
    git = manifest.git
    return "none" if git is None else git.commit + (" with changes" if git.changed else "")


def devices(names: Sequence[str]) -> str:
    """What the run, or a session of it, had to work on.

    >>> devices(["NVIDIA H100"] * 8), devices(["Apple M4"])
    ('8 x NVIDIA H100', 'Apple M4')
    """
    counts = Counter(names)
    return ", ".join(kind if count == 1 else f"{count} x {kind}" for kind, count in counts.items())


@contextlib.contextmanager
def session(folder: Folder | None) -> Iterator[Session]:
    """Notes in the manifest that a process works on the run, and in the end why it stopped.

    The caller fills in where it began, the step and how it ended; where an exception ends it, that is named
    instead. One that was refused before it had a step leaves no trace, unless it was the first.

    Without a folder nothing is noted.
    """
    if folder is None:
        yield Session(started=_now())
        return
    manifest = read_manifest(folder)
    entry = Session(started=_now(), command=_command(), **_machine())
    manifest.sessions.append(entry)
    _AT_WORK[folder.path], there = b"", still_there(folder.path)
    failed = False
    try:
        write_manifest(folder, manifest)
        yield entry
    except BaseException as error:
        failed = True
        entry.ended = f"{type(error).__name__}: {error}".removesuffix(": ")
        if isinstance(error, Refused) and entry.step is None and len(manifest.sessions) > 1:
            manifest.sessions.pop()
        raise
    finally:
        entry.stopped = _now()
        try:
            now = read_manifest(folder)
            now.sessions = manifest.sessions
            if there():
                write_manifest(folder, now)
        except (OSError, Refused) as error:
            if not failed:  # else that may be what ended it
                warn(f"{folder.manifest} cannot be written: {error}")
        finally:
            del _AT_WORK[folder.path]


def update_session(folder: Folder | None, entry: Session) -> None:
    """Writes down what the session that goes on can say of itself so far, if anything is kept."""
    if folder is None:
        return
    manifest = read_manifest(folder)
    manifest.sessions[-1] = entry
    write_manifest(folder, manifest)


def endings(folder: Folder, manifest: Manifest) -> tuple[str, ...]:
    """How each session ended, in its own words, or what happened to one that left none: running, killed."""
    said = [session.ended or "killed" for session in manifest.sessions]
    if said and not manifest.sessions[-1].ended and in_use(folder.path):
        said[-1] = "running"
    return tuple(said)


def session_line(entry: Session, end: str) -> str:
    """A session: when it began, how far it came, how it ended, and the options that it has changed.

    >>> in_a_line(Session(started="noon", began=3, step=5, changed={"lr": (0.1, 0.2)}), "finished")
    'noon, step 3 to 5, finished; by --force lr 0.1 -> 0.2'
    """
    step = "?" if entry.step is None else entry.step
    words = f"{entry.started}, step {entry.began or 0} to {step}, {end}"
    changed = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in entry.changed.items())
    return f"{words}; by --force {changed}" if changed else words


def halted_lanes(manifest: Manifest) -> dict[str, str]:
    """The lanes that any session saw stand still, and why: none ever moves again."""
    return {lane: why for session in manifest.sessions for lane, why in session.still.items()}


def _machine() -> dict[str, Any]:
    import jax

    names = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
    return {
        "versions": {
            "python": platform.python_version(),
            **{n: importlib.metadata.version(n) for n in names},
        },
        "devices": [
            cache.processor() if device.platform == "cpu" else device.device_kind for device in jax.devices()
        ],
    }


def _git(folder: Path) -> Git | None:
    def ask(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return Git(ask("rev-parse", "HEAD"), bool(ask("status", "--porcelain")))
    except (OSError, subprocess.CalledProcessError):
        return None  # no git, or no commit: not every script lives in a repository


def _command() -> list[str]:
    return [sys.executable, *sys.argv]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
