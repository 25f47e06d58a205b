"""The model card of an exported generator, from what its run folder records."""

import ast
import dataclasses
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax

from jaxgan.data.kind import Image
from jaxgan.folder.folder import Folder
from jaxgan.folder.manifest import commit, devices, read_manifest
from jaxgan.folder.rows import Row, read
from jaxgan.parts.types import PyTree
from jaxgan.run.reopen import Reopened

_LEFT_OUT = frozenset({"out", "tensorboard", "wandb"})  # options that say nothing about the model


def card(
    again: Reopened, place: Folder, classes: int, average: str = "", truncation: float | None = None
) -> str:
    """Returns the model card, in Markdown, of a generator of so many classes, 0 without labels.

    `average` names the average of the generator that is exported, if it is not the first; `truncation` that
    of its samples.
    """
    manifest = read_manifest(place)
    config, state = again.config, again.state
    rule, source = again.experiment.rule, again.experiment.source
    script, step = Path(manifest.script).name, int(state.step)
    samples = "uint8 images" if isinstance(source.kind, Image) else "float32 examples"
    labels = f"of {classes} classes, each by its number" if classes else "without labels"
    leaves = [f"`{name}` {list(source.leaves[name].shape)}" for name in rule.game.given if name != "label"]
    given = f"\n- Conditional on {' and '.join(leaves)}: `given.npz` or `--given PATH`." if leaves else ""
    start = f"the weights of sha256 {manifest.weights.sha256}" if manifest.weights else "random weights"
    averaged = "" if state.ema is None else ", averaged over training" + (f" ({average})" if average else "")
    truncated = "" if truncation is None else f"\n- Samples are truncated at {truncation:g}, so less diverse."
    batches = f"{rule.batches} x {config.micro_batches} x {config.batch_size}"
    return f"""# {Path(script).stem}, step {step}

{_first_line(place.script)} Made with jaxgan {manifest.versions["jaxgan"]}.

## Model

- Generates {samples} of shape {list(source.shape)}, {labels}.{given}{truncated}
- Generator: {_size(state.generator.params)} parameters{averaged}.
- Discriminator: {_size(state.d.params)} parameters, in `weights.safetensors` only.

## Training

- Command: `{shlex.join(["python", script, *_options(config)])}`; every option is in `config.json`.
- Started from {start}.
- Steps: {step} of {config.steps}, each on {batches} examples (batches x micro-batches x batch).
- Seed: {config.seed}. One run of one seed.
- Started: {manifest.created}, commit {commit(manifest)}.
- Versions: {", ".join(f"{name} {version}" for name, version in manifest.versions.items())}.
- Devices: {devices(manifest.devices)}.

## Data

- `{config.data}`: {"an endless stream, drawn anew" if source.size is None else f"{source.size:,} examples"}.
{f"- Note: {source.note}." if source.note else "- No notes."}

## Scores

{_scores(read(place.metrics, again.lane), step)}

## Use

With jax and flatbuffers only, on CPU, GPU or TPU:

    python sample.py --seed 0 --n 64{" --label 0" if classes else ""}

To train it further, with the same options or others:

    jaxgan import . --out runs/mine -- --steps 1000

## Limits

- It was trained on the data above and represents only them, with whatever they lack or overrepresent.
- Only the scores above were measured; it was checked neither for memorised examples nor for bias.
- On one kind of device and one version of JAX a seed gives the same samples to the last bit; elsewhere they
  may differ by rounding.
- `generator.jaxexport` was written by jax {jax.__version__}. It loads with that and, as `jax.export`
  promises, with releases up to six months newer; with older ones it may not. `weights.safetensors` always
  loads.
"""


def _first_line(script: Path) -> str:
    docstring = ast.get_docstring(ast.parse(script.read_bytes())) or f"By {script.name}."
    return docstring.splitlines()[0]


def _size(params: PyTree) -> str:
    return f"{sum(x.size for x in jax.tree.leaves(params)):,}"


def _options(config: Any) -> Iterable[str]:
    """Yields the command-line arguments that set these options, leaving out the script's defaults."""
    defaults = dataclasses.asdict(type(config)())
    for name, value in dataclasses.asdict(config).items():
        if value == defaults[name] or name in _LEFT_OUT:
            continue
        option = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{option}" if value else f"--no-{option}"
        else:
            yield f"--{option}"
            yield from map(str, value if isinstance(value, tuple | list) else [value])


def _scores(logged: list[Row], step: int) -> str:
    """Returns a table of what hooks measured at this step, or else at the last step before it."""
    measured = [row for row in logged if row.step <= step and row.kind == "measured"]
    if not measured:
        return "None was measured."
    at = measured[-1].step
    scores = {name: value for row in measured if row.step == at for name, value in row.numbers.items()}
    lines = [f"| {name} | {value} |" for name, value in scores.items()]
    when = "at this step" if at == step else f"at step {at}, not at this one"
    head = f"Measured {when}, by the script, on one run of one seed: no spread, so no claim to be better."
    return "\n".join([head, "", "| score | value |", "|---|---|", *lines])
