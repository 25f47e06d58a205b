"""The arrays of both players by name, in one file that other programs can read: safetensors."""

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
    """The file itself, of it or of the folder of an export.

    >>> file(Path("nowhere"))
    Traceback (most recent call last):
    jaxgan.errors.Refused: there are no weights at nowhere
    """
    found = path / NAME if probe(Path.is_dir, path) else path
    if not probe(Path.is_file, found):
        raise Refused(f"there are no weights at {found}")
    return found


def save(path: Path, state: State, notes: Mapping[str, str]) -> None:
    """Writes parameters and statistics, with notes: g/..., d/..., and of averages that there are average/...,
    which is sampled, and averages/NAME/... of the others."""
    from safetensors.numpy import save as serialised

    arrays = jax.device_get(_named(_players(state)))
    arrays = {name: np.asarray(x, order="C") for name, x in arrays.items()}
    made = {"step": str(int(state.step)), "jaxgan": version("jaxgan"), "structure": _structure(arrays)}
    path.write_bytes(serialised(arrays, {**made, "digest": _digest(arrays), **notes}))


def metadata(path: Path) -> dict[str, str]:
    """What is noted in the file beside the arrays: the step, the version, a digest, ..."""
    return _read(path)[1]


def identify(path: Path) -> dict[str, str]:
    """Which file it is, for the manifest of a run that begins with it."""
    with reading.open_file(path) as opened:
        return {"path": str(path.absolute()), "sha256": hashlib.file_digest(opened, "sha256").hexdigest()}


def check(path: Path, shapes: State) -> None:
    """Refuses weights that a state of these shapes cannot take, by the name of the first that differs."""
    _fitting(shapes, path)


def initial_state(state: State, folder: Folder) -> State:
    """The state a run begins with: as it is, or with the weights that the run was told to begin with.

    Optimisers stay fresh. One that begins as a copy of the parameters, as slow weights do, gets a new copy.
    """
    noted = read_manifest(folder).weights
    if noted is None:
        return state
    path = Path(noted.path)
    if not probe(Path.is_file, path) or noted != Weights(**identify(path)):
        raise Refused(f"{folder.path} has no checkpoint yet, and what it begins with is not at {path}")
    arrays = _fitting(state, path)
    new = jax.tree.map(_placed, _players(state), _tree(_players(state), arrays))
    g, d = new["g"], new["d"]
    state = _replaced(_replaced(state, state.g.params, g.params), state.d.params, d.params)
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
        raise Refused("two arrays of the players go by one name; the keys of a tree may not hold a slash")
    return named


def _tree(like: PyTree, arrays: Arrays) -> PyTree:
    return jax.tree.unflatten(jax.tree.structure(like), [arrays[name] for name in _named(like)])


def _placed(old: jax.Array, new: np.ndarray) -> jax.Array:
    return jax.device_put(new, old.sharding)


def _replaced(tree: PyTree, old: PyTree, new: PyTree) -> PyTree:
    """The tree with copies of `new` in the place of every copy of `old`, as one whole, in it.

    Zeros are taken for no copy: what an optimiser remembers of gradients begins as those too.
    """
    leaves = jax.tree.leaves(old)
    if not any(bool(x.any()) for x in leaves):
        return tree
    structure: Any = jax.tree.structure(old)

    def renewed(part: PyTree) -> PyTree:
        return jax.tree.map(jnp.copy, new) if is_copy(part) else part

    def is_copy(part: PyTree) -> bool:
        if jax.tree.structure(part) != structure:
            return False
        return all(
            x.shape == y.shape and x.dtype == y.dtype and bool((x == y).all())
            for x, y in zip(jax.tree.leaves(part), leaves, strict=True)
        )

    return jax.tree.map(renewed, tree, is_leaf=is_copy)


def _fitting(like: State, path: Path) -> Arrays:
    arrays, _ = _read(path)
    wanted = _named(_players(like))
    _check(arrays, wanted, path)
    if more := sorted(arrays.keys() - wanted.keys()):
        raise Refused(f"{path} does not fit: it has {more[0]}, which the experiment has not")
    return arrays


def _check(arrays: Arrays, wanted: Mapping[str, Any], path: Path) -> None:
    """Refuses arrays without one that is wanted, or with another shape or type of it."""
    for name, x in wanted.items():
        if name not in arrays:
            raise Refused(f"{path} does not fit: it has no {name}")
        found = arrays[name]
        if (found.shape, found.dtype) != (x.shape, x.dtype):
            raise Refused(
                f"{path} does not fit: its {name} is {found.dtype} {found.shape}, not {x.dtype} {x.shape}"
            )


def frozen(path: str | Path, network: Network, *inputs: Any, player: str = "d") -> Frozen:
    """A network with the weights of a safetensors file or of an export, which no player moves.

    `inputs` are like those it will be called with, `player` is the part of an export that it is: "d", "g" or
    "average". In a file of another program the arrays are called params/LAYER/kernel and the like, after the
    parameters and statistics of the network, and `player` is "".

    >>> frozen("nowhere", None)
    Traceback (most recent call last):
    jaxgan.errors.Refused: there are no weights at nowhere
    """
    found = find_file(Path(path))
    arrays, _ = _read(found)
    shapes = Side(*jax.eval_shape(network.init, jax.random.key(0), *inputs))
    tree = {player: shapes} if player else shapes
    _check(arrays, _named(tree), found)
    whole = jax.tree.unflatten(jax.tree.structure(tree), [arrays[name] for name in _named(tree)])
    return Frozen(network, *(whole[player] if player else whole))


def _read(path: Path) -> tuple[Arrays, dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with reading.open_file(path), safe_open(path, framework="numpy") as opened:
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            noted = opened.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise Refused(f"{path} cannot be read: {error}") from None
    if noted.get("digest", "") not in ("", _digest(arrays)):
        raise Refused(f"{path} is damaged: its numbers are not those that were saved")
    return arrays, noted


def _structure(arrays: Arrays) -> str:
    said = repr(sorted((name, str(x.dtype), x.shape) for name, x in arrays.items()))
    return hashlib.sha256(said.encode()).hexdigest()


def _digest(arrays: Arrays) -> str:
    digest = hashlib.sha256(_structure(arrays).encode())
    for name in sorted(arrays):
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()
