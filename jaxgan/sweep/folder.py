"""The folder of a sweep: what is written where.

sweep.json     the script and its hashes, the options all cells share, and the packs of cells
packs/NAME/    the run folder of a pack: whatever reads run folders reads these
options/       the options that each pack is started with
claims/NAME/   which worker has the pack, and how each attempt ended
logs/          what each attempt has printed
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from jaxgan import reading
from jaxgan.errors import Refused, probe
from jaxgan.folder.files import write
from jaxgan.folder.folder import Folder
from jaxgan.folder.lock import in_use
from jaxgan.folder.manifest import read_manifest
from jaxgan.folder.rows import decode
from jaxgan.folder.settings import RESUMABLE
from jaxgan.sweep.cells import Cell
from jaxgan.sweep.claims import Claim, Outcome, Watch, newest, outcomes
from jaxgan.sweep.plan import Pack

FORMAT = 1

State = Literal["waiting", "running", "done", "failed"]


class Planned(msgspec.Struct, kw_only=True):
    """A pack as stored in sweep.json."""

    name: str
    program: str
    shared: dict[str, Any]
    values: list[dict[str, int | float]]
    seeds: list[int]

    @classmethod
    def of(cls, pack: Pack) -> "Planned":
        return cls(
            name=pack.name,
            program=pack.program,
            shared=dict(pack.shared),
            values=[dict(numbers) for numbers in pack.values],
            seeds=list(pack.seeds),
        )

    @property
    def pack(self) -> Pack:
        return Pack(self.shared, tuple(self.values), tuple(self.seeds))


class Sweep(msgspec.Struct, kw_only=True):
    """The content of sweep.json."""

    format: int = FORMAT
    script: str
    files: dict[str, str]  # the script and the modules it loads from its folder, and their sha256
    options: dict[str, Any]  # of all cells, where a cell does not name its own
    axes: list[str] = []  # as they were declared, one text for each time
    packs: list[Planned] = []

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The options of each cell that are axes."""
        return [cell for planned in self.packs for cell in planned.pack.cells]


class Paths(NamedTuple):
    """The paths of one sweep."""

    home: Path

    @property
    def sweep(self) -> Path:
        return self.home / "sweep.json"

    @property
    def cancelled(self) -> Path:
        return self.home / "cancelled"

    def run(self, name: str) -> Path:
        return self.home / "packs" / name

    def options(self, name: str) -> Path:
        return self.home / "options" / f"{name}.json"

    def claims(self, name: str) -> Path:
        return self.home / "claims" / name

    def log(self, name: str, attempt: int) -> Path:
        return self.home / "logs" / f"{name}-{attempt}.txt"


class Progress(NamedTuple):
    """The progress of a pack."""

    planned: Planned
    state: State
    step: int
    steps: int
    outcomes: list[Outcome]
    claim: Claim | None
    updated: bool  # whether an update was made, or the pack is done

    @property
    def cells(self) -> int:
        return len(self.planned.values) * len(self.planned.seeds)


def read(home: Path) -> Sweep:
    """Returns the sweep in a folder; refuses a folder that holds none."""
    try:
        sweep = msgspec.json.decode(reading.content(Paths(home).sweep), type=Sweep)
    except FileNotFoundError:
        raise Refused(f"{home} is not the folder of a sweep: there is no sweep.json in it") from None
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise Refused(f"{Paths(home).sweep} is damaged: {error}") from None
    if sweep.format != FORMAT:
        raise Refused(f"{home} is a sweep of format {sweep.format}: this jaxgan reads format {FORMAT}")
    return sweep


def is_sweep(path: Path) -> bool:
    """Whether a folder is that of a sweep.

    >>> is_sweep(Path("runs/mine"))
    False
    """
    return probe(Path.is_file, Paths(path).sweep)


