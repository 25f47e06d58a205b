"""manifest.json: how and where a run was started, and each session that trained it."""

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
"""The version of this file and of metrics.jsonl."""
OLD_FORMAT = "was made by an older jaxgan, in another format: go on with the version that made it"


class Session(msgspec.Struct, kw_only=True, rename={"began": "from", "halted": "still"}):
    """One process that trained a run: from which step to which, and why it ended."""

    started: str
    command: list[str] = []
    versions: dict[str, str] = {}
    devices: list[str] = []
    began: int | None = None  # None if it was refused before the step was known
    step: int | None = None
    compiled: float | None = None  # seconds; None until the first update was made
    ended: str | None = None  # None while it runs, and if it was killed
    stopped: str | None = None  # when
    changed: dict[str, tuple[Any, Any]] = {}  # options changed by --force: old, new
    hooks: dict[str, dict[str, Any]] = {}  # what hooks recorded of how they measure
    halted: dict[str, str] = {}  # lanes that no longer move, and why


class Git(msgspec.Struct):
    """The state of the script's repository."""

    commit: str
    changed: bool


class Data(msgspec.Struct):
    """Which examples a run is trained on."""

    fingerprint: str = ""
    note: str = ""


class Weights(msgspec.Struct):
    """The file of weights that a run was started from."""

    path: str
    sha256: str


class Manifest(msgspec.Struct, kw_only=True):
    """How a run was started, and the sessions since."""

    format: int
    created: str
    command: list[str] = []
    seed: int = 0
    data: Data = msgspec.field(default_factory=Data)
    script: str  # "" for a run made by `jg.fit`
    files: dict[str, str]  # sha256 of the script and of the modules it loads from its folder
    git: Git | None
    versions: dict[str, str]
    devices: list[str]
    sessions: list[Session]
    weights: Weights | None = None
    taken: str | None = None  # for a run taken from another: of which lane and run
    id: str = ""  # distinguishes its checkpoints from those of other runs
    config: list[str] = []  # the text of config.json; the old and the new one while it is being replaced


def new_manifest(
    script: Script | None,
    seed: int,
    data: Mapping[str, str],
    weights: Mapping[str, str] | None = None,
    config: str = "{}",
) -> Manifest:
    """Returns the manifest of a run that starts now on this machine."""
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
    """Returns a random id for a run.

    >>> len(new_id())
    16
    """
    return secrets.token_hex(8)


def compact_json(text: str) -> str:
    """Returns JSON text on one line.

    >>> compact_json('{\\n "steps": 3\\n}')
    '{"steps": 3}'
    """
    return json.dumps(json.loads(text))


def read_manifest(folder: Folder) -> Manifest:
    """Returns the content of manifest.json; raises `Refused` if it is of an older jaxgan.

    If it is missing or damaged, returns the manifest that a session of this process last wrote, or else the
    one saved with the newest checkpoint, with a warning; raises `Refused` if there is neither.
    """
    try:
        content = msgspec.json.decode(reading.content(folder.manifest))
    except FileNotFoundError:
        return _recover(folder, "is not there")
    except OSError as error:
        return _recover(folder, f"cannot be read: {error.strerror or error}")
    except (ValueError, RecursionError) as error:
        return _recover(folder, f"cannot be read: {error}")
    if isinstance(content, dict) and "sessions" in content and content.get("format") != FORMAT:
        raise Refused(f"{folder.path} {OLD_FORMAT}")
    try:
        return msgspec.convert(content, Manifest)
    except msgspec.ValidationError as error:
        return _recover(folder, f"is damaged: {error}")


def _recover(folder: Folder, trouble: str) -> Manifest:
    if (last_written := _ACTIVE.get(folder.path)) is not None:
        if folder.config.exists():
            warn(f"{folder.manifest} {trouble}; it is written again")
        return msgspec.json.decode(last_written, type=Manifest)
    from jaxgan.folder.checkpoint import newest_manifest

    if (saved := newest_manifest(folder.checkpoints)) is None:
        raise Refused(f"{folder.manifest} {trouble}, and no checkpoint has a copy of it: restore it")
    step, text = saved
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
    except (ValueError, msgspec.DecodeError):
        raise Refused(f"{folder.manifest} {trouble}, and so is its copy in checkpoint {step}") from None
    warn(f"{folder.manifest} {trouble}; using the copy in checkpoint {step} instead")
    return manifest


_ACTIVE: dict[Path, bytes] = {}
"""The last written manifests of the runs that a session of this process trains."""


