"""The run folder. Whatever rebuilds the run executes its script.py.

config.json     the options, reloaded exactly
manifest.json   versions, devices, commit, command, seed, hashes; each session and why it ended
script.py       the script that ran
metrics.jsonl   a line per logged step
checkpoints/    the state at some steps
samples/        pictures, with the same latents at every step
tensorboard/, wandb/, export-STEP/, evaluations/, report.html, analysis/, diagnosis/, augment.json, augment.md
                on request
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from jaxgan import reading
from jaxgan.errors import Refused, probe
from jaxgan.folder.settings import Settings


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


def free_path(name: str, root: Path = Path("runs")) -> Path:
    """Returns the first of root/name, root/name-2, root/name-3, ... that does not exist."""
    n, path = 1, root / name
    while probe(Path.exists, path):
        n += 1
        path = root / f"{name}-{n}"
    return path


def find_folder(path: Path) -> Folder:
    """Returns the folder of an existing run; raises `Refused` if `path` is not one."""
    folder = Folder(path.absolute())
    if not probe(Path.is_file, folder.config):
        raise Refused(f"{path} is not a run folder: there is no config.json in it")
    return folder


FILES = {"config.json", "manifest.json", "script.py", "metrics.jsonl", "checkpoints", "samples", ".lock"}
"""Files and folders that only the run itself writes."""


def check_out(path: Path) -> None:
    """Raises `Refused` if `path`, an --out, is among a run's own files.

    >>> check_out(Path("grid.png"))
    """
    target = path.absolute()
    try:
        target = target.parent.resolve() / target.name
    except (OSError, RuntimeError):
        return  # it cannot be written to either
    for home in target.parents:
        first = target.relative_to(home).parts[0]
        if first in FILES and probe(Path.is_file, home / "config.json") and (home / "manifest.json").exists():
            raise Refused(f"{path} belongs to the run folder {home.name}: choose another --out")


def read_config(folder: Folder) -> dict[str, Any]:
    """Returns the options in config.json; those of `Settings` are valid, a script's own are not checked."""
    shared = {field.name for field in dataclasses.fields(Settings)}
    try:
        options = dict(json.loads(reading.content(folder.config)))  # json, because msgspec has no NaN
        msgspec.convert({name: value for name, value in options.items() if name in shared}, Settings)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise Refused(f"{folder.config} is damaged: {error}") from None
    return options
