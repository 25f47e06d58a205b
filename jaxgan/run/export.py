"""A trained generator as a folder that stands alone: to draw from without jaxgan, or to begin a new run with.

generator.jaxexport   (seed, numbers of samples, conditions) -> samples, compiled by whatever JAX loads it
given.npz             conditions to draw under, where they are more than labels
sample.py             draws from it, with jax and flatbuffers
samples.png           what it draws, or another file of samples that is usual for their kind
weights.safetensors   every array of both players, by name
config.json, script/  the options and the script that made them, for `jaxgan import`
README.md             the model card
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from jaxgan import reading
from jaxgan.data.kind import Image, Kind, Leaf
from jaxgan.data.source import givens
from jaxgan.errors import Refused
from jaxgan.folder import codec, files, folder, trusted, weights
from jaxgan.folder.manifest import read_manifest
from jaxgan.games.game import Game, Side
from jaxgan.parts.types import Given
from jaxgan.pictures.images import quantised
from jaxgan.run import card, standalone
from jaxgan.run.reopen import reopened
from jaxgan.run.sample import BLOCK, sampler, stream
from jaxgan.run.written import usual, written

PLATFORMS = ("cpu", "cuda", "tpu")


def export(
    run: Path,
    out: Path | None = None,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    average: str = "",
    trust: bool = False,
) -> Path:
    """Writes the folder of a run's checkpoint, by default RUN/export-STEP, whole or not at all.

    `average` names another average than the first to draw from, which is then `average/...` of the weights.
    """
    if out is not None:
        folder.check_out(out)
    again = reopened(run, at, lane, average=average, trust=trust)
    place = folder.find_folder(run)
    out = out or place.path / "-".join(["export", *filter(None, (lane, average)), str(int(again.state.step))])
    source, generator = again.experiment.source, again.state.generator
    game = again.experiment.game
    with files.atomic_folder(out) as aside:
        leaves = {name: source.leaves[name] for name in game.given}
        classes = source.classes if "label" in leaves else 0
        (aside / "generator.jaxexport").write_bytes(exported(game, generator, leaves, source.kind))
        own = Path(standalone.__file__).read_text(encoding="utf-8")
        files.write(aside / "sample.py", own.replace("CLASSES = 0", f"CLASSES = {classes}"))
        if others := [name for name in leaves if name != "label"]:
            conditions: dict[str, Any] = givens(source, others)(np.arange(again.experiment.grid))
            np.savez(aside / "given.npz", **conditions)
        samples = sampler(game, source)(generator, again.experiment.grid)
        written(source.kind, samples, aside / f"samples{usual(source.kind)}")
        script = _script(place, aside / "script")
        noted = {"script": script, "files": json.dumps(_hashes(aside, Path(script).parent))}
        weights.save(aside / weights.NAME, again.state, noted)
        files.write(aside / "config.json", codec.dumps(again.config))
        files.write(aside / "README.md", card.card(again, place, classes, average))
    return out


def exported(
    game: Game, generator: Side, leaves: Mapping[str, Leaf] | None = None, kind: Kind = None
) -> bytes:
    """(seed, index [b], conditions by name [b, ...]) -> samples [b, ...] for any b, by `jax.export`.

    Images come out as uint8, as a picture shows them. With index 0 to b - 1 the i-th sample of a seed is the
    i-th that `sampler` draws, in the same blocks and so to the last bit. `leaves` are the game's conditions.

    >>> from jaxgan.games.toy import bilinear
    >>> artefact = exported(bilinear(), Side(jnp.float32(3.0), {}))
    >>> jax.export.deserialize(bytearray(artefact)).call(jnp.uint32(0), jnp.zeros(2, jnp.uint32), {}).tolist()
    [3.0, 3.0]
    """

    def draw(seed: jax.Array, index: jax.Array, told: Given) -> jax.Array:
        # behind a barrier, or the compiler works out in advance what follows from the weights alone, and in
        # other last bits than a program that is given them
        opaque = jax.lax.optimization_barrier(generator)
        n = index.shape[0]
        blocks = (n + BLOCK - 1) // BLOCK

        def in_blocks(leaf: jax.Array) -> jax.Array:
            whole = jnp.pad(leaf, [(0, blocks * BLOCK - n)] + [(0, 0)] * (leaf.ndim - 1))
            return whole.reshape(blocks, BLOCK, *leaf.shape[1:])

        def some(block: tuple[jax.Array, Given]) -> jax.Array:
            return game.sample(opaque, stream(seed), *block)

        drawn = jax.lax.map(some, jax.tree.map(in_blocks, (index, told)))
        samples = drawn.reshape(blocks * BLOCK, *drawn.shape[2:])[:n]
        return quantised(samples) if isinstance(kind, Image) else samples

    (b,) = jax.export.symbolic_shape("b")
    told = {name: jax.ShapeDtypeStruct((b, *leaf.shape), leaf.dtype) for name, leaf in (leaves or {}).items()}
    shapes = jax.ShapeDtypeStruct((), jnp.uint32), jax.ShapeDtypeStruct((b,), jnp.uint32), told
    try:
        return bytes(jax.export.export(jax.jit(draw), platforms=PLATFORMS)(*shapes).serialize())
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refused(f"the generator cannot be exported: {line}") from error


def _script(place: folder.Folder, into: Path) -> str:
    """Copies the script and the files it loads from its own folder; where it lies in the export."""
    manifest = read_manifest(place)
    original = Path(manifest.script)
    for name, own in trusted.sources(place, manifest).items():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_bytes(reading.content(own))
    return f"{into.name}/{original.name}"


def _hashes(home: Path, below: Path) -> dict[str, str]:
    """sha256 of every file below a folder of the export, by its path from there."""
    found = sorted(path for path in (home / below).rglob("*") if path.is_file())
    return {str(path.relative_to(home)): trusted.sha256(path) for path in found}