def expand(paths: Iterable[Path]) -> list[Path]:
    """Returns run folders, and of a sweep those of its packs that were started.

    >>> expand([Path("runs/mine")])
    [PosixPath('runs/mine')]
    """
    runs: list[Path] = []
    for path in paths:
        if is_sweep(path):
            packs = [Paths(path).run(planned.name) for planned in read(path).packs]
            runs += [run for run in packs if Folder(run).config.exists()]
        else:
            runs.append(path)
    if not runs:
        raise Refused("no run of this sweep was started yet")
    return runs


def save(home: Path, sweep: Sweep) -> None:
    """Writes sweep.json, whole or not at all."""
    write(Paths(home).sweep, msgspec.json.format(msgspec.json.encode(sweep)) + b"\n")


def identity(cell: Cell, options: Mapping[str, Any]) -> str:
    """Returns a digest of every option of a cell that changes what it computes.

    >>> identity({"lr": 0.1}, {"lr": 0.2, "out": "a"}) == identity({}, {"lr": 0.1, "out": "b"})
    True
    """
    every = {**{name: x for name, x in options.items() if name not in RESUMABLE}, **cell}
    return hashlib.sha256(json.dumps(every, sort_keys=True).encode()).hexdigest()


def unchanged(sweep: Sweep, home: Path) -> None:
    """Refuses a sweep whose script, or a module that it loads from its folder, was changed."""
    script = Path(sweep.script)
    changed = []
    for name, digest in sweep.files.items():
        try:
            now = hashlib.sha256(reading.content(script.parent / name)).hexdigest()
        except OSError:
            now = ""
        if now != digest:
            changed.append(name)
    if changed:
        raise Refused(
            f"{', '.join(changed)} changed since the sweep {home} was planned, and its cells must be of one "
            "script: put it back as it was, or begin another sweep with --out"
        )


def progress(home: Path, sweep: Sweep, watch: Watch | None = None) -> list[Progress]:
    """Returns how far each pack is, by its files; who asks repeatedly passes the same watch each time."""
    paths = Paths(home)
    return [_progress(paths, planned, sweep, watch or Watch()) for planned in sweep.packs]


def _progress(paths: Paths, planned: Planned, sweep: Sweep, watch: Watch) -> Progress:
    claim = newest(paths.claims(planned.name))
    steps = int(planned.shared.get("steps", sweep.options["steps"]))
    ended = outcomes(paths.claims(planned.name))
    step = _last_step(Folder(paths.run(planned.name)).metrics)
    state: State = "waiting"
    if claim is not None:
        outcome = claim.outcome
        if outcome is None:
            state = "running" if watch.alive(claim) or in_use(paths.run(planned.name)) else "waiting"
        elif outcome.how == "done":
            state = "done" if outcome.steps >= steps else "waiting"
        elif outcome.how == "failed":
            state = "failed"
    updated = state == "done" or step > 0 or _updated(paths.run(planned.name))
    return Progress(planned, state, step, steps, ended, claim, updated)


def _updated(run: Path) -> bool:
    """Whether a session of the run has made an update, which is known before a row is logged."""
    try:
        return any(session.compiled is not None for session in read_manifest(Folder(run)).sessions)
    except (OSError, Refused):
        return False


def reached(run: Path) -> int:
    """Returns the newest step that a run has logged or saved, 0 if there is none.

    A session that is killed notes no step, and one that makes progress may do so between two rows.

    >>> reached(Path("nowhere"))
    0
    """
    home = Folder(run)
    saved = [int(path.name) for path in home.checkpoints.glob("[0-9]*") if path.name.isdecimal()]
    return max([_last_step(home.metrics), *saved])


def _last_step(metrics: Path) -> int:
    """Returns the step of the last row that a run has logged, 0 if there is none."""
    try:
        with reading.open_file(metrics) as file:
            file.seek(max(0, metrics.stat().st_size - 2**16))
            lines = file.read().splitlines()
    except OSError:
        return 0
    return next((row.step for line in reversed(lines) if (row := decode(line)) is not None), 0)
