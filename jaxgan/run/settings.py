"""What every experiment script can be told. Loads no JAX, so that `--help` is quick."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """The options that all scripts share; a script's `Config` adds its own fields and defaults.

    A recipe never reads `steps`: its schedules have horizons of their own, so that a run resumed for longer
    is the run that would have gone on.
    """

    steps: int = 2000
    """Updates to make in all."""
    seed: int = 0
    """Drives initialisation, latents and data order; never the split nor an evaluation."""
    out: str = ""
    """The run folder. By default runs/SCRIPT, or the first free runs/SCRIPT-2, -3, ..."""
    data: str = "digits"
    """digits, shapes, glyphs, tfds:NAME, or the path of an .npz file or of a folder of pictures; any of them
    behind stacked: or mirrored:."""
    size: int = 0
    """Side of the images in pixels; 0 is the data's own."""
    memory: int = 512
    """Megabytes of files to hold in memory; data that need more are read while the run goes on."""
    workers: int = 0
    """Processes that read data; 0 is threads of this one."""
    batch_size: int = 64
    """Examples per batch."""
    micro_batches: int = 1
    """Batches whose gradients are averaged before a player steps."""
    log_every: int = 50
    """Steps between lines of metrics.jsonl."""
    save_every: int = 500
    """Steps between checkpoints."""
    sample_every: int = 500
    """Steps between sample pictures."""
    keep: int = 2
    """Newest checkpoints to keep, beside the best."""
    on_nan: Literal["stop", "skip", "restore"] = "stop"
    """At a loss or state that is not finite: stop, skip the update, or go back to the last checkpoint and on
    with other random numbers."""
    retries: int = 3
    """How often `--on-nan restore` may go back."""
    tensorboard: bool = False
    """Write numbers and pictures for TensorBoard too, into the run folder (extra `tensorboard`)."""
    wandb: bool = False
    """Send numbers and pictures to Weights & Biases too; without a login they wait in the run folder (extra
    `wandb`)."""
    deterministic: bool = False
    """On a GPU, use deterministic operations only (slower)."""


RESUMABLE = frozenset(
    {"steps", "out", "memory", "workers", "log_every", "save_every", "sample_every", "keep"}
    | {"on_nan", "retries", "tensorboard", "wandb"}
)
"""Settings that may differ on resume: none of them changes what an update computes."""
