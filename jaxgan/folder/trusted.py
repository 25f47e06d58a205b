"""Run folders and exports are programs: what is in them is run where it is what it was, or is trusted.

Nothing is run to find out. `info`, `compare` and `report --no-rebuild` run nothing at all.
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
    """Refuses to run a script where it, or a module that it loads, is not what the run was played by.

    What is trusted is run all the same, with a warning.
    """
    manifest = read_manifest(folder)
    if not manifest.script:
        return
    home, name = Path(manifest.script).parent, Path(manifest.script).name
    files = sources(folder, manifest)
    if not probe(Path.is_dir, home):  # on another machine: modules that it needs are not found, or elsewhere
        files = {name: files[name]}
    _same(f"{folder.path}: changed since the run was started", files, manifest.files, trust)


def sources(folder: Folder, manifest: Manifest) -> dict[str, Path]:
    """Where the script, and the modules that it loads from its own folder, lie; by name."""
    original = Path(manifest.script)
    names = {original.name, *manifest.files}
    for name in names:
        _inside(name, str(folder.manifest))
    return {n: folder.script if n == original.name else original.parent / n for n in sorted(names)}


def check_export(home: Path, noted: Mapping[str, str], trust: bool = False) -> Path:
    """The script of an export, by what is noted in its weights; refused where it is no longer that."""
    name = noted.get("script", "")
    _inside(name, str(home))
    script = home / name
    if not name or not probe(Path.exists, script):
        raise Refused(f"{home} has no script to begin with; give the file to the --weights of a script")
    try:
        hashes = dict(json.loads(noted.get("files", "{}")))
    except (ValueError, TypeError):
        raise Refused(f"{home} is damaged: its weights do not say what the script was") from None
    files = {name: script, **{each: home / each for each in hashes}}
    for each, path in files.items():
        _inside(each, str(home))
        if probe(Path.exists, path) and not reading.is_file_in(home, path):
            raise Refused(f"{each} in {home} is no file of that folder: nothing outside it is run")
    _same(f"{home}: changed since it was exported", files, hashes, trust)  # an older export has no hashes
    return script


def sha256(path: Path) -> str:
    """Of what is in a file, "" where it cannot be read.

    >>> sha256(Path("/dev/zero"))
    ''
    """
    try:
        return hashlib.sha256(reading.content(path)).hexdigest()
    except OSError:
        return ""


def _same(said: str, files: Mapping[str, Path], hashes: Mapping[str, str], trust: bool) -> None:
    now = {name: sha256(path) for name, path in files.items()}
    other = [f"{name}{'' if x else ' (not there)'}" for name, x in now.items() if x != hashes.get(name)]
    if other and not trust:
        raise Refused(f"{said}: {', '.join(other)}; --trust runs it all the same")
    if other:
        warn(f"{said}: {', '.join(other)}")


def _inside(name: str, where: str) -> None:
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts:
        raise Refused(f"{where} names a script or module outside its folder, {name!r}: nothing of it is run")
