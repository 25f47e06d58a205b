"""Exports a trained generator as a folder, to sample from without jaxgan or to start a new run with.

generator.jaxexport   (seed, indices of samples, conditions) -> samples, serialised by `jax.export`
given.npz             conditions to sample under, if there are others than labels
sample.py             draws samples, with jax and flatbuffers only
samples.png           samples, in another format if that is the default of their kind
weights.safetensors   every array of both players, by name
config.json, script/  the options and the script of the run, for `jaxgan import`
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
from jaxgan.data.source import conditions_for, labels_in_turn
from jaxgan.errors import Refused
from jaxgan.folder import codec, files, folder, trusted, weights
from jaxgan.folder.manifest import read_manifest
from jaxgan.games.game import Game, Side
from jaxgan.parts.types import Given
from jaxgan.pictures.images import quantise
from jaxgan.run import card, standalone
from jaxgan.run.reopen import reopen
from jaxgan.run.sample import BLOCK, sample_key, sampler, truncated
from jaxgan.run.translations import pictures_given
from jaxgan.run.written import default_suffix, write_samples

PLATFORMS = ("cpu", "cuda", "tpu")


def export(
    run: Path,
    out: Path | None = None,
    at: Literal["last", "best"] = "last",
    lane: str = "",
    average: str = "",
    trust: bool = False,
    truncation: float | None = None,
) -> Path:
    """Exports a checkpoint to `out`, by default RUN/export-STEP, written completely or not at all.

    `average` names another average to sample from than the first; it becomes `average/...` of the weights.
    `truncation` is that of `jaxgan sample`: the exported generator has it built in.
    """
    if out is not None:
        folder.check_out(out)
    again = reopen(run, at, lane, average=average, trust=trust)
    place = folder.find_folder(run)
    less = "" if truncation is None else f"truncation-{truncation:g}"
    parts = ["export", lane, average, str(int(again.state.step)), less]
    out = out or place.path / "-".join(filter(None, parts))
    source, generator = again.experiment.source, again.state.generator
    game = again.experiment.game
    game = game if truncation is None else truncated(game, truncation)
    with files.atomic_folder(out) as unfinished:
        leaves = {name: source.leaves[name] for name in game.given}
        classes = source.classes if "label" in leaves else 0
        artefact = export_generator(game, generator, leaves, source.kind)
        (unfinished / "generator.jaxexport").write_bytes(artefact)
        template = Path(standalone.__file__).read_text(encoding="utf-8")
        script = template.replace("CLASSES = 0", f"CLASSES = {classes}").replace(
            "PICTURES: tuple[str, ...] = ()", f"PICTURES = {tuple(pictures_given(leaves, game.given))}"
        )
        files.write(unfinished / "sample.py", script)
        in_turn = labels_in_turn(source, game.given)
        if others := [name for name in leaves if name != "label" or name not in in_turn]:
            conditions: dict[str, Any] = conditions_for(source, others)(np.arange(again.experiment.grid))
            np.savez(unfinished / "given.npz", **conditions)
        samples = sampler(game, source)(generator, again.experiment.grid)
        write_samples(source.kind, samples, unfinished / f"samples{default_suffix(source.kind)}")
        copied = _copy_script(place, unfinished / "script")
        notes = {"script": copied, "files": json.dumps(_hashes(unfinished, Path(copied).parent))}
        weights.save(unfinished / weights.NAME, again.state, notes)
        files.write(unfinished / "config.json", codec.dumps(again.config))
        files.write(unfinished / "README.md", card.card(again, place, classes, average, truncation))
    return out


def export_generator(
    game: Game, generator: Side, leaves: Mapping[str, Leaf] | None = None, kind: Kind = None
) -> bytes:
    """Exports (seed, index [b], conditions by name [b, ...]) -> samples [b, ...] for any b, by `jax.export`.

    Images are returned as uint8. With the indices 0 to b - 1 the samples are the first b that `sampler` draws
    for the seed, in the same blocks and so equal to the last bit. `leaves` are the conditions of the game.

    >>> from jaxgan.games.toy import bilinear
    >>> artefact = export_generator(bilinear(), Side(jnp.float32(3.0), {}))
    >>> jax.export.deserialize(bytearray(artefact)).call(jnp.uint32(0), jnp.zeros(2, jnp.uint32), {}).tolist()
    [3.0, 3.0]
    """

    def draw(seed: jax.Array, index: jax.Array, given: Given) -> jax.Array:
        # without the barrier the compiler folds what depends on the weights only, whose last bits then differ
        # from those of a program that takes the weights as an argument
        opaque = jax.lax.optimization_barrier(generator)
        n = index.shape[0]
        blocks = (n + BLOCK - 1) // BLOCK

        def in_blocks(leaf: jax.Array) -> jax.Array:
            padded = jnp.pad(leaf, [(0, blocks * BLOCK - n)] + [(0, 0)] * (leaf.ndim - 1))
            return padded.reshape(blocks, BLOCK, *leaf.shape[1:])

        def draw_block(block: tuple[jax.Array, Given]) -> jax.Array:
            return game.sample(opaque, sample_key(seed), *block)

        samples = jax.lax.map(draw_block, jax.tree.map(in_blocks, (index, given)))
        samples = samples.reshape(blocks * BLOCK, *samples.shape[2:])[:n]
        return quantise(samples) if isinstance(kind, Image) else samples

    (b,) = jax.export.symbolic_shape("b")
    given = {name: jax.ShapeDtypeStruct((b, *x.shape), x.dtype) for name, x in (leaves or {}).items()}
    shapes = jax.ShapeDtypeStruct((), jnp.uint32), jax.ShapeDtypeStruct((b,), jnp.uint32), given
    try:
        return bytes(jax.export.export(jax.jit(draw), platforms=PLATFORMS)(*shapes).serialize())
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refused(f"the generator cannot be exported: {line}") from error


def _copy_script(place: folder.Folder, into: Path) -> str:
    """Copies the script and the files it loads from its folder; returns its path in the export."""
    manifest = read_manifest(place)
    for name, original in trusted.sources(place, manifest).items():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_bytes(reading.content(original))
    return f"{into.name}/{Path(manifest.script).name}"


def _hashes(root: Path, below: Path) -> dict[str, str]:
    """Returns the sha256 of every file under `root / below`, by its path from `root`."""
    paths = sorted(path for path in (root / below).rglob("*") if path.is_file())
    return {str(path.relative_to(root)): trusted.sha256(path) for path in paths}
