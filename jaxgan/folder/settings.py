"""What every experiment script can be told. Loads no JAX, so that `--help` is quick."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jaxgan.errors import Refused
from jaxgan.folder.ranges import Count, Natural, Seed, check_ranges

if TYPE_CHECKING:
    from jaxgan.parts.types import Lowering


@dataclass(frozen=True)
class Settings:
    """The options that all scripts share; a script's `Config` adds its own fields and defaults.

    A recipe never reads `steps`: its schedules have horizons of their own, so that a run resumed for longer
    is the run that would have gone on.
    """

    steps: Natural = 2000
    """Updates to make in all."""
    seed: Seed = 0
    """Drives initialisation, latents and data order; never the split nor an evaluation."""
    seeds: str = ""
    """Many seeds as one run, a lane each, in the place of `seed`: 0:8, or 1,4,9."""
    over: tuple[str, ...] = ()
    """Lanes over numbers as well: `lr=1e-4,2e-4 gamma=0.1,1` is each of these four with each seed."""
    out: str = ""
    """The run folder. By default runs/SCRIPT, or the first free runs/SCRIPT-2, -3, ..."""
    data: str = "digits"
    """digits, shapes, glyphs, tfds:NAME, or the path of an .npz file or of a folder of pictures; any of them
    behind stacked: or mirrored:."""
    size: Natural = 0
    """Side of the images in pixels; 0 is the data's own."""
    memory: Natural = 512
    """Megabytes of files to hold in memory; data that need more are read while the run goes on."""
    workers: Natural = 0
    """Processes that read data; 0 is threads of this one."""
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
    """Newest checkpoints to keep, beside the best; of lanes each has its own best."""
    on_nan: Literal["stop", "skip", "restore"] = "stop"
    """At a loss or state that is not finite: stop, skip the update, or go back to the last checkpoint and on
    with other random numbers."""
    retries: Natural = 3
    """How often `--on-nan restore` may go back."""
    tensorboard: bool = False
    """Write numbers and pictures for TensorBoard too, into the run folder (extra `tensorboard`)."""
    wandb: bool = False
    """Send numbers and pictures to Weights & Biases too; without a login they wait in the run folder (extra
    `wandb`)."""
    devices: Natural = 0
    """Devices to train on. 0 is all there are; of a CPU one, or for lanes one to a core."""
    data_devices: Natural = 0
    """How many of them share a batch; others have lanes of their own. 0 gives lanes as many as divide."""
    parallel: Literal["jit", "shard_map", "pmap"] = "jit"
    """How devices share a batch: split by the compiler, or each with its share and named means."""
    lanes: Literal["auto", "vmap", "loop"] = "auto"
    """Lanes side by side in one program, or one after another; auto is the latter on a CPU."""
    deterministic: bool = False
    """On a GPU, use deterministic operations only (slower)."""

    @property
    def lowering(self) -> "Lowering":
        """What a recipe is told of devices: the name of the axis where each has its share of the batch."""
        from jaxgan.parts.types import Lowering

        return Lowering(axis=None if self.parallel == "jit" else "data")


RESUMABLE = frozenset(
    {"steps", "out", "memory", "workers", "log_every", "save_every", "sample_every", "keep"}
    | {"on_nan", "retries", "tensorboard", "wandb", "devices", "data_devices", "parallel", "lanes"}
)
"""Settings that may differ on resume: none changes what an update computes, but to rounding."""

FIXED = frozenset({"seed", "seeds", "over"})
"""Settings that make a run the one it is: they differ on no resume."""


def check(settings: Settings) -> None:
    """Refuses numbers that cannot be, those of a script's own options too.

    >>> check(Settings(keep=0))
    Traceback (most recent call last):
    jaxgan.errors.Refused: --keep must be at least 1, not 0
    """
    check_seed(settings.seed)
    check_ranges(settings)


def check_seed(seed: int) -> None:
    """Refuses what JAX would take for another seed: it reads 32 bits."""
    if not 0 <= seed < 2**32:
        raise Refused(f"--seed must be from 0 to 4294967295, not {seed}")
