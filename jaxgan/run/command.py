"""The command line of a script: parses its options, checks them, builds the experiment and trains it."""

import _thread
import argparse
import contextlib
import dataclasses
import errno
import inspect
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jaxgan import reading, terminal
from jaxgan.data import KNOWN
from jaxgan.errors import Refused, Unreadable, probe
from jaxgan.folder import codec
from jaxgan.folder.script import Script, read_script
from jaxgan.folder.settings import FIXED, RESUMABLE, Settings, check

if TYPE_CHECKING:
    from jaxgan.data.source import Source
    from jaxgan.games.game import State
    from jaxgan.run.experiment import Experiment

C = TypeVar("C", bound=Settings)

REOPENED = "jaxgan_script"
"""The `__name__` of a script that is executed to open its run again, not to train."""
OLD_BUILD = "was made before `build` took (config, source): go on with the version of jaxgan that made it"
"""The error for a run by an older script."""
CALLS: list[type[Settings]] = []
"""The `Config` of each call of `main`, by which `jaxgan resume` sees whether a script calls it."""


def run_script(
    config_type: type[C],
    build: "Callable[[C, Source], Experiment]",
    data: "Callable[[C], Source] | None",
    args: Sequence[str] | None,
    names: Mapping[str, Any],
    sweep: Callable[..., None],
) -> "State":
    """Runs a script as `jg.main` describes: `names` are the globals of its caller, `sweep` does --sweep."""
    CALLS.append(config_type)
    escape_unprintable()
    if names.get("__name__") == REOPENED:
        way = 'put `if __name__ == "__main__":` before jg.main'
        raise Refused(f"{names.get('__file__')} starts training when its run is opened: {way}")
    with terminal.command(), exit_on_error():
        if not inspect.isfunction(build):
            raise Refused(
                f"jg.main takes the function `build` of a script, not {build!r}: it is called again when the "
                "run folder is opened"
            )
        if names.get("__name__") != "__main__" or "__file__" not in names:
            names = build.__globals__
        if "__file__" not in names:
            raise Refused("jg.main must be called by a script file, which is copied into the run folder")
        script = read_script(Path(names["__file__"]))
        options, rest = _parse_common(config_type, args)
        _check_functions(build, data, names.get("data"), options.resume)
        run, weights = _path(options.resume, "--resume"), _path(options.weights, "--weights")
        if run and weights:
            raise Refused("--weights starts a new run, --resume goes on with one: give one of the two")
        if options.sweep is not None and (run or weights):
            raise Refused("--sweep starts runs of its own: leave out --resume and --weights")
        if options.search and options.sweep is None:
            raise Refused("--search is over the axes of a sweep: give --sweep 'lr=log(1e-5,1e-2) ...'")
        start = _stored(run, config_type) if run else _exported(weights, config_type)
        if run:
            from jaxgan.folder import create, folder

            create.check_config(folder.find_folder(run), options.force)
        default = _read_options(Path(options.options), config_type) if options.options else start
        config = _parse(config_type, default, rest, names.get("__doc__"))
        config = dataclasses.replace(config, data=_absolute(config.data))
        if options.sweep is not None:
            sweep(config, build, data, script, names, options)
            sys.exit()
        if run:
            _check_unchanged(config, start, run, options.force)
        with _jax(config, options), exit_on_error():
            return _run(config, build, data, script, run, options.force, weights)


def takes_source(build: Callable[..., object]) -> bool:
    """Returns whether it can be called as build(config, source).

    >>> takes_source(lambda config, source: None), takes_source(lambda config: None)
    (True, False)
    """
    try:
        inspect.signature(build).bind(None, None)
    except TypeError:
        return False
    return True


def _check_functions(build: Callable[..., object], data: object, named: object, run: str | None) -> None:
    """Refuses functions that opening the run could not call; `named` is what the script calls `data`."""
    if not takes_source(build):
        change = (
            "`build` takes (config, source) now: the examples come from --data, or from a function given by "
            "jg.main(Config, build, data=...)"
        )
        raise Refused(f"{run} {OLD_BUILD}" if run else change)
    if data is not None and (named is not data or not inspect.isfunction(data)):
        raise Refused(
            "jg.main takes as `data` a function of the script that is called `data`, not "
            f"{getattr(data, '__name__', data)!r}: it is called again when the run folder is opened"
        )
    if data is None and inspect.isfunction(named):
        raise Refused("the script has a function `data`: pass it, by jg.main(Config, build, data=data)")


