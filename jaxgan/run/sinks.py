"""Where numbers and pictures go beside the run's own files: TensorBoard, Weights & Biases."""

import contextlib
import dataclasses
import importlib.util
import os
import platform
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import tqdm

from jaxgan import reading
from jaxgan.data import image
from jaxgan.errors import Refused
from jaxgan.folder.settings import Settings
from jaxgan.terminal import escape


class Sink(NamedTuple):
    """Something that is told what a run logs, under its steps.

    `rewind`: the run is at this step again, what came after it will be made anew.
    """

    numbers: Callable[[int, Mapping[str, float]], None]
    picture: Callable[[int, Path], None]
    rewind: Callable[[int], None]
    close: Callable[[], None]


def check(settings: Settings) -> None:
    """Refuses a sink whose library is not there.

    >>> check(Settings())
    """
    for name in ("tensorboard", "wandb"):
        found = importlib.util.find_spec(name) if getattr(settings, name) else None
        # a folder of this name on the path, as wandb leaves one, passes for a package without a file
        if getattr(settings, name) and (found is None or found.origin is None):
            raise Refused(f"--{name} needs the extra `{name}`: install jaxgan[{name}], or leave it out")


def opened(settings: Settings, run: Path, last: int) -> list[Sink]:
    """The sinks that a run asked for. It begins after the step `last`, -1 for a new one.

    >>> opened(Settings(), Path("nowhere"), -1)
    []
    """
    check(settings)
    asked: list[Sink] = []
    if settings.tensorboard:
        asked.append(lasting("tensorboard", partial(tensorboard, run, last)))
    if settings.wandb:
        asked.append(lasting("wandb", partial(wandb, run, dataclasses.asdict(settings))))
    return asked


def lasting(name: str, start: Callable[[], Sink]) -> Sink:
    """The sink, but the first time it fails it is left alone with a warning: a run does not end by it.

    >>> def broken():
    ...     raise OSError("no way")
    >>> lasting("mine", broken).numbers(0, {})
    """
    sink: Sink | None = None

    def attempt(what: Callable[[], Any]) -> Any:
        nonlocal sink
        try:
            return what()
        except Exception as error:
            failed, sink = sink, None
            if failed is not None:
                with contextlib.suppress(Exception):
                    failed.close()
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            tqdm.tqdm.write(f"warning: {name} gets no more of this run: {escape(line)}", file=sys.stderr)

    def guarded(field: str) -> Callable[..., None]:
        def call(*args: Any) -> None:
            if sink is not None:
                attempt(partial(getattr(sink, field), *args))

        return call

    sink = attempt(start)
    return Sink(*map(guarded, Sink._fields))


def tensorboard(run: Path, last: int) -> Sink:
    """Events in RUN/tensorboard, a file for each session; TensorBoard drops what a later file makes anew.

    By TensorBoard's own records and messages: its writer, and others, load TensorFlow or PyTorch where there
    is one, and write in a thread whose errors come late or never.
    """
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder = run / "tensorboard"
    folder.mkdir(exist_ok=True)
    path = folder / f"events.out.tfevents.{time.time():.6f}.{platform.node()}"  # read in this order
    records = RecordWriter(path.open("xb"))

    def write(**what: Any) -> None:
        records.write(Event(wall_time=time.time(), **what).SerializeToString())
        records.flush()

    def numbers(step: int, values: Mapping[str, float]) -> None:
        said = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        write(step=step, summary=Summary(value=said))

    def picture(step: int, path: Path) -> None:
        encoded = reading.content(path)
        with image.open_image(encoded) as shown:
            (width, height), channels = shown.size, len(shown.getbands())
        summary = Summary.Image(width=width, height=height, colorspace=channels, encoded_image_string=encoded)
        tag = str(path.parent.relative_to(run))  # a lane's in a folder of its own
        write(step=step, summary=Summary(value=[Summary.Value(tag=tag, image=summary)]))

    def rewind(step: int) -> None:
        write(step=step + 1, session_log=SessionLog(status=SessionLog.START))

    write(file_version="brain.Event:2")
    rewind(last)
    return Sink(numbers, picture, rewind, records.close)


def wandb(run: Path, config: Mapping[str, Any]) -> Sink:
    """A run of Weights & Biases, the same one in every session: its name is kept in RUN/wandb/id.

    Without a login, or with WANDB_MODE=offline, it waits in RUN/wandb for `wandb sync`; nobody is asked. A
    row of theirs cannot be taken back: of steps made anew they keep the rows they have.
    """
    import wandb

    name = run / "wandb" / "id"
    name.parent.mkdir(exist_ok=True)
    if not name.exists():
        name.write_text(uuid.uuid4().hex[:8])
    settings = wandb.setup().settings
    if settings.mode in ("online", "shared") and not wandb.login(prompt=False, verify=False):
        settings.mode = "offline"
    theirs = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "jaxgan"),
        name=run.name,
        id=reading.content(name).decode(),
        resume="allow" if settings.mode in ("online", "shared") else None,
        dir=run,
        config=dict(config),
        reinit="create_new",
        settings=wandb.Settings(console="off", init_timeout=30),
    )
    reached = theirs.step

    def log(step: int, values: Mapping[str, Any]) -> None:
        nonlocal reached
        if step >= reached:
            reached = step
            theirs.log(dict(values), step=step)

    def picture(step: int, path: Path) -> None:
        log(step, {str(path.parent.relative_to(run)): wandb.Image(str(path))})

    return Sink(log, picture, lambda step: None, theirs.finish)
