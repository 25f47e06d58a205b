"""A script's command line: its `Config` is the options, `data` the examples, `build` the experiment."""

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
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

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
"""The name of a script that is read to look at its run, not to play it."""
BEFORE = "was made before `build` took (config, source): go on with the version of jaxgan that made it"
"""What is said of a run by an older script."""
PLAYED: list[type[Settings]] = []
"""What `main` has been called with, for those who would know whether a script has."""


def main(
    config_type: type[C],
    build: "Callable[[C, Source], Experiment]",
    data: "Callable[[C], Source] | None" = None,
    args: Sequence[str] | None = None,
) -> "State":
    """Runs a script: parses its options, loads the examples, builds the experiment of them and trains it.

    `data(config)` is a function of the script's own; without it the examples are those of --data. They are
    loaded once. A run folder is opened again through the script's `Config`, `build` and, if any, `data`.

    Ends the process with one clear line: status 2 for what cannot be done, 1 for a run that failed, 143 after
    SIGTERM, 129 after SIGHUP and 130 after Ctrl-C, each with a checkpoint of the step it reached. That nobody
    reads stdout and stderr any more does not end it.

    >>> main(Settings, lambda config, source: None, args=["--resume", "nowhere"])
    Traceback (most recent call last):
    SystemExit: 2
    """
    PLAYED.append(config_type)
    printable()
    caller = sys._getframe(1).f_globals
    if caller.get("__name__") == REOPENED:
        where = caller.get("__file__")
        raise Refused(f'{where} runs when it is looked at: put `if __name__ == "__main__":` before jg.main')
    with terminal.command(), answered():
        if not inspect.isfunction(build):
            raise Refused(
                f"jg.main takes the function `build` of a script, not {build!r}: looks call it again"
            )
        own = caller if caller.get("__name__") == "__main__" and "__file__" in caller else build.__globals__
        if "__file__" not in own:
            raise Refused("jg.main is called by a script in a file of its own, which is copied into the run")
        script = read_script(Path(own["__file__"]))
        chosen, rest = _common(config_type, args)
        _check_functions(build, data, own.get("data"), chosen.resume)
        run, weights = _path(chosen.resume, "--resume"), _path(chosen.weights, "--weights")
        if run and weights:
            raise Refused("--weights begins a new run, --resume goes on with one: give one of the two")
        started = _stored(run, config_type) if run else _exported(weights, config_type)
        if run:
            _unedited(run, chosen.force)
        config = _parse(config_type, started, rest, own.get("__doc__"))
        config = dataclasses.replace(config, data=_from_anywhere(config.data))
        if run:
            _same(config, started, run, chosen.force)
        with _backend(config, chosen), answered():
            return _run(config, build, data, script, run, chosen.force, weights)


def takes_source(build: Callable[..., object]) -> bool:
    """Whether it can be called as build(config, source).

    >>> takes_source(lambda config, source: None), takes_source(lambda config: None)
    (True, False)
    """
    try:
        inspect.signature(build).bind(None, None)
    except TypeError:
        return False
    return True


def _check_functions(build: Callable[..., object], data: object, own: object, run: str | None) -> None:
    """Refuses what looks at the run could not call again; `own` is what the script calls `data`."""
    if not takes_source(build):
        now = (
            "`build` takes (config, source) now: the examples come from --data, or from a function given by "
            "jg.main(Config, build, data=...)"
        )
        raise Refused(f"{run} {BEFORE}" if run else now)
    if data is not None and (own is not data or not inspect.isfunction(data)):
        raise Refused(
            "jg.main takes as `data` a function of the script that is called `data`, not "
            f"{getattr(data, '__name__', data)!r}: looks call it again"
        )
    if data is None and inspect.isfunction(own):
        raise Refused("the script has a function `data`: give it, by jg.main(Config, build, data=data)")


def printable() -> None:
    """Lets stdout and stderr write whatever a path is called, where they know ASCII only too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Ends the process with one line where something was refused, or cannot be read, or at Ctrl-C.

    That may fall into a callback of JAX's, from which Python raises nothing: then it comes again, later.
    """
    aside = sys.unraisablehook

    def unraisable(what: "sys.UnraisableHookArgs") -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):
            threading.Timer(0.1, _thread.interrupt_main).start()
        else:
            aside(what)

    sys.unraisablehook = unraisable
    try:
        yield
    except Refused as error:
        sys.exit(_say(error, 2))
    except Unreadable as error:
        sys.exit(_say(error, 1))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    finally:
        sys.unraisablehook = aside


