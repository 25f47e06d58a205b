"""The options of every experiment script. Imports no JAX, so that `--help` is quick."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jaxgan.errors import Refused
from jaxgan.folder.ranges import Count, Natural, Seed, check_ranges

if TYPE_CHECKING:
    from jaxgan.parts.types import Lowering


@dataclass(frozen=True)
class Settings:
    """The options that all scripts share; a script's `Config` adds its own fields and defaults.

    A recipe never reads `steps`: its schedules have their own horizons, so that a run that is resumed for
    more steps equals one that was started with them.
    """

    steps: Natural = 2000
    """Number of updates."""
    seed: Seed = 0
    """Seed of initialisation, latents and data order; not of the split nor of evaluations."""
    seeds: str = ""
    """Several seeds in one run, a lane each, instead of `seed`: 0:8, or 1,4,9."""
    over: tuple[str, ...] = ()
    """Lanes over numbers too: `lr=1e-4,2e-4 gamma=0.1,1` is each of these four pairs with each seed."""
    out: str = ""
    """The run folder. By default runs/SCRIPT, or the first free runs/SCRIPT-2, -3, ..."""
    data: str = "digits"
    """digits, shapes, glyphs, tfds:NAME, or the path of an .npz file or of a folder of pictures; any of them
    behind stacked: or mirrored:."""
    size: Natural = 0
    """Side of the images in pixels; 0 is that of the data."""
    memory: Natural = 512
    """Megabytes of files to hold in memory; larger data are read during the run."""
    workers: Natural = 0
    """Processes that read data; 0 uses threads."""
    batch_size: Count = 64
    """Examples per batch."""
    micro_batches: Count = 1
    """Batches whose gradients are averaged before a player steps."""
    log_every: Natural = 50
    """Steps between lines of metrics.jsonl."""
    save_every: Natural = 500
    """Steps between checkpoints."""
    sample_every: Natural = 500
    """Steps between sample pictures."""
    keep: Count = 2
    """Newest checkpoints to keep, beside the best, or the best of each lane."""
    on_nan: Literal["stop", "skip", "restore"] = "stop"
    """If a loss or the state is not finite: stop, skip the update, or go back to the last checkpoint and use
    other random numbers."""
    retries: Natural = 3
    """How often `--on-nan restore` may go back."""
    tensorboard: bool = False
    """Also write numbers and pictures for TensorBoard, to the run folder (extra `tensorboard`)."""
    wandb: bool = False
    """Also send numbers and pictures to Weights & Biases; without a login they stay in the run folder (extra
    `wandb`)."""
    devices: Natural = 0
    """Devices to train on. 0 is all of them; on a CPU one, or for lanes one per core."""
    data_devices: Natural = 0
    """Devices that share a batch; lanes are split over the groups. 0 derives it from the number of lanes."""
    parallel: Literal["jit", "shard_map", "pmap"] = "jit"
    """How devices share a batch: split by the compiler, or each with its shard and named means."""
    lanes: Literal["auto", "vmap", "loop"] = "auto"
    """Run lanes vectorised in one program, or one after another; auto is the latter on a CPU."""
    deterministic: bool = False
    """On a GPU, use deterministic operations only (slower)."""

    @property
    def lowering(self) -> "Lowering":
        """The `Lowering` for a recipe: names the device axis if each device has a shard of the batch."""
        from jaxgan.parts.types import Lowering

        return Lowering(axis=None if self.parallel == "jit" else "data")


RESUMABLE = frozenset(
    {"steps", "out", "memory", "workers", "log_every", "save_every", "sample_every", "keep"}
    | {"on_nan", "retries", "tensorboard", "wandb", "devices", "data_devices", "parallel", "lanes"}
)
"""Settings that may differ on resume: none changes what an update computes, except for rounding."""

FIXED = frozenset({"seed", "seeds", "over"})
"""Settings that may never differ on resume: they define the run."""


def check(settings: Settings) -> None:
    """Raises `Refused` if a number is out of range, among a script's own options too.

    >>> check(Settings(keep=0))
    Traceback (most recent call last):
    jaxgan.errors.Refused: --keep must be at least 1, not 0
    """
    check_seed(settings.seed)
    check_ranges(settings)


def check_seed(seed: int) -> None:
    """Raises `Refused` for a seed of more than 32 bits, which JAX would truncate."""
    if not 0 <= seed < 2**32:
        raise Refused(f"--seed must be from 0 to 4294967295, not {seed}")
