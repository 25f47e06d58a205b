"""Helpers of many tests: small games, small runs, and comparisons of runs."""

import gc
import importlib.util
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
import optax
import pytest

from jaxgan.data import load
from jaxgan.games.game import Game, State
from jaxgan.games.gan import gan
from jaxgan.models import dcgan, mlp
from jaxgan.parts import latents, objectives
from jaxgan.parts.average import ema
from jaxgan.parts.network import from_linen
from jaxgan.parts.types import PyTree
from jaxgan.rules.alternating import alternating
from jaxgan.rules.rule import Rule
from jaxgan.run.check import experiment_of, source_of
from jaxgan.run.experiment import Experiment
from jaxgan.run.reopen import reopen

SCRIPTS = Path(__file__).parent / "run" / "scripts"


def ring_game(width: int = 8, **parts: Any) -> Game:
    """A GAN of two dense networks with one hidden layer each, for points in the plane."""
    return gan(
        from_linen(mlp.Generator(shape=(2,), widths=(width,), final=mlp.identity)),
        from_linen(mlp.Discriminator(widths=(width,))),
        **{"latent": latents.normal(4), "objective": objectives.non_saturating(), **parts},
    )


def image_game(width: int = 4, **parts: Any) -> Game:
    """A DCGAN for 8x8 images, with BatchNorm in G and spectral norm in D."""
    return gan(
        from_linen(dcgan.Generator(shape=(8, 8, 1), width=width)),
        from_linen(dcgan.Discriminator(width=width, norm="spectral")),
        **{"latent": latents.normal(8), "objective": objectives.hinge(), **parts},
    )


def built(module: ModuleType, config: Any) -> Experiment:
    """Builds the experiment of a script with these options."""
    return experiment_of(config, module.build, source_of(config, getattr(module, "data", None)))


def rule_of(game: Game) -> Rule:
    """Alternating updates with Adam for both players and an averaged generator."""
    return alternating(game, optax.adam(1e-3, b1=0.5), optax.adam(1e-3, b1=0.5), average=ema(0.99))


def experiment(images: bool = False) -> Experiment:
    """An experiment on the ring or, with images, on the digits."""
    game = image_game() if images else ring_game()
    return Experiment(rule_of(game), load("digits" if images else "ring"))


def script(name: str) -> ModuleType:
    """Imports one of the test scripts into this process."""
    path = SCRIPTS / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"script_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def play(module: ModuleType, *args: object) -> int:
    """Runs a script's command line in this process; returns its exit status."""
    from jaxgan.sweep.script import main

    try:
        main(module.Config, module.build, getattr(module, "data", None), [str(arg) for arg in args])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def jaxgan(monkeypatch: pytest.MonkeyPatch, *args: object) -> int:
    """Runs the command `jaxgan` in this process; returns its exit status."""
    from jaxgan import cli

    monkeypatch.setattr(sys, "argv", ["jaxgan", *map(str, args)])
    monkeypatch.setattr(sys, "path", list(sys.path))
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def start(*command: object) -> subprocess.Popen[str]:
    """Starts a command line, a script's path or `-m module` first, in a new process with one device."""
    env = {name: value for name, value in os.environ.items() if name != "JAX_NUM_CPU_DEVICES"}
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**env, "COLUMNS": "200"},
    )


def ended(process: subprocess.Popen[str], status: int = 0, seconds: int = 300) -> str:
    """Waits for a process that must end with this status; returns its stderr."""
    _, err = process.communicate(timeout=seconds)
    assert process.returncode == status, f"status {process.returncode} instead of {status}:\n{err}"
    return err


def final(run: Path) -> State:
    """Loads the state in a run's newest checkpoint, verified."""
    return reopen(run).state


