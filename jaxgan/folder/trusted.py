"""Checks that the scripts of run folders and exports are unchanged or trusted before they are run.

The check runs nothing. `info`, `compare` and `report --no-rebuild` run no script at all.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePath

from jaxgan import reading
from jaxgan.errors import Refused, probe
from jaxgan.folder.folder import Folder
from jaxgan.folder.manifest import Manifest, read_manifest
from jaxgan.terminal import warn


def check(folder: Folder, trust: bool = False) -> None:
    """Raises `Refused` if the script, or a module it loads, changed since the run was started.

    With `trust`, only warns.
    """
    manifest = read_manifest(folder)
    if not manifest.script:
        return
    home, name = Path(manifest.script).parent, Path(manifest.script).name
    files = sources(folder, manifest)
    if not probe(Path.is_dir, home):  # on another machine the modules are missing, or elsewhere
        files = {name: files[name]}
    _check_hashes(f"{folder.path}: changed since the run was started", files, manifest.files, trust)


def sources(folder: Folder, manifest: Manifest) -> dict[str, Path]:
    """Returns the paths of the script and of the modules it loads from its folder, by name."""
    original = Path(manifest.script)
    names = {original.name, *manifest.files}
    for name in names:
        _check_inside(name, str(folder.manifest))
    return {n: folder.script if n == original.name else original.parent / n for n in sorted(names)}


def check_export(home: Path, metadata: Mapping[str, str], trust: bool = False) -> Path:
    """Returns the script of an export, checked against the metadata of its weights."""
    name = metadata.get("script", "")
    _check_inside(name, str(home))
    script = home / name
    if not name or not probe(Path.exists, script):
        raise Refused(f"{home} has no script to run; pass the file as --weights of a script")
    try:
        hashes = dict(json.loads(metadata.get("files", "{}")))
    except (ValueError, TypeError):
        raise Refused(f"{home} is damaged: its weights have no readable hashes of the script") from None
    files = {name: script, **{file: home / file for file in hashes}}
    for file, path in files.items():
        _check_inside(file, str(home))
        if probe(Path.exists, path) and not reading.is_file_in(home, path):
            raise Refused(f"{file} in {home} is not a file of that folder: nothing outside it is run")
    # an older export has no hashes
    _check_hashes(f"{home}: changed since it was exported", files, hashes, trust)
    return script


def sha256(path: Path) -> str:
    """Returns the sha256 of a file, "" if it cannot be read.

    >>> sha256(Path("/dev/zero"))
    ''
    """
    try:
        return hashlib.sha256(reading.content(path)).hexdigest()
    except OSError:
        return ""


def _check_hashes(message: str, files: Mapping[str, Path], hashes: Mapping[str, str], trust: bool) -> None:
    current = {name: sha256(path) for name, path in files.items()}
    changed = [f"{name}{'' if x else ' (missing)'}" for name, x in current.items() if x != hashes.get(name)]
    if changed and not trust:
        raise Refused(f"{message}: {', '.join(changed)}; --trust runs it anyway")
    if changed:
        warn(f"{message}: {', '.join(changed)}")


def _check_inside(name: str, where: str) -> None:
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts:
        raise Refused(f"{where} names a script or module outside its folder, {name!r}: it is not run")
