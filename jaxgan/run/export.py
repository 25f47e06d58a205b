"""A trained generator as a folder that stands alone: to draw from without jaxgan, or to begin a new run with.

generator.jaxexport   (seed, labels) -> samples, compiled by whatever JAX loads it
sample.py             draws from it, with jax and flatbuffers
samples.png           what it draws, or another file of samples that is usual for their kind
weights.safetensors   every array of both players, by name
config.json, script/  the options and the script that made them, for `jaxgan import`
README.md             the model card
"""

from pathlib import Path
from typing import Literal

import jax
import jax.export
import jax.numpy as jnp

from jaxgan.data.kind import Image, Kind
from jaxgan.errors import Refused
from jaxgan.games.game import Game, Side
from jaxgan.pictures.images import quantised
from jaxgan.run import card, codec, files, folder, standalone, weights
from jaxgan.run.manifest import read_manifest
from jaxgan.run.reopen import reopened
from jaxgan.run.sample import BLOCK, reads_labels, sampler, stream
from jaxgan.run.written import usual, written

PLATFORMS = ("cpu", "cuda", "tpu")


def export(run: Path, out: Path | None = None, at: Literal["last", "best"] = "last", lane: str = "") -> Path:
    """Writes the folder of a run's checkpoint, by default RUN/export-STEP, whole or not at all."""
    again = reopened(run, at, lane)
    place = folder.existing(run)
    out = out or place.path / "-".join(["export", *([lane] if lane else []), str(int(again.state.step))])
    source, generator = again.experiment.source, again.state.generator
    game = again.experiment.game
    with files.whole(out) as aside:
        classes = source.classes if reads_labels(game, generator) else 0
        (aside / "generator.jaxexport").write_bytes(exported(game, generator, classes, source.kind))
        own = Path(standalone.__file__).read_text(encoding="utf-8")
        files.write(aside / "sample.py", own.replace("CLASSES = 0", f"CLASSES = {classes}"))
        samples = sampler(game, classes)(generator, again.experiment.grid)
        written(source.kind, samples, aside / f"samples{usual(source.kind)}")
        script = _script(place, aside / "script")
        weights.save(aside / weights.NAME, again.state, {"script": script})
        files.write(aside / "config.json", codec.dumps(again.config))
        files.write(aside / "README.md", card.card(again, place, classes))
    return out


def exported(game: Game, generator: Side, classes: int = 0, kind: Kind = None) -> bytes:
    """(seed uint32, labels int32 [b]) -> samples [b, ...] as an artefact of `jax.export`, for any b.

    Images come out as uint8, as a picture shows them. The i-th sample of a seed is the i-th that `sampler`
    draws, in the same blocks and so to the last bit; without classes nothing is read of the labels but how
    many there are.

    >>> from jaxgan.games.toy import bilinear
    >>> artefact = exported(bilinear(), Side(jnp.float32(3.0), {}))
    >>> jax.export.deserialize(bytearray(artefact)).call(jnp.uint32(0), jnp.zeros(2, jnp.int32)).tolist()
    [3.0, 3.0]
    """

    def draw(seed: jax.Array, labels: jax.Array) -> jax.Array:
        # behind a barrier, or the compiler works out in advance what follows from the weights alone, and in
        # other last bits than a program that is given them
        opaque = jax.lax.optimization_barrier(generator)
        n = labels.shape[0]
        blocks = (n + BLOCK - 1) // BLOCK
        index = jnp.arange(blocks * BLOCK, dtype=jnp.uint32)
        labels = jnp.pad(labels, (0, blocks * BLOCK - n))

        def some(block: tuple[jax.Array, jax.Array]) -> jax.Array:
            index, labels = block
            return game.sample(opaque, stream(seed), index, labels if classes else None)

        drawn = jax.lax.map(some, (index.reshape(blocks, BLOCK), labels.reshape(blocks, BLOCK)))
        samples = drawn.reshape(blocks * BLOCK, *drawn.shape[2:])[:n]
        return quantised(samples) if isinstance(kind, Image) else samples

    (b,) = jax.export.symbolic_shape("b")
    shapes = jax.ShapeDtypeStruct((), jnp.uint32), jax.ShapeDtypeStruct((b,), jnp.int32)
    try:
        return bytes(jax.export.export(jax.jit(draw), platforms=PLATFORMS)(*shapes).serialize())
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refused(f"the generator cannot be exported: {line}") from error


def _script(place: folder.Folder, into: Path) -> str:
    """Copies the script and the files it loads from its own folder; where it lies in the export."""
    manifest = read_manifest(place)
    original = Path(manifest["script"])
    for name in manifest["files"]:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        own = place.script if name == original.name else original.parent / name
        (into / name).write_bytes(own.read_bytes())
    return f"{into.name}/{original.name}"
