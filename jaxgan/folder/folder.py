"""The run folder: what is written where, and by whom. What builds the run again runs its script.

config.json     the options, reloaded exactly
manifest.json   versions, devices, commit, command, seed, hashes; each session and why it ended
script.py       the script that ran
metrics.jsonl   a line per logged step
checkpoints/    the state at some steps
samples/        pictures, the same latents from step 0 on
tensorboard/, wandb/, export-STEP/, evaluations/, report.html, analysis/, diagnosis/   where asked for
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
    """The first of root/name, root/name-2, root/name-3, ... that is not there yet."""
    n, path = 1, root / name
    while probe(Path.exists, path):
        n += 1
        path = root / f"{name}-{n}"
    return path


def find_folder(path: Path) -> Folder:
    """The folder of a run that was started before."""
    folder = Folder(path.absolute())
    if not probe(Path.is_file, folder.config):
        raise Refused(f"{path} is not a run folder: there is no config.json in it")
    return folder


RUN_FILES = {"config.json", "manifest.json", "script.py", "metrics.jsonl", "checkpoints", "samples", ".lock"}
"""What a run itself writes, and nobody else."""


def check_out(path: Path) -> None:
    """Refuses to write where a run keeps what is its own.

    >>> check_out(Path("grid.png"))
    """
    place = path.absolute()
    try:
        place = place.parent.resolve() / place.name
    except (OSError, RuntimeError):
        return  # which cannot be written to either
    for home in place.parents:
        first = place.relative_to(home).parts[0]
        if (
            first in RUN_FILES
            and probe(Path.is_file, home / "config.json")
            and (home / "manifest.json").exists()
        ):
            raise Refused(f"{path} is {home.name}'s own, as a run: choose another --out")


def read_config(folder: Folder) -> dict[str, Any]:
    """What config.json says, whatever the script is now; the options of all scripts are what they can be."""
    shared = {field.name for field in dataclasses.fields(Settings)}
    try:
        said = dict(json.loads(reading.content(folder.config)))  # which knows NaN, as msgspec does not
        msgspec.convert({name: value for name, value in said.items() if name in shared}, Settings)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise Refused(f"{folder.config} is damaged: {error}") from None
    return said
