"""The model card: what an exported generator is, as far as its run folder can vouch for it."""

import ast
import dataclasses
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax

from jaxgan.data.kind import Image
from jaxgan.folder.folder import Folder
from jaxgan.folder.manifest import Manifest, commit, devices, read_manifest
from jaxgan.folder.rows import Row, read
from jaxgan.parts.types import PyTree
from jaxgan.run.reopen import Reopened

_APART = frozenset({"out", "tensorboard", "wandb"})  # options that say nothing of the model


def card(again: Reopened, place: Folder, classes: int, average: str = "") -> str:
    """The text of the card, in Markdown, of a generator that is told one of so many classes.

    `average` is the name of the average that it is, where it is not the first.
    """
    manifest = read_manifest(place)
    config, state = again.config, again.state
    rule, source = again.experiment.rule, again.experiment.source
    script, step = Path(manifest.script).name, int(state.step)
    made = "uint8 images" if isinstance(source.kind, Image) else "float32 examples"
    labels = f"of {classes} classes, each by its number" if classes else "without labels"
    given = [f"`{name}` {list(source.leaves[name].shape)}" for name in rule.game.given if name != "label"]
    of = f"\n- Of {' and '.join(given)}: those in `given.npz`, or by `--given FILE.npz`." if given else ""
    averaged = "" if state.ema is None else ", averaged over training" + (f" ({average})" if average else "")
    batches = f"{rule.batches} x {config.micro_batches} x {config.batch_size}"
    return f"""# {Path(script).stem}, step {step}

{_first_line(place.script)} Made with jaxgan {manifest.versions["jaxgan"]}.

## Model

- Makes {made} of shape {list(source.shape)}, {labels}.{of}
- Generator: {_size(state.generator.params)} parameters{averaged}.
- Discriminator: {_size(state.d.params)} parameters, in `weights.safetensors` only.

## Training

- Command: `{shlex.join(["python", script, *_options(config)])}`; every option is in `config.json`.
- Begun with {_beginning(manifest)}.
- Steps: {step} of {config.steps}, each on {batches} examples (batches x micro-batches x batch).
- Seed: {config.seed}. One run of one seed.
- Begun: {manifest.created}, commit {commit(manifest)}.
- Versions: {", ".join(f"{name} {version}" for name, version in manifest.versions.items())}.
- Devices: {devices(manifest.devices)}.

## Data

- `{config.data}`: {"drawn anew, without end" if source.size is None else f"{source.size:,} examples"}.
{f"- Note: {source.note}." if source.note else "- Nothing is noted about them."}

## Scores

{_scores(read(place.metrics, again.lane), step)}

## Use

With jax and flatbuffers alone, on CPU, GPU or TPU:

    python sample.py --seed 0 --n 64{" --label 0" if classes else ""}

To train on, with the same options or with others:

    jaxgan import . --out runs/mine -- --steps 1000

## Limits

- It was trained on the data above and stands for them only: what they lack or overstate, so does it.
- Nothing was examined but what is listed under Scores: neither memorised examples nor bias.
- On one kind of device and one version of JAX a seed gives the same samples to the last bit; elsewhere they
  may differ by a rounding.
- `generator.jaxexport` was written by jax {jax.__version__}. It loads with that and, as `jax.export`
  promises, with the releases of six months after it; with an older one it may not. `weights.safetensors`
  always will.
"""


def _first_line(script: Path) -> str:
    said = ast.get_docstring(ast.parse(script.read_bytes())) or f"By {script.name}."
    return said.splitlines()[0]


def _size(params: PyTree) -> str:
    return f"{sum(x.size for x in jax.tree.leaves(params)):,}"


def _options(config: Any) -> Iterable[str]:
    """The words that must be given beside the script's defaults to get these options."""
    defaults = dataclasses.asdict(type(config)())
    for name, value in dataclasses.asdict(config).items():
        if value == defaults[name] or name in _APART:
            continue
        option = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{option}" if value else f"--no-{option}"
        else:
            yield f"--{option}"
            yield from map(str, value if isinstance(value, tuple | list) else [value])


def _beginning(manifest: Manifest) -> str:
    noted = manifest.weights
    return f"the weights of sha256 {noted.sha256}" if noted else "random weights"


def _scores(logged: list[Row], step: int) -> str:
    """What hooks measured at this step or, where they did not, at the last one before."""
    measured = [row for row in logged if row.step <= step and row.kind == "measured"]
    if not measured:
        return "None was measured."
    at = measured[-1].step
    found = {name: value for row in measured if row.step == at for name, value in row.numbers.items()}
    lines = [f"| {name} | {value} |" for name, value in found.items()]
    when = "at this step" if at == step else f"at step {at}, not at this one"
    head = f"Measured {when}, by the script, on one run of one seed: no spread, so no claim to be better."
    return "\n".join([head, "", "| score | value |", "|---|---|", *lines])
