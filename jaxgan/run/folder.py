"""The run folder: what is written where, and by whom.

config.json     the options, reloaded exactly
manifest.json   versions, devices, commit, command, seed, hashes; each session and why it ended
script.py       the script that ran
metrics.jsonl   a line per logged step
checkpoints/    the state at some steps
samples/        pictures, the same latents from step 0 on
tensorboard/, wandb/, export-STEP/, evaluations/, report.html, analysis/, diagnosis/   where asked for
"""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.errors import Refused

Manifest = dict[str, Any]
_KNOWN = frozenset({"created", "script", "files", "git", "versions", "devices", "sessions"})


class Folder(NamedTuple):
    """The paths of one run."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def script(self) -> Path:
        return self.path / "script.py"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"


class Script(NamedTuple):
    """A script as it was when it began to run: an editor may save another one at any time."""

    path: Path
    code: bytes


def read_script(path: Path) -> Script:
    """The script as it is now."""
    return Script(path.absolute(), path.read_bytes())


def free(name: str, root: Path = Path("runs")) -> Path:
    """The first of root/name, root/name-2, root/name-3, ... that is not there yet."""
    n, path = 1, root / name
    while path.exists():
        n += 1
        path = root / f"{name}-{n}"
    return path


def create(
    path: Path,
    script: Script,
    config_text: str,
    seed: int,
    data: Mapping[str, str],
    weights: Mapping[str, str] | None = None,
) -> Folder:
    """A new run folder; refused where one cannot be, or already is. `data` says which examples it is about,
    `weights` which it begins with."""
    folder = Folder(path.absolute())
    if folder.config.exists():
        raise Refused(
            f"{path} holds a run already; go on with `jaxgan resume {path}`, or choose another --out"
        )
    try:
        if path.is_dir() and any(p.name != ".lock" for p in path.iterdir()):
            raise Refused(f"{path} is not empty; choose another --out")
        folder.samples.mkdir(parents=True)
        folder.script.write_bytes(script.code)
        begins = {"weights": dict(weights)} if weights else {}
        write(folder.manifest, json.dumps({**_described(script, seed, data), **begins}, indent=2))
        write(folder.config, config_text)  # last: a folder with a config is a run
    except OSError as error:
        raise Refused(f"cannot write the run folder {path}: {error.strerror or error}") from None
    return folder


def existing(path: Path) -> Folder:
    """The folder of a run that was started before."""
    folder = Folder(path.absolute())
    if not folder.config.is_file():
        raise Refused(f"{path} is not a run folder: there is no config.json in it")
    return folder


def copied_script(folder: Folder) -> Path:
    """The script that the run was started with."""
    if not folder.script.is_file():
        raise Refused(f"{folder.path} has lost its script.py; copy the script there again")
    return folder.script


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the folder for this process alone; the lock dies with it, however it dies.

    A folder made for the lock goes with it if nothing else was put there.
    """
    made = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise Refused(f"cannot write the run folder {path}: {error.strerror or error}") from None
    try:
        _hold(lock, path)
        try:
            _sign(lock, path)
            yield
        finally:
            with contextlib.suppress(OSError):
                if made and [p.name for p in path.iterdir()] == [".lock"]:
                    (path / ".lock").unlink()
                    path.rmdir()
    finally:
        os.close(lock)


