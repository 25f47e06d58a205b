"""The command line of a script: checks its options, builds the experiment and trains it."""

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

from jaxgan import terminal
from jaxgan.errors import Refused, Unreadable
from jaxgan.folder import codec
from jaxgan.folder.script import Script, read_script
from jaxgan.folder.settings import Settings, check
from jaxgan.run.options import (
    absolute,
    check_unchanged,
    exported,
    parse,
    parse_common,
    path_of,
    read_options,
    stored,
)

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
        options, rest = parse_common(config_type, args)
        _check_functions(build, data, names.get("data"), options.resume)
        run, weights = path_of(options.resume, "--resume"), path_of(options.weights, "--weights")
        if run and weights:
            raise Refused("--weights starts a new run, --resume goes on with one: give one of the two")
        if options.sweep is not None and (run or weights):
            raise Refused("--sweep starts runs of its own: leave out --resume and --weights")
        if options.search and options.sweep is None:
            raise Refused("--search is over the axes of a sweep: give --sweep 'lr=log(1e-5,1e-2) ...'")
        start = stored(run, config_type) if run else exported(weights, config_type)
        if run:
            from jaxgan.folder import create, folder

            create.check_config(folder.find_folder(run), options.force)
        default = read_options(Path(options.options), config_type) if options.options else start
        config = parse(config_type, default, rest, names.get("__doc__"))
        config = dataclasses.replace(config, data=absolute(config.data))
        if options.sweep is not None:
            sweep(config, build, data, script, names, options)
            sys.exit()
        if run:
            check_unchanged(config, start, run, options.force)
            if config.lanes == "auto":  # the run goes on as it was begun: the other way rounds differently
                config = dataclasses.replace(config, lanes=start.lanes)
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
    from jaxgan.run.devices import accelerator, check_memory, choose_devices
    from jaxgan.run.interrupt import Interrupted
    from jaxgan.run.loop import train
    from jaxgan.run.program import check_trainable, start_shapes
    from jaxgan.run.run import Run
    from jaxgan.run.timing import with_faster
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
        if not run:
            config = with_faster(config, experiment, lanes, rule_of, accelerator())
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


def _print_error(error: BaseException | str, status: int) -> int:
    print(f"error: {terminal.escape(str(error))}", file=sys.stderr)
    return status