def escape_unprintable() -> None:
    """Has stdout and stderr escape the characters that their encoding lacks, such as those of a path."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def exit_on_error() -> Iterator[None]:
    """Ends the process with one line after a `Refused`, an `Unreadable` or Ctrl-C.

    Python drops a KeyboardInterrupt that is raised in a callback of JAX; it is then sent again shortly after.
    """
    hook = sys.unraisablehook

    def unraisable(dropped: "sys.UnraisableHookArgs") -> None:
        if isinstance(dropped.exc_value, KeyboardInterrupt):
            threading.Timer(0.1, _thread.interrupt_main).start()
        else:
            hook(dropped)

    sys.unraisablehook = unraisable
    try:
        yield
    except Refused as error:
        sys.exit(_print_error(error, 2))
    except Unreadable as error:
        sys.exit(_print_error(error, 1))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    finally:
        sys.unraisablehook = hook


@contextlib.contextmanager
def _jax(config: Settings, options: argparse.Namespace) -> Iterator[None]:
    """Starts JAX with the devices of the run and, if it has several processes, connects them."""
    from jaxgan.run import sinks

    check(config)  # these two need no JAX, whose start takes seconds
    sinks.check(config)
    if config.deterministic:  # before the backend starts
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true"
    from jaxgan.folder import cache
    from jaxgan.run import lane
    from jaxgan.run.devices import make_devices
    from jaxgan.scale.devices import check_devices
    from jaxgan.scale.processes import join_processes

    cache.enable()
    if not options.coordinator:
        make_devices(config, len(lane.lanes(config)))
    with join_processes(options.coordinator, options.processes, options.process, options.join_within):
        check_devices()
        yield


def _run(
    config: C,
    build: "Callable[[C, Source], Experiment]",
    data: "Callable[[C], Source] | None",
    script: Script,
    run: Path | None,
    force: bool,
    weights: Path | None,
) -> "State":
    """Builds the experiment, checks it, opens or creates the run folder, and trains."""
    from jaxgan.folder import create, folder
    from jaxgan.folder import weights as arrays
    from jaxgan.folder.checkpoint import SaveFailed
    from jaxgan.folder.lock import lock_folder
    from jaxgan.run import lane
    from jaxgan.run.check import experiment_of, source_of
    from jaxgan.run.devices import check_memory, choose_devices
    from jaxgan.run.interrupt import Interrupted
    from jaxgan.run.loop import train
    from jaxgan.run.program import check_trainable, start_shapes
    from jaxgan.run.run import Run
    from jaxgan.run.trouble import NotFinite
    from jaxgan.scale.processes import broadcast

    lanes = lane.lanes(config)
    path = run or Path(config.out or broadcast(lambda: folder.free_path(script.path.stem)))
    with contextlib.ExitStack() as stack:
        broadcast(lambda: stack.enter_context(lock_folder(path)))
        source = source_of(config, data)
        about = {"fingerprint": source.fingerprint, "note": source.note}
        experiment = experiment_of(config, build, source)
        rule_of = lane.rule_of(build, config, experiment)
        games = lane.games(build, config, source)

        def check_all() -> None:
            """Refuses what cannot be trained, before anything is written."""
            check_trainable(experiment, config)  # examples, labels, batch size, shapes of the networks
            lane.check_over(build, config, experiment)  # values of --over
            choose_devices(config, len(lanes))  # number of devices
            check_memory(experiment, config, lanes, rule_of)  # memory of a device
            if run:
                broadcast(lambda: create.check_files(folder.find_folder(path), script, force))
                broadcast(lambda: create.check_data(folder.find_folder(path), source.fingerprint, force))
            if weights:
                broadcast(lambda: arrays.check(arrays.find_file(weights), start_shapes(experiment, config)))

        def open_folder() -> folder.Folder:
            if run:
                return folder.find_folder(path)
            export = arrays.identify(arrays.find_file(weights)) if weights else None
            return create.create(path, script, codec.dumps(config), config.seed, about, export)

        check_all()
        place = broadcast(open_folder)
        try:
            record_changes = partial(create.adopt, place, script, about)
            return train(Run(experiment, config, place, lanes, rule_of, games, record_changes)).state
        except Interrupted as stop:
            print(f"{stop}: saved; go on with `jaxgan resume {path}`", file=sys.stderr)
            sys.exit(stop.code)
        except NotFinite as error:
            other = "more --retries" if config.on_nan == "restore" else "--on-nan restore"
            way = f"go on with `jaxgan resume {path} -- --on-nan skip`, or with {other}"
            way = f"go on with one of its lanes, by `jaxgan take {path}`" if lanes else way
            print(way, file=sys.stderr)
            sys.exit(_print_error(error, 1))
        except Unreadable:
            print(f"{path} is unharmed; `jaxgan resume {path}` goes on", file=sys.stderr)
            raise
        except SaveFailed as error:
            sys.exit(_print_error(error, 1))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                sys.exit(_print_error("the disk is full", 1))
            if not place.config.exists():
                sys.exit(_print_error(f"{path} was moved or deleted while the run went on", 1))
            raise


def _parse_common(
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


def _path(value: str | None, option: str) -> Path | None:
    if value == "":
        raise Refused(f"{option} is empty: is a variable of the shell not set?")
    return None if value is None else Path(value)


def options_of(config_type: type[C], args: Sequence[str], doc: str | None) -> C:
    """Returns the options of a new run in the arguments of a script; refuses those that start no new run.

    >>> options_of(Settings, ["--batch-size", "8"], None).batch_size
    8
    """
    options, rest = _parse_common(config_type, args)
    for name in ("resume", "weights", "sweep", "coordinator"):
        if getattr(options, name):
            raise Refused(f"--{name} does not go with this command: give the options of one new run")
    default = _read_options(Path(options.options), config_type) if options.options else config_type()
    config = _parse(config_type, default, rest, doc)
    return dataclasses.replace(config, data=_absolute(config.data))


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


def _parse(config_type: type[C], default: C, args: list[str], doc: str | None) -> C:
    import tyro

    text = (doc or "").strip() + _COMMON_HELP
    return tyro.cli(config_type, default=default, args=args, description=text, use_underscores=False)


def _stored(folder: Path, config_type: type[C]) -> C:
    """Returns the options in a run folder or an export."""
    if not probe(Path.is_file, folder / "config.json"):
        raise Refused(f"{folder} is not a run folder: there is no config.json in it")
    return _read_options(folder / "config.json", config_type)


def _read_options(path: Path, config_type: type[C]) -> C:
    try:
        return codec.loads(reading.content(path), config_type, str(path))
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None


def _exported(weights: Path | None, config_type: type[C]) -> C:
    """Returns the default options of a new run: those of the script, or of an export but for its `out`."""
    if weights is None or not probe(Path.is_dir, weights):
        return config_type()
    return dataclasses.replace(_stored(weights, config_type), out="")


def _absolute(data: str) -> str:
    """Returns --data with its path made absolute if it exists, since a run is opened from other folders too.

    >>> _absolute("stacked:digits"), _absolute("tfds:mnist"), _absolute("not/there.npz")
    ('stacked:digits', 'tfds:mnist', 'not/there.npz')
    """
    name = data
    while name.startswith(("stacked:", "mirrored:")):
        name = name.partition(":")[2]
    is_path = bool(name) and name not in KNOWN and probe(Path.exists, Path(name))
    return data.removesuffix(name) + str(Path(name).absolute()) if is_path else data


def _check_unchanged(config: Settings, stored: Settings, run: Path, force: bool) -> None:
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


def _print_error(error: BaseException | str, status: int) -> int:
    print(f"error: {terminal.escape(str(error))}", file=sys.stderr)
    return status
