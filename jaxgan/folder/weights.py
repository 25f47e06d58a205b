"""The arrays of both players by name, in a safetensors file, which other programs can read."""

import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import reading
from jaxgan.errors import Refused, probe
from jaxgan.folder.folder import Folder
from jaxgan.folder.manifest import Weights, read_manifest
from jaxgan.games.game import Side, State
from jaxgan.parts.frozen import Frozen
from jaxgan.parts.network import Network
from jaxgan.parts.types import PyTree

NAME = "weights.safetensors"

Arrays = dict[str, np.ndarray]


def find_file(path: Path) -> Path:
    """Returns the file of weights, given the file or the folder of an export.

    >>> find_file(Path("nowhere"))
    Traceback (most recent call last):
    jaxgan.errors.Refused: there are no weights at nowhere
    """
    file = path / NAME if probe(Path.is_dir, path) else path
    if not probe(Path.is_file, file):
        raise Refused(f"there are no weights at {file}")
    return file


def save(path: Path, state: State, notes: Mapping[str, str]) -> None:
    """Writes parameters and statistics, with `notes` as metadata.

    Names are g/... and d/..., average/... for the average that is sampled, and averages/NAME/... for others.
    """
    arrays = jax.device_get(_named(_players(state)))
    write_arrays(path, arrays, {"step": str(int(state.step)), "jaxgan": version("jaxgan"), **notes})


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], notes: Mapping[str, str]) -> None:
    """Writes arrays by name, with `notes` and a digest of the numbers as metadata."""
    from safetensors.numpy import save as serialise

    whole = {name: np.asarray(x, order="C") for name, x in arrays.items()}
    fields = {"structure": _structure(whole), "digest": _digest(whole)}
    path.write_bytes(serialise(whole, {**fields, **notes}))


def metadata(path: Path) -> dict[str, str]:
    """Returns the metadata of the file: the step, the version, a digest, ..."""
    return read_arrays(path)[1]


def identify(path: Path) -> dict[str, str]:
    """Returns the path and sha256 of the file, for the manifest of a run that starts from it."""
    with reading.open_file(path) as file:
        return {"path": str(path.absolute()), "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def check(path: Path, shapes: State) -> None:
    """Raises `Refused` if the weights do not fit a state of these shapes, naming the first that differs."""
    _read_like(shapes, path)


def initial_state(state: State, folder: Folder) -> State:
    """Returns the initial state, with the weights that the run's manifest names, if any.

    Optimiser states are not loaded. One that starts as a copy of the parameters, such as slow weights, gets a
    new copy.
    """
    weights = read_manifest(folder).weights
    if weights is None:
        return state
    path = Path(weights.path)
    if not probe(Path.is_file, path) or weights != Weights(**identify(path)):
        raise Refused(f"{folder.path} has no checkpoint yet, and its initial weights are not at {path}")
    arrays = _read_like(state, path)
    players = _players(state)
    new = jax.tree.map(lambda x, y: jax.device_put(y, x.sharding), players, _unflatten(players, arrays))
    g, d = new["g"], new["d"]
    state = _replace_copies(_replace_copies(state, state.g.params, g.params), state.d.params, d.params)
    return state.replace(
        g=state.g.replace(params=g.params, stats=g.stats),
        d=state.d.replace(params=d.params, stats=d.stats),
        ema=new.get("average"),
        averages=new["averages"],
    )


def _players(state: State) -> dict[str, Any]:
    average = {} if state.ema is None else {"average": Side(*state.ema)}
    others = {name: Side(*side) for name, side in state.averages.items()}
    return {"g": state.g.side, "d": state.d.side, **average, "averages": others}


def _named(tree: PyTree) -> dict[str, Any]:
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    named = {jax.tree_util.keystr(path, simple=True, separator="/"): x for path, x in leaves}
    if len(named) < len(leaves):
        raise Refused("two arrays of the players have the same name: rename tree keys that contain a slash")
    return named


def _unflatten(like: PyTree, arrays: Arrays) -> PyTree:
    return jax.tree.unflatten(jax.tree.structure(like), [arrays[name] for name in _named(like)])


def _replace_copies(tree: PyTree, old: PyTree, new: PyTree) -> PyTree:
    """Returns the tree with each subtree that equals `old` replaced by a copy of `new`.

    Nothing is replaced if `old` is all zeros: an optimiser's moments start as zeros too.
    """
    leaves = jax.tree.leaves(old)
    if not any(bool(x.any()) for x in leaves):
        return tree
    structure: Any = jax.tree.structure(old)

    def is_copy(part: PyTree) -> bool:
        if jax.tree.structure(part) != structure:
            return False
        return all(
            x.shape == y.shape and x.dtype == y.dtype and bool((x == y).all())
            for x, y in zip(jax.tree.leaves(part), leaves, strict=True)
        )

    return jax.tree.map(
        lambda part: jax.tree.map(jnp.copy, new) if is_copy(part) else part, tree, is_leaf=is_copy
    )


def _read_like(state: State, path: Path) -> Arrays:
    arrays, _ = read_arrays(path)
    expected = _named(_players(state))
    _check(arrays, expected, path)
    if more := sorted(arrays.keys() - expected.keys()):
        raise Refused(f"{path} does not fit: it has {more[0]}, which the experiment does not have")
    return arrays


def _check(arrays: Arrays, expected: Mapping[str, Any], path: Path) -> None:
    """Raises `Refused` if an expected array is missing or has another shape or dtype."""
    for name, x in expected.items():
        if name not in arrays:
            raise Refused(f"{path} does not fit: it has no {name}")
        y = arrays[name]
        if (y.shape, y.dtype) != (x.shape, x.dtype):
            raise Refused(f"{path} does not fit: its {name} is {y.dtype} {y.shape}, not {x.dtype} {x.shape}")


def frozen(path: str | Path, network: Network, *inputs: Any, player: str = "d") -> Frozen:
    """Returns a network with the weights of a safetensors file or of an export, which are not trained.

    `inputs` are like those it will be called with, `player` is the part of an export to use: "d", "g" or
    "average". For a file of another program `player` is ""; its arrays are named after the parameters and
    statistics of the network, as params/LAYER/kernel.

    >>> frozen("nowhere", None)
    Traceback (most recent call last):
    jaxgan.errors.Refused: there are no weights at nowhere
    """
    file = find_file(Path(path))
    arrays, _ = read_arrays(file)
    shapes = Side(*jax.eval_shape(network.init, jax.random.key(0), *inputs))
    tree = {player: shapes} if player else shapes
    _check(arrays, _named(tree), file)
    loaded = _unflatten(tree, arrays)
    return Frozen(network, *(loaded[player] if player else loaded))


def read_arrays(path: Path) -> tuple[Arrays, dict[str, str]]:
    """Returns the arrays of a safetensors file by name, and its metadata; refuses a damaged file."""
    from safetensors import SafetensorError, safe_open

    try:
        with reading.open_file(path), safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise Refused(f"{path} cannot be read: {error}") from None
    if metadata.get("digest", "") not in ("", _digest(arrays)):
        raise Refused(f"{path} is damaged: its numbers are not those that were saved")
    return arrays, metadata


def _structure(arrays: Arrays) -> str:
    text = repr(sorted((name, str(x.dtype), x.shape) for name, x in arrays.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(arrays: Arrays) -> str:
    digest = hashlib.sha256(_structure(arrays).encode())
    for name in sorted(arrays):
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()