def _hold(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode().strip() or "unknown"
        raise Refused(f"{path} is in use by process {holder}") from None


def _sign(lock: int, path: Path) -> None:
    try:
        os.truncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
    except OSError as error:
        raise Refused(f"cannot write the run folder {path}: {error.strerror or error}") from None


def in_use(folder: Folder) -> bool:
    """Whether a process holds the folder, as far as its file system tells of locks."""
    try:
        with open(folder.path / ".lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def write(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


@contextlib.contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Yields a folder to write into, which becomes `out` in the end, or else leaves nothing."""
    if out.exists():
        raise Refused(f"{out} exists already; choose another --out")
    aside = out.absolute().with_name(f".{out.name}.tmp")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        yield aside
        aside.rename(out)
    except OSError as error:
        raise Refused(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def read_manifest(folder: Folder) -> Manifest:
    """What manifest.json says."""
    try:
        manifest = json.loads(folder.manifest.read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(f"{folder.manifest} cannot be read: {error}") from None
    if missing := _KNOWN - (manifest.keys() if isinstance(manifest, dict) else set()):
        raise Refused(f"{folder.manifest} is damaged: it does not say {', '.join(sorted(missing))}")
    return manifest


def commit(manifest: Manifest) -> str:
    """Where the script stood in its repository when the run was started, if in one."""
    git = manifest["git"]
    return "none" if git is None else git["commit"] + (" with changes" if git["changed"] else "")


def read_config(folder: Folder) -> dict[str, Any]:
    """What config.json says, whatever the script is now."""
    try:
        return dict(json.loads(folder.config.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise Refused(f"{folder.config} is damaged: {error}") from None


@contextlib.contextmanager
def session(folder: Folder) -> Iterator[Manifest]:
    """Notes in the manifest that a process works on the run, and in the end why it stopped.

    The caller fills in "from", "step" and "ended"; where an exception ends it, that is named instead.
    """
    manifest = read_manifest(folder)
    entry: Manifest = {"started": _now(), "command": _command(), "ended": None, **_machine()}
    manifest["sessions"].append(entry)
    write(folder.manifest, json.dumps(manifest, indent=2))
    try:
        yield entry
    except BaseException as error:
        entry["ended"] = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise
    finally:
        entry["stopped"] = _now()
        with contextlib.suppress(OSError):  # the disk may be what ended it
            write(folder.manifest, json.dumps(manifest, indent=2))


def ends(folder: Folder, manifest: Manifest) -> tuple[str, ...]:
    """How each session ended, in its own words, or what happened to one that left none: running, killed."""
    said = [str(session["ended"] or "killed") for session in manifest["sessions"]]
    if said and not manifest["sessions"][-1]["ended"] and in_use(folder):
        said[-1] = "running"
    return tuple(said)


def note(folder: Folder, entry: Mapping[str, Any]) -> None:
    """Writes down what the session that goes on can say of itself so far."""
    manifest = read_manifest(folder)
    manifest["sessions"][-1] = dict(entry)
    write(folder.manifest, json.dumps(manifest, indent=2))


def still_before(folder: Folder) -> dict[str, str]:
    """The lanes that earlier sessions saw stand still, and why."""
    noted = (session.get("still", {}) for session in read_manifest(folder)["sessions"])
    return {lane: why for still in noted for lane, why in still.items()}


def hashes(script: Script) -> dict[str, str]:
    """sha256 of the script and of every module it has loaded from its own folder, by relative path."""
    home, files = script.path.parent, set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file and Path(file).suffix == ".py" and home in Path(file).absolute().parents:
            files.add(Path(file).absolute())
    apart = (Path(sys.prefix), Path(__file__).parent.parent)  # installed packages, jaxgan itself
    own = [f for f in files if not any(p in f.parents for p in apart)]
    found = {str(f.relative_to(home)): _sha256(f.read_bytes()) for f in sorted(own)}
    return {**found, script.path.name: _sha256(script.code)}


def changed(folder: Folder, code: bytes) -> list[str]:
    """The script and the modules it loads from its own folder, where they are not what they were.

    `code` is that of the one running: the copy in the folder, or the original.
    """
    manifest = read_manifest(folder)
    now = hashes(Script(Path(manifest["script"]), code))
    return [name for name, digest in manifest["files"].items() if now.get(name, digest) != digest]


def check_files(folder: Folder, code: bytes, force: bool) -> None:
    """Refuses to go on where the script is not what it was."""
    if (other := changed(folder, code)) and not force:
        raise Refused(f"changed since the run was started: {', '.join(other)}; --force resumes all the same")


def check_data(folder: Folder, fingerprint: str, force: bool) -> None:
    """Refuses to go on with other examples than the run was started with."""
    if read_manifest(folder).get("data", {}).get("fingerprint", fingerprint) != fingerprint and not force:
        raise Refused("the data are not what they were when the run started; --force resumes all the same")


def _sha256(code: bytes) -> str:
    return hashlib.sha256(code).hexdigest()


def _described(script: Script, seed: int, data: Mapping[str, str]) -> Manifest:
    return {
        "created": _now(),
        "command": _command(),
        "seed": seed,
        "data": dict(data),
        "script": str(script.path),
        "files": hashes(script),
        "git": _git(script.path.parent),
        **_machine(),
        "sessions": [],
    }


def _machine() -> Manifest:
    import jax

    names = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")
    return {
        "versions": {
            "python": platform.python_version(),
            **{n: importlib.metadata.version(n) for n in names},
        },
        "devices": [device.device_kind for device in jax.devices()],
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
