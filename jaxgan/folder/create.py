"""Creates run folders, and checks before a resume that script, data and options are unchanged."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxgan.errors import Refused
from jaxgan.folder.files import write
from jaxgan.folder.folder import Folder, read_config
from jaxgan.folder.manifest import Data, Manifest, compact_json, new_manifest, read_manifest, write_manifest
from jaxgan.folder.script import Script, hashes
from jaxgan.folder.settings import FIXED, RESUMABLE


def create(
    path: Path,
    script: Script | None,
    config_text: str,
    seed: int,
    data: Mapping[str, str],
    weights: Mapping[str, str] | None = None,
) -> Folder:
    """Creates a run folder; raises `Refused` if it cannot be written or is not empty.

    `data` and `weights` are fields of `Data` and `Weights`. A run without a script is one of `jg.fit`.
    """
    folder = Folder(path.absolute())
    if folder.config.exists():
        raise Refused(
            f"{path} holds a run already; go on with `jaxgan resume {path}`, or choose another --out"
        )
    try:
        if path.is_dir() and any(p.name != ".lock" for p in path.iterdir()):
            raise Refused(f"{path} is not empty; choose another --out")
        folder.samples.mkdir(parents=True)
        if script is not None:
            folder.script.write_bytes(script.code)
        write_manifest(folder, new_manifest(script, seed, data, weights, config_text))
        write(folder.config, config_text)  # last: a folder with a config is a run
    except OSError as error:
        raise Refused(f"cannot write the run folder {path}: {error.strerror or error}") from None
    return folder


def changed_files(folder: Folder, script: Script) -> dict[str, tuple[str, str]]:
    """Returns the files of the script that changed since the run was started: name -> (old, new sha256).

    Files are the script and the modules it loads from its own folder. `script` is the one running: the copy
    in the run folder, which stands for the original, or another.
    """
    manifest = read_manifest(folder)
    original = _original(folder, manifest, script)
    now = hashes(Script(original.with_name(Path(manifest.script).name), script.code))
    return {name: (old, now[name]) for name, old in manifest.files.items() if now.get(name, old) != old}


def check_files(folder: Folder, script: Script, force: bool) -> None:
    """Raises `Refused` if the script changed since the run was started, unless forced."""
    if (changed := changed_files(folder, script)) and not force:
        raise Refused(f"changed since the run was started: {', '.join(changed)}; --force resumes anyway")


def adopt(folder: Folder, script: Script, data: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Writes the script and data of a resume to the run folder if they changed.

    Returns the changes: name -> (old, new), the first 8 characters of hashes.
    """
    manifest, changed = read_manifest(folder), changed_files(folder, script)
    old_data = manifest.data.fingerprint
    if old_data != data["fingerprint"]:
        changed["content of the data"] = old_data, data["fingerprint"]
    if changed:
        original = _original(folder, manifest, script)
        write(folder.script, script.code)
        manifest.script, manifest.data = str(original), Data(**data)
        manifest.files = hashes(Script(original, script.code))
        write_manifest(folder, manifest)
    return {name: (old[:8], new[:8]) for name, (old, new) in changed.items()}


def _original(folder: Folder, manifest: Manifest, script: Script) -> Path:
    return Path(manifest.script) if script.path == folder.script else script.path


def check_data(folder: Folder, fingerprint: str, force: bool) -> None:
    """Raises `Refused` if the data differ from those the run was started with, unless forced."""
    if read_manifest(folder).data.fingerprint != fingerprint and not force:
        raise Refused("the data are not what they were when the run started; --force resumes anyway")


def write_config(folder: Folder, text: str) -> None:
    """Writes config.json, and its text to the manifest. If killed in between, nothing counts as edited."""
    manifest = read_manifest(folder)
    if manifest.config == [compact_json(text)] and not edited_options(folder):
        return
    manifest.config = [*manifest.config[-1:], compact_json(text)]
    write_manifest(folder, manifest)
    write(folder.config, text)
    manifest.config = manifest.config[-1:]
    write_manifest(folder, manifest)


def edited_options(folder: Folder) -> dict[str, tuple[Any, Any]]:
    """Returns the options of config.json that were edited by hand: name -> (old, new).

    Empty for a run of an older jaxgan, which did not save its options in the manifest.
    """
    config, saved = read_config(folder), read_manifest(folder).config
    try:
        edits = [_changes(dict(json.loads(text)), config) for text in saved]
    except (ValueError, TypeError, RecursionError):
        raise Refused(f"{folder.manifest} is damaged: its copy of config.json cannot be read") from None
    return edits[-1] if edits and all(edits) else {}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (old.get(name), new.get(name)) for name in {**old, **new}}
    return {name: pair for name, pair in pairs.items() if json.dumps(pair[0]) != json.dumps(pair[1])}


def describe_changes(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """Returns changes of options as text.

    >>> describe_changes({"lr": (0.1, 0.2), "data": ("ring", "grid")})
    "lr 0.1 -> 0.2, data 'ring' -> 'grid'"
    """
    return ", ".join(f"{name} {old!r} -> {new!r}" for name, (old, new) in changed.items())


def check_config(folder: Folder, force: bool) -> None:
    """Raises `Refused` if options of config.json were edited that a resume may not change, unless forced."""
    changed = {name: pair for name, pair in edited_options(folder).items() if name not in RESUMABLE}
    if fixed := {name: pair for name, pair in changed.items() if name in FIXED}:
        raise Refused(
            f"{folder.config} was edited: {describe_changes(fixed)}, which no resume may change, even with "
            "--force: undo the edit, or start a new run"
        )
    if changed and not force:
        way = "undo the edit, or --force resumes with it"
        raise Refused(f"{folder.config} was edited: {describe_changes(changed)}; {way}")
