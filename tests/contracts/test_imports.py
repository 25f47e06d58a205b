"""Rooms import only from lower layers, and `import jaxgan` loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jaxgan

PACKAGE = Path(jaxgan.__file__).parent
EXPERIMENTS = sorted((PACKAGE.parent / "experiments").glob("*.py"))
METHODS = sorted((PACKAGE.parent / "experiments" / "methods").glob("*.py"))

FLOORS = [
    {"errors"},
    {"reading", "terminal"},
    {"parts", "metrics", "data", "models"},
    {"games"},
    {"rules", "scale"},
    {"instruments", "pictures", "sampling"},
    {"folder"},
    {"run"},
    {"evaluate"},
    {"compare", "look"},
    {"sweep"},
    {"report"},
    {"cli"},
]
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
BASES = {
    "parts": {"types", "output", "rng", "network", "classes", "generated", "gaussian", "terms"},
    "metrics": {"metric", "nearest"},
    "data": {"kind", "source", "order", "image", "labels", "words", "files"},
    "models": {"layers", "convolution"},
}
"""In these rooms a file imports only the files of its room that define shared types."""
RETURNED = {"parts.output", "parts.generated"}
"""What networks return: the only files of `parts` that `models` may import."""
LENT = {"parts.types", "parts.rng"}
"""Shared types and keys: the only files of `parts` that `data` may import, though on the same floor."""
HEAVY = [
    "jax",
    "tensorflow",
    "tensorflow_datasets",
    "torch",
    "grain",
    "tyro",
    "matplotlib",
    "sklearn",
    "wandb",
    "ray",
]


def imports(source: str, name: str = "") -> set[str]:
    """What the module `name` of jaxgan imports of jaxgan, both named as in "data.source"."""
    names = set()
    home = ["jaxgan", *name.split(".")[:-1]]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = home[: len(home) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            # `from jaxgan.data import arrays` may name a module or what one defines
            names |= {f"{start}.{alias.name}" for alias in node.names}
    return {_module(full.removeprefix("jaxgan.")) for full in names if full.startswith("jaxgan.")}


def _module(name: str) -> str:
    parts = name.split(".")
    while parts:
        path = PACKAGE.joinpath(*parts)
        if path.is_dir() or path.with_suffix(".py").exists():
            break
        parts.pop()
    return ".".join(parts) or name.split(".")[0]


def forbidden(name: str, imported: str) -> str | None:
    """Why the module `name` may not import the module `imported`; None where it may."""
    room, other = name.split(".")[0], imported.split(".")[0]
    if other not in FLOOR:
        return f"{other} is no room of the house"
    if room == other:
        if room not in BASES or name in (room, imported):  # a room's own door, data/__init__, may gather
            return None
        neighbour = imported.split(".")[1] if "." in imported else "__init__"
        if neighbour in BASES[room] or name.split(".")[1:2] == [neighbour]:  # or of the same family
            return None
        return f"inside {room} a file imports no neighbour"
    if room == "models" and imported not in {"errors", "parts.rng", *RETURNED}:
        return "models know nothing of jaxgan but errors, keys and what networks return"
    if room == "models" or (room == "data" and imported in LENT):
        return None
    if FLOOR[other] >= FLOOR[room]:
        return f"{other} is not below {room}"
    if imported == "data.kind":  # what examples are: plain values
        return None
    if other in {"data", "metrics"} and FLOOR[room] < FLOOR["run"]:
        return f"only run knows {other}"
    return None


def modules() -> dict[str, Path]:
    """Every module of the package, "data" standing for data/__init__.py; the package's own door aside."""
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def test_every_room_is_in_the_layers():
    assert {name.split(".")[0] for name in modules()} <= FLOOR.keys()


@pytest.mark.parametrize("name", modules())
def test_imports_only_from_lower_layers(name):
    path = modules()[name]
    place = f"{name}.__init__" if path.stem == "__init__" else name
    for imported in imports(path.read_text(), place):
        reason = forbidden(name, imported)
        assert reason is None, f"jaxgan.{name} imports jaxgan.{imported}: {reason}"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("parts.terms.term", "from jaxgan.parts import objectives"),
        ("parts.terms.term", "from jaxgan.parts.objectives.pairs import relativistic"),
        ("parts.terms", "from jaxgan.games.game import Game"),
        ("games.gan", "from jaxgan.rules.rule import Rule"),
        ("games.gan", "import jaxgan.data.source"),
        ("rules.guard", "def f():\n    from jaxgan.data import load"),
        ("rules.guard", "from jaxgan.scale import lanes"),
        ("rules.guard", "from ..run.loop import train"),
        ("data.arrays", "from jaxgan.parts.terms.gradients import r1"),
        ("data.arrays", "from jaxgan.data.digits import digits"),
        ("data.source", "from jaxgan.metrics import energy"),
        ("models.mlp", "from jaxgan.parts.types import Array"),
        ("models.mlp", "from . import dcgan"),
        ("run.loop", "from jaxgan.cli import main"),
        ("errors", "from jaxgan.parts.types import Array"),
    ],
)
def test_forbidden_imports_are_found(name, line):
    assert [reason for imported in imports(line, name) if (reason := forbidden(name, imported))]


def loaded_by(code: str) -> set[str]:
    listing = f"{code}\nimport sys\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_jaxgan_is_light():
    assert loaded_by("import jaxgan; dir(jaxgan); jaxgan.Settings, jaxgan.Experiment, jaxgan.main") == set()
    assert "jax" in loaded_by("import jaxgan; jaxgan.gan")


def test_importing_an_experiment_is_light():
    assert EXPERIMENTS
    assert METHODS
    names = ", ".join(path.stem for path in (*EXPERIMENTS, *METHODS))
    homes = [str(EXPERIMENTS[0].parent), str(METHODS[0].parent)]
    assert loaded_by(f"import sys; sys.path[:0] = {homes!r}; import {names}") == set()


@pytest.mark.parametrize("path", [*EXPERIMENTS, *METHODS], ids=lambda path: path.stem)
def test_experiments_import_nothing_four_levels_deep(path):
    """What people copy names `jg.models.mlp`, or a room of the package and a file in it."""
    deep = [
        node.module
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").count(".") >= 2
        if (node.module or "").startswith("jaxgan.")
    ]
    assert not deep