def write_manifest(folder: Folder, manifest: Manifest) -> None:
    """Writes manifest.json atomically."""
    text = msgspec.json.encode(manifest)
    if folder.path in _ACTIVE:
        _ACTIVE[folder.path] = text
    write(folder.manifest, msgspec.json.format(text, indent=2))


def manifest_text(folder: Folder) -> str:
    """Returns the manifest as text, to save with a checkpoint."""
    return msgspec.json.encode(read_manifest(folder)).decode()


def script_copy(folder: Folder) -> Path:
    """Returns the run folder's copy of the script, with which the run is resumed."""
    if not read_manifest(folder).script:
        raise Refused(
            f"{folder.path} was made by jg.fit, which keeps no script: the same call, with this folder as "
            "`out`, resumes it or returns its result"
        )
    if not folder.script.is_file():
        raise Refused(f"{folder.path} has lost its script.py; copy the script there again")
    return folder.script


def commit(manifest: Manifest) -> str:
    """Returns the commit of the script's repository when the run was started, or "none"."""
    git = manifest.git
    return "none" if git is None else git.commit + (" with changes" if git.changed else "")


def devices(names: Sequence[str]) -> str:
    """Returns device names with their counts.

    >>> devices(["NVIDIA H100"] * 8), devices(["Apple M4"])
    ('8 x NVIDIA H100', 'Apple M4')
    """
    counts = Counter(names)
    return ", ".join(kind if count == 1 else f"{count} x {kind}" for kind, count in counts.items())


@contextlib.contextmanager
def session(folder: Folder | None) -> Iterator[Session]:
    """Adds a session to the manifest, and on exit writes why it ended; without a folder, writes nothing.

    The caller fills in `began`, `step` and `ended`; an exception overrides `ended`. A session that is refused
    before it has a step is removed again, unless it is the first of the run.
    """
    if folder is None:
        yield Session(started=_now())
        return
    manifest = read_manifest(folder)
    entry = Session(started=_now(), command=_command(), **_machine())
    manifest.sessions.append(entry)
    _ACTIVE[folder.path], exists = b"", still_there(folder.path)
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
            latest = read_manifest(folder)
            latest.sessions = manifest.sessions
            if exists():
                write_manifest(folder, latest)
        except (OSError, Refused) as error:
            if not failed:  # else this may be what ended the session
                warn(f"{folder.manifest} cannot be written: {error}")
        finally:
            del _ACTIVE[folder.path]


def update_session(folder: Folder | None, entry: Session) -> None:
    """Writes the running session to the manifest, if there is a folder."""
    if folder is None:
        return
    manifest = read_manifest(folder)
    manifest.sessions[-1] = entry
    write_manifest(folder, manifest)


def endings(folder: Folder, manifest: Manifest) -> tuple[str, ...]:
    """Returns how each session ended; "running" or "killed" for one that did not write it."""
    texts = [session.ended or "killed" for session in manifest.sessions]
    if texts and not manifest.sessions[-1].ended and in_use(folder.path):
        texts[-1] = "running"
    return tuple(texts)


def session_line(entry: Session, end: str) -> str:
    """Returns a session in a line: when it started, its steps, how it ended, and the options it changed.

    >>> session_line(Session(started="noon", began=3, step=5, changed={"lr": (0.1, 0.2)}), "finished")
    'noon, step 3 to 5, finished; by --force lr 0.1 -> 0.2'
    """
    step = "?" if entry.step is None else entry.step
    line = f"{entry.started}, step {entry.began or 0} to {step}, {end}"
    changed = ", ".join(f"{name} {old} -> {new}" for name, (old, new) in entry.changed.items())
    return f"{line}; by --force {changed}" if changed else line


def halted_lanes(manifest: Manifest) -> dict[str, str]:
    """Returns the lanes that halted in any session, and why: they are never updated again."""
    return {lane: why for session in manifest.sessions for lane, why in session.halted.items()}


def _machine() -> dict[str, Any]:
    import jax

    names = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
    versions = {"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in names}}
    kinds = [cache.processor() if d.platform == "cpu" else d.device_kind for d in jax.devices()]
    return {"versions": versions, "devices": kinds}


def _git(folder: Path) -> Git | None:
    def run(*args: str) -> str:
        command = ["git", "-C", str(folder), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return Git(run("rev-parse", "HEAD"), bool(run("status", "--porcelain")))
    except (OSError, subprocess.CalledProcessError):
        return None  # no git, no repository, or no commit


def _command() -> list[str]:
    return [sys.executable, *sys.argv]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