@contextlib.contextmanager
def _backend(config: Settings, chosen: argparse.Namespace) -> Iterator[None]:
    """JAX as the run needs it: its devices, and with those of the other processes if it has any."""
    from jaxgan.run import sinks

    check(config)
    sinks.check(config)
    if config.deterministic:  # before the backend starts
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_deterministic_ops=true"
    from jaxgan.folder import cache
    from jaxgan.run import lane
    from jaxgan.run.devices import make_devices
    from jaxgan.scale.devices import check_devices
    from jaxgan.scale.processes import join_processes

    cache.enable()
    if not chosen.coordinator:
        make_devices(config, len(lane.lanes(config)))
    with join_processes(chosen.coordinator, chosen.processes, chosen.process, chosen.join_within):
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
    path = run or (Path(config.out) if config.out else broadcast(lambda: folder.free_path(script.path.stem)))
    with contextlib.ExitStack() as stack:
        broadcast(lambda: stack.enter_context(lock_folder(path)))
        source = source_of(config, data)
        experiment = experiment_of(config, build, source)
        rule_of = lane.rule_of(build, config, experiment)
        check_trainable(experiment, config)
        games = lane.games(build, config, source)
        lane.check_over(build, config, experiment)
        choose_devices(config, len(lanes))
        check_memory(experiment, config, lanes, rule_of)

        about = {"fingerprint": source.fingerprint, "note": source.note}

        def opened() -> folder.Folder:
            if run is not None:
                place = folder.find_folder(path)
                create.check_files(place, script, force)
                create.check_data(place, source.fingerprint, force)
                return place
            begins = None
            if weights:
                arrays.check(arrays.find_file(weights), start_shapes(experiment, config))
                begins = arrays.identify(arrays.find_file(weights))
            return create.create(path, script, codec.dumps(config), config.seed, about, begins)

        place = broadcast(opened)
        try:
            adopted = partial(create.adopt, place, script, about)
            return train(Run(experiment, config, place, lanes, rule_of, games, adopted)).state
        except Interrupted as stop:
            print(f"{stop}: saved; go on with `jaxgan resume {path}`", file=sys.stderr)
            sys.exit(stop.code)
        except NotFinite as error:
            other = "more --retries" if config.on_nan == "restore" else "restore"
            way = f"`jaxgan resume {path} -- --on-nan skip`, or {other} in its place, goes on from there"
            way = f"one of its lanes can go on, by `jaxgan take {path}`" if lanes else way
            print(way, file=sys.stderr)
            sys.exit(_say(error, 1))
        except Unreadable:
            print(f"{path} is as it was before that; `jaxgan resume {path}` goes on", file=sys.stderr)
            raise
        except SaveFailed as error:
            sys.exit(_say(error, 1))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                sys.exit(_say("the disk is full", 1))
            if not place.config.exists():
                sys.exit(_say(f"{path} was moved or deleted while the run went on", 1))
            raise


def _common(config_type: type[Settings], args: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """The options that are not part of a configuration."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--resume")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--weights")
    parser.add_argument("--coordinator", default="")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--process", type=int, default=0)
    parser.add_argument("--join-within", type=int, default=300)
    chosen, rest = parser.parse_known_args(args)
    if taken := sorted({field.name for field in dataclasses.fields(config_type)} & vars(chosen).keys()):
        option = taken[0].replace("_", "-")
        raise Refused(f"the Config cannot have a field {taken[0]}: every script has an option --{option}")
    return chosen, rest


def _path(given: str | None, option: str) -> Path | None:
    if given == "":
        raise Refused(f"{option} is empty: is a variable of the shell not set?")
    return None if given is None else Path(given)


def _parse(config_type: type[C], default: C, args: list[str], doc: str | None) -> C:
    import tyro

    more = (
        "\n\n--resume RUN goes on with a run; --force accepts that its options or files have changed."
        "\n--weights EXPORT begins a new run with exported weights and their options; with the weights alone "
        "if it is their .safetensors file."
        "\n\nSeveral processes play one run if each is started with --coordinator HOST:PORT of process 0, "
        "--processes N and --process I (0 to N-1), or with --coordinator auto on a cluster that JAX knows. "
        "They wait --join-within SECONDS (300) for one another, and share the run folder."
    )
    return tyro.cli(
        config_type, default=default, args=args, description=(doc or "").strip() + more, use_underscores=False
    )


def _stored(run: Path, config_type: type[C]) -> C:
    try:
        return codec.loads(reading.content(run / "config.json"), config_type, str(run / "config.json"))
    except OSError:
        raise Refused(f"{run} is not a run folder: there is no config.json in it") from None


def _unedited(run: Path, force: bool) -> None:
    from jaxgan.folder import create, folder

    create.check_config(folder.find_folder(run), force)


def _exported(weights: Path | None, config_type: type[C]) -> C:
    """The options a new run starts from: the script's own, or those of an export but its run folder."""
    if weights is None or not probe(Path.is_dir, weights):
        return config_type()
    return dataclasses.replace(_stored(weights, config_type), out="")


def _from_anywhere(data: str) -> str:
    """A path of data as it can be found from every folder: a run is gone on with and looked at from others.

    >>> _from_anywhere("stacked:digits"), _from_anywhere("tfds:mnist"), _from_anywhere("not/there.npz")
    ('stacked:digits', 'tfds:mnist', 'not/there.npz')
    """
    name = data
    while name.startswith(("stacked:", "mirrored:")):
        name = name.partition(":")[2]
    found = bool(name) and name not in KNOWN and probe(Path.exists, Path(name))
    return data.removesuffix(name) + str(Path(name).absolute()) if found else data


def _same(config: Settings, started: Settings, run: Path, force: bool) -> None:
    """Refuses options that a run cannot change while it goes on, or only by force."""
    if config.out != started.out and Path(config.out).absolute() != run.absolute():
        raise Refused(
            f"--resume goes on in {run} itself: leave --out {config.out} away, or resume a copy of it"
        )
    changed = {
        name: values for name, values in codec.differences(config, started).items() if name not in RESUMABLE
    }
    if kept := sorted(FIXED & changed.keys()):
        raise Refused(
            f"--{kept[0]} cannot change while a run goes on, not by --force either: begin a new run"
        )
    if changed and not force:
        listed = ", ".join(f"{name} {old!r} -> {new!r}" for name, (new, old) in changed.items())
        raise Refused(f"{run} was started with other options: {listed}; --force resumes with the new ones")


def _say(error: BaseException | str, status: int) -> int:
    print(f"error: {terminal.escape(str(error))}", file=sys.stderr)
    return status
