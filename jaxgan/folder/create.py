"""A run begins in a folder of its own, and goes on where its script and its data are what they were."""

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
    """A new run folder; refused where one cannot be, or already is. `data` says which examples it is about,
    `weights` which it begins with. Without a script it goes on by another call of `jg.fit`."""
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
    """The script and the modules it loads from its own folder that are not what they were: both hashes.

    `script` is the one running: the copy in the run folder, which stands for the original, or another.
    """
    manifest = read_manifest(folder)
    original = _original(folder, manifest, script)
    now = hashes(Script(original.with_name(Path(manifest.script).name), script.code))
    return {name: (old, now[name]) for name, old in manifest.files.items() if now.get(name, old) != old}


def check_files(folder: Folder, script: Script, force: bool) -> None:
    """Refuses to go on where the script is not what it was."""
    if (other := changed_files(folder, script)) and not force:
        raise Refused(f"changed since the run was started: {', '.join(other)}; --force resumes all the same")


def adopt(folder: Folder, script: Script, data: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Makes the script and the data that a run goes on with, by force if they are others, the run's own.

    What they were and are, by name: the beginnings of hashes.
    """
    manifest, other = read_manifest(folder), changed_files(folder, script)
    was = manifest.data.fingerprint
    if was != data["fingerprint"]:
        other["content of the data"] = was, data["fingerprint"]
    if other:
        original = _original(folder, manifest, script)
        write(folder.script, script.code)
        manifest.script, manifest.data = str(original), Data(**data)
        manifest.files = hashes(Script(original, script.code))
        write_manifest(folder, manifest)
    return {name: (old[:8], new[:8]) for name, (old, new) in other.items()}


def _original(folder: Folder, manifest: Manifest, script: Script) -> Path:
    return Path(manifest.script) if script.path == folder.script else script.path


def check_data(folder: Folder, fingerprint: str, force: bool) -> None:
    """Refuses to go on with other examples than the run was started with."""
    if read_manifest(folder).data.fingerprint != fingerprint and not force:
        raise Refused("the data are not what they were when the run started; --force resumes all the same")


def write_config(folder: Folder, text: str) -> None:
    """Writes config.json, and into the manifest what it says; killed in between, nothing counts as edited."""
    manifest = read_manifest(folder)
    if manifest.config == [compact_json(text)] and not edited_options(folder):
        return
    manifest.config = [*manifest.config[-1:], compact_json(text)]
    write_manifest(folder, manifest)
    write(folder.config, text)
    manifest.config = manifest.config[-1:]
    write_manifest(folder, manifest)


def edited_options(folder: Folder) -> dict[str, tuple[Any, Any]]:
    """The options of config.json that no session has written there: what they were, and are.

    None of a run by a jaxgan that did not note them.
    """
    now = read_config(folder)
    noted = read_manifest(folder).config
    try:
        found = [_other(dict(json.loads(text)), now) for text in noted]
    except (ValueError, TypeError, RecursionError):
        raise Refused(f"{folder.manifest} is damaged: it does not say what config.json was") from None
    return found[-1] if found and all(found) else {}


def _other(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = [*was, *(name for name in now if name not in was)]
    pairs = {name: (was.get(name), now.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if json.dumps(pair[0]) != json.dumps(pair[1])}


def describe_changes(changed: Mapping[str, tuple[Any, Any]]) -> str:
    """Options and what they were and are.

    >>> in_words({"lr": (0.1, 0.2), "data": ("ring", "grid")})
    "lr 0.1 -> 0.2, data 'ring' -> 'grid'"
    """
    return ", ".join(f"{name} {old!r} -> {new!r}" for name, (old, new) in changed.items())


def check_config(folder: Folder, force: bool) -> None:
    """Refuses to go on where config.json was edited, but for what could be given as an option as well."""
    changed = {name: pair for name, pair in edited_options(folder).items() if name not in RESUMABLE}
    if kept := {name: pair for name, pair in changed.items() if name in FIXED}:
        raise Refused(
            f"{folder.config} was edited: {describe_changes(kept)}, which cannot change while a run goes on, not by "
            "--force either: put it back, or begin a new run"
        )
    if changed and not force:
        way = "put it back, or --force goes on with what it says"
        raise Refused(f"{folder.config} was edited: {describe_changes(changed)}; {way}")