def rows(run: Path) -> list[dict[str, Any]]:
    """Returns the steps and numbers of metrics.jsonl, without times, which differ between runs."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        {
            **{name: value for name, value in row.items() if name not in ("kind", "numbers")},
            **{name: x for name, x in row["numbers"].items() if name not in ("images_per_s", "data_wait")},
        }
        for row in lines
    ]


def line(row: Mapping[str, Any]) -> str:
    """Formats a row as a line of metrics.jsonl; a row with a speed is a training row."""
    numbers = {name: x for name, x in row.items() if name != "step"}
    kind = "train" if "images_per_s" in row else "measured"
    return json.dumps({"step": row["step"], "kind": kind, "numbers": numbers}) + "\n"


def steps(run: Path) -> list[int]:
    """Returns the steps of a run's checkpoints."""
    return sorted(int(path.name) for path in (run / "checkpoints").iterdir() if path.name.isdigit())


def same(a: PyTree, b: PyTree) -> None:
    """Asserts that two trees are bitwise equal in every leaf."""
    left, right = _leaves(a), _leaves(b)
    assert left.keys() == right.keys()

    def bits(x: np.ndarray) -> tuple:
        return x.dtype, x.shape, x.tobytes()

    differing = [path for path, x in left.items() if bits(x) != bits(right[path])]
    assert not differing, f"{len(differing)} of {len(left)} leaves differ: {differing[:5]}"


def _leaves(tree: PyTree) -> dict[str, np.ndarray]:
    def array(x: Any) -> Any:
        if isinstance(x, jax.Array) and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            return jax.random.key_data(x)
        return x

    flat = jax.tree_util.tree_flatten_with_path(jax.tree.map(array, tree))[0]
    return {jax.tree_util.keystr(path): np.asarray(x) for path, x in flat}


def png(pixels: np.ndarray) -> bytes:
    """Returns a PNG file of uint8 [H, W] or [H, W, 3]."""
    from PIL import Image

    Image.fromarray(pixels).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


def pixels(i: int, shape: tuple[int, ...] = (8, 8, 3)) -> np.ndarray:
    """Returns the i-th image of the data sets below: random, and different from all others."""
    return np.random.RandomState(i).randint(0, 256, shape, np.uint8)


IRREGULAR = {"pipe": stat.S_IFIFO, "socket": stat.S_IFSOCK, "device": stat.S_IFCHR}


def irregular(kind: str, path: Path) -> Path:
    """Creates a pipe without a writer, a socket, or a link to an endless device at this path."""
    path.unlink(missing_ok=True)
    if kind == "device":
        path.symlink_to("/dev/zero")
    else:
        os.mknod(path, IRREGULAR[kind] | 0o600)
    return path


def picture_folder(root: Path, count: int = 40, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    """Writes a folder of images, with a subfolder per class."""
    for i in range(count):
        folder = root / classes[i % len(classes)] if classes else root
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i:04d}.png").write_bytes(png(pixels(i)))
    return root


def tfds_set(
    home: Path,
    name: str = "toy_set",
    count: int = 40,
    splits: tuple[str, ...] = ("train",),
    shape: tuple[int, int, int] = (8, 8, 3),
    classes: int = 3,
) -> str:
    """Writes a TFDS data set of the images above under `home`, in array_record, by TFDS itself."""
    import tensorflow_datasets as tfds

    gc.collect()  # else garbage of other tests is collected amid TFDS's lazy imports, which allow no other
    features: dict[str, Any] = {"image": tfds.features.Image(shape=shape)}
    if classes:
        features["label"] = tfds.features.ClassLabel(num_classes=classes)

    def info(self: Any) -> Any:
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def generate(self: Any, first: int) -> Any:
        for i in range(first, first + count):
            picture = pixels(i, shape if shape[2] == 3 else shape[:2])
            yield i, {"image": png(picture), **({"label": i % classes} if classes else {})}

    def generators(self: Any, downloads: Any) -> Any:
        return {split: self._generate_examples(1000 * k) for k, split in enumerate(splits)}

    members = {
        "VERSION": tfds.core.Version("1.0.0"),
        "pkg_dir_path": home,
        "name": name,
        "_info": info,
        "_split_generators": generators,
        "_generate_examples": generate,
    }
    with tfds.core.registered.skip_registration():
        builder = type(name, (tfds.core.GeneratorBasedBuilder,), members)
    builder(data_dir=str(home), file_format="array_record").download_and_prepare()
    return name
