"""The options that every experiment script has. Loads no JAX, so that `--help` is quick."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from jaxgan.errors import Refused
from jaxgan.folder.ranges import Count, Natural, Seed, check_ranges

if TYPE_CHECKING:
    from jaxgan.parts.types import Lowering


@dataclass(frozen=True)
class Settings:
    """The options that all scripts share; a script's `Config` adds its own fields and defaults.

    A recipe never reads `steps`: its schedules have horizons of their own, so that a run resumed for more
    steps equals a run that was started with them. `--help` keeps the line breaks of these docstrings.
    """

    steps: Natural = 2000
    """Total number of updates."""
    seed: Seed = 0
    """Seed of initialisation, latents and data order; the data split and evaluations do not use it."""
    seeds: str = ""
    """Train several seeds as one run, a lane each, instead of `seed`: 0:8 for 0 to 7, or 1,4,9."""
    seed_init: Seed | None = None
    """Seed of initialisation alone, in place of `seed`."""
    seed_data: Seed | None = None
    """Seed of the order of the data alone."""
    seed_noise: Seed | None = None
    """Seed of latents and all other noise alone."""
    over: tuple[str, ...] = ()
    """Train a lane for each value of an option: `lr=1e-4,2e-4 gamma=0.1,1` gives four lanes per seed."""
    out: str = ""
    """The run folder to create. Default: the first free one of runs/SCRIPT, runs/SCRIPT-2, ..."""
    data: str = "digits"
    """The data set: digits, shapes, glyphs, tfds:NAME, an .npz file or a folder of images.
    Each can be prefixed with stacked: or mirrored:, and pairs with swapped:."""
    size: Natural = 0
    """Side of the images in pixels; 0 keeps the size of the data."""
    memory: Natural = 512
    """Megabytes of data files to hold in memory; larger data sets are read during training."""
    workers: Natural = 0
    """Processes that read data; 0 uses threads of the training process."""
    batch_size: Count = 64
    """Examples per batch."""
    micro_batches: Count = 1
    """Batches whose gradients are averaged for each step of a player."""
    log_every: Natural = 50
    """Steps between lines of metrics.jsonl."""
    save_every: Natural = 500
    """Steps between checkpoints."""
    sample_every: Natural = 500
    """Steps between pictures of samples."""
    keep: Count = 2
    """Number of newest checkpoints to keep, besides the best one of the run or of each lane."""
    on_nan: Literal["stop", "skip", "restore"] = "stop"
    """If a loss or the state is not finite: stop, skip the update, or restore the last checkpoint.
    After restore the run goes on with other random numbers."""
    retries: Natural = 3
    """How many times `--on-nan restore` may restore a checkpoint."""
    tensorboard: bool = False
    """Also write numbers and pictures for TensorBoard, into the run folder (extra `tensorboard`)."""
    wandb: bool = False
    """Also send numbers and pictures to Weights & Biases (extra `wandb`).
    Without a login they are stored in the run folder."""
    devices: Natural = 0
    """Number of devices to train on; 0 uses all. On a CPU, 0 uses one, or for lanes one per core."""
    data_devices: Natural = 0
    """Number of devices that share a batch; the others train other lanes.
    0 spreads the lanes over as many devices as divide evenly."""
    parallel: Literal["jit", "shard_map", "pmap"] = "jit"
    """How devices share a batch: with jit the compiler splits it.
    With shard_map and pmap each device takes its share, and means name the axis of devices."""
    lanes: Literal["auto", "vmap", "loop"] = "auto"
    """Train lanes side by side in one program (vmap) or in turn (loop); auto is loop on a CPU.
    On an accelerator auto times both, once for each program, and takes the faster."""
    deterministic: bool = False
    """Use only deterministic operations on a GPU (slower)."""

    @property
    def lowering(self) -> "Lowering":
        """The name of the device axis, over which a recipe takes its means; None where jit splits batches."""
        from jaxgan.parts.types import Lowering

        return Lowering(axis=None if self.parallel == "jit" else "data")


RESUMABLE = frozenset(
    {"steps", "out", "memory", "workers", "log_every", "save_every", "sample_every", "keep"}
    | {"on_nan", "retries", "tensorboard", "wandb", "devices", "data_devices", "parallel", "lanes"}
)
"""Settings that may differ on resume: they change an update by rounding at most."""

SPLIT = ("seed_init", "seed_data", "seed_noise")
"""The parts of the seed, which may differ between lanes."""

FIXED = frozenset({"seed", "seeds", *SPLIT, "over"})
"""Settings that never differ on resume, not even by --force."""


def check(settings: Settings) -> None:
    """Refuses options outside their range, those of a script's own `Config` too.

    >>> check(Settings(keep=0))
    Traceback (most recent call last):
    jaxgan.errors.Refused: --keep must be at least 1, not 0
    """
    for name in ("seed", *SPLIT):
        if (value := getattr(settings, name)) is not None:
            check_seed(value, name)
    check_ranges(settings)


def check_seed(seed: int, name: str = "seed") -> None:
    """Refuses a seed of more than 32 bits, which JAX would cut to another one."""
    if not 0 <= seed < 2**32:
        raise Refused(f"--{name.replace('_', '-')} must be from 0 to 4294967295, not {seed}")
