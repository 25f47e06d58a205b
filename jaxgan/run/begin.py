"""A run begins in a folder of its own, and goes on where its script and its data are what they were."""

import json
from collections.abc import Mapping
from pathlib import Path

from jaxgan.errors import Refused
from jaxgan.run.files import write
from jaxgan.run.folder import Folder
from jaxgan.run.manifest import described, read_manifest
from jaxgan.run.script import Script, hashes


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
        write(folder.manifest, json.dumps({**described(script, seed, data), **begins}, indent=2))
        write(folder.config, config_text)  # last: a folder with a config is a run
    except OSError as error:
        raise Refused(f"cannot write the run folder {path}: {error.strerror or error}") from None
    return folder


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
