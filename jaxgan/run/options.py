"""The options of a script: those that every script has, those of its `Config`, and those of stored runs."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from jaxgan import reading
from jaxgan.data import KNOWN, parts_of
from jaxgan.errors import Refused, probe
from jaxgan.folder import codec
from jaxgan.folder.settings import FIXED, RESUMABLE, Settings

C = TypeVar("C", bound=Settings)


def parse_common(
    config_type: type[Settings], args: Sequence[str] | None
) -> tuple[argparse.Namespace, list[str]]:
    """Returns the options that are not part of a configuration, and the other arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--resume")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--weights")
    parser.add_argument("--options")
    parser.add_argument("--sweep")
    parser.add_argument("--draws", type=int)
    parser.add_argument("--sweep-seed", type=int, default=0)
    parser.add_argument("--sweep-retries", type=int, default=1)
    parser.add_argument("--search", choices=["halving", "optuna"])
    parser.add_argument("--metric", default="")
    parser.add_argument("--first-rung", type=int, default=0)
    parser.add_argument("--ask", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--pack", type=int, default=64)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--plan-only", action="store_true")
    parser.add_argument("--coordinator", default="")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--process", type=int, default=0)
    parser.add_argument("--join-within", type=int, default=300)
    options, rest = parser.parse_known_args(args)
    if taken := sorted({field.name for field in dataclasses.fields(config_type)} & vars(options).keys()):
        option = taken[0].replace("_", "-")
        raise Refused(f"the Config cannot have a field {taken[0]}: every script has an option --{option}")
    return options, rest


def path_of(value: str | None, option: str) -> Path | None:
    """Returns the path that an option names; refuses an empty one."""
    if value == "":
        raise Refused(f"{option} is empty: is a variable of the shell not set?")
    return None if value is None else Path(value)


def options_of(config_type: type[C], args: Sequence[str], doc: str | None) -> C:
    """Returns the options of a new run in the arguments of a script; refuses those that start no new run.

    >>> options_of(Settings, ["--batch-size", "8"], None).batch_size
    8
    """
    options, rest = parse_common(config_type, args)
    for name in ("resume", "weights", "sweep", "coordinator"):
        if getattr(options, name):
            raise Refused(f"--{name} does not go with this command: give the options of one new run")
    default = read_options(Path(options.options), config_type) if options.options else config_type()
    config = parse(config_type, default, rest, doc)
    return dataclasses.replace(config, data=absolute(config.data))


_COMMON_HELP = """

options of every script, beside those below:
  --resume RUN          go on with a run; its options are the defaults
  --force               with --resume: accept changed options, files and data
  --weights EXPORT      start a new run with exported weights and their options,
                        or with a .safetensors file, which has weights only
  --options FILE        take the defaults from a file such as config.json

many runs as one sweep, which goes on when the same command is given again:
  --sweep AXES          'loss=hinge,r1 lr=1e-3,1e-4 seed=0:8', or a function of
                        the script that yields options
  --draws N             how often to draw axes such as lr=log(1e-5,1e-2)
  --sweep-seed SEED     seed of these draws (0)
  --search WAY          halving: of all settings the best third goes on, with
                        three times the steps, up to --steps;
                        optuna: propose --draws settings by TPE (extra search)
  --metric NAME         what a search compares: the mean over seeds, as in
                        reverse_kl, or in lower:NAME for a name of your own
  --first-rung STEPS    halving: the fewest steps of a setting (--steps / 9)
  --ask N               optuna: how many settings to propose at once (4)
  --jobs N              runs at once; by default one per accelerator or core
  --pack N              most runs to train as one, as lanes (64)
  --sweep-retries N     how often to retry what fails (1)
  --dry-run             print the plan and stop
  --plan-only           ... and write it, for `jaxgan work` or `jaxgan submit`

several processes training one run, each started with the same options and:
  --coordinator HOST:PORT   address of process 0; auto on a cluster that JAX
                            knows. The processes share the run folder.
  --processes N             number of processes
  --process I               number of this process, 0 to N-1
  --join-within SECONDS     how long processes wait for one another (300)
"""


def parse(config_type: type[C], default: C, args: list[str], doc: str | None) -> C:
    """Returns the `Config` of these arguments; --help prints `doc` and every option."""
    import tyro

    text = (doc or "").strip() + _COMMON_HELP
    return tyro.cli(config_type, default=default, args=args, description=text, use_underscores=False)


def stored(folder: Path, config_type: type[C]) -> C:
    """Returns the options in a run folder or an export."""
    if not probe(Path.is_file, folder / "config.json"):
        raise Refused(f"{folder} is not a run folder: there is no config.json in it")
    return read_options(folder / "config.json", config_type)


def read_options(path: Path, config_type: type[C]) -> C:
    """Returns the options in a file such as config.json."""
    try:
        return codec.loads(reading.content(path), config_type, str(path))
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None


def exported(weights: Path | None, config_type: type[C]) -> C:
    """Returns the default options of a new run: the script's, or an export's but for `out` and `lanes`."""
    if weights is None or not probe(Path.is_dir, weights):
        return config_type()
    return dataclasses.replace(stored(weights, config_type), out="", lanes=config_type().lanes)


def absolute(data: str) -> str:
    """Returns --data with its path made absolute if it exists, since a run is opened from other folders too.

    >>> absolute("stacked:digits"), absolute("tfds:mnist"), absolute("not/there.npz")
    ('stacked:digits', 'tfds:mnist', 'not/there.npz')
    """
    before, name, after = parts_of(data)
    is_path = bool(name) and name not in KNOWN and probe(Path.exists, Path(name))
    return f"{before}{Path(name).absolute()}{after}" if is_path else data


def check_unchanged(config: Settings, stored: Settings, run: Path, force: bool) -> None:
    """Refuses options that a run cannot change while it goes on, or only by --force."""
    if config.out != stored.out and Path(config.out).absolute() != run.absolute():
        raise Refused(
            f"--resume goes on in {run} itself: leave out --out {config.out}, or resume a copy of it"
        )
    changed = {
        name: values for name, values in codec.differences(config, stored).items() if name not in RESUMABLE
    }
    if fixed := sorted(FIXED & changed.keys()):
        option = fixed[0].replace("_", "-")
        raise Refused(f"--{option} cannot change while a run goes on, not even by --force: start a new run")
    if changed and not force:
        listed = ", ".join(f"{name} {old!r} -> {new!r}" for name, (new, old) in changed.items())
        raise Refused(f"{run} was started with other options: {listed}; --force resumes with the new ones")
