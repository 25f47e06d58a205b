"""Sinks for logged numbers and pictures besides the run folder: TensorBoard, Weights & Biases."""

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
    """Functions that receive the numbers and pictures of a run, by step.

    `rewind(step)`: the run has returned to this step, and makes the steps after it again.
    """

    numbers: Callable[[int, Mapping[str, float]], None]
    picture: Callable[[int, Path], None]
    rewind: Callable[[int], None]
    close: Callable[[], None]


def check(settings: Settings) -> None:
    """Refuses a sink whose library is not installed.

    >>> check(Settings())
    """
    for name in ("tensorboard", "wandb"):
        spec = importlib.util.find_spec(name) if getattr(settings, name) else None
        # a folder of this name on the path, such as wandb makes, counts as a package without a file
        if getattr(settings, name) and (spec is None or spec.origin is None):
            raise Refused(f"--{name} needs the extra `{name}`: install jaxgan[{name}], or leave it out")


def open_sinks(settings: Settings, run: Path, last: int) -> list[Sink]:
    """Returns the sinks of a run whose newest step is `last`, -1 for a new one.

    >>> open_sinks(Settings(), Path("nowhere"), -1)
    []
    """
    check(settings)
    opened: list[Sink] = []
    if settings.tensorboard:
        opened.append(fail_safe("tensorboard", partial(tensorboard, run, last)))
    if settings.wandb:
        opened.append(fail_safe("wandb", partial(wandb, run, dataclasses.asdict(settings))))
    return opened


def fail_safe(name: str, start: Callable[[], Sink]) -> Sink:
    """Returns the sink, but closed with a warning at its first error, which does not end the run.

    >>> def broken():
    ...     raise OSError("no way")
    >>> fail_safe("mine", broken).numbers(0, {})
    """
    sink: Sink | None = None

    def attempt(function: Callable[[], Any]) -> Any:
        nonlocal sink
        try:
            return function()
        except Exception as error:
            failed, sink = sink, None
            if failed is not None:
                with contextlib.suppress(Exception):
                    failed.close()
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            tqdm.tqdm.write(f"warning: {name} is closed for this run: {escape(line)}", file=sys.stderr)

    def guarded(field: str) -> Callable[..., None]:
        def call(*args: Any) -> None:
            if sink is not None:
                attempt(partial(getattr(sink, field), *args))

        return call

    sink = attempt(start)
    return Sink(*map(guarded, Sink._fields))


def tensorboard(run: Path, last: int) -> Sink:
    """Writes events to RUN/tensorboard, a file per session; TensorBoard drops what a later file repeats.

    Uses TensorBoard's own records and messages: its writer, like others, loads TensorFlow or PyTorch if
    installed, and writes in a thread whose errors come late or never.
    """
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder = run / "tensorboard"
    folder.mkdir(exist_ok=True)
    path = folder / f"events.out.tfevents.{time.time():.6f}.{platform.node()}"  # read in this order
    records = RecordWriter(path.open("xb"))

    def write(**fields: Any) -> None:
        records.write(Event(wall_time=time.time(), **fields).SerializeToString())
        records.flush()

    def numbers(step: int, values: Mapping[str, float]) -> None:
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        write(step=step, summary=Summary(value=scalars))

    def picture(step: int, path: Path) -> None:
        encoded = reading.content(path)
        with image.open_image(encoded) as decoded:
            (width, height), channels = decoded.size, len(decoded.getbands())
        summary = Summary.Image(width=width, height=height, colorspace=channels, encoded_image_string=encoded)
        tag = str(path.parent.relative_to(run))  # each lane has its own folder
        write(step=step, summary=Summary(value=[Summary.Value(tag=tag, image=summary)]))

    def rewind(step: int) -> None:
        write(step=step + 1, session_log=SessionLog(status=SessionLog.START))

    write(file_version="brain.Event:2")
    rewind(last)
    return Sink(numbers, picture, rewind, records.close)


def wandb(run: Path, config: Mapping[str, Any]) -> Sink:
    """Logs to a run of Weights & Biases, the same one in every session: its id is stored in RUN/wandb/id.

    Without a login, or with WANDB_MODE=offline, the data stay in RUN/wandb for `wandb sync`; nobody is asked
    to log in. Rows cannot be replaced: for steps that are made again, the first rows stay.
    """
    import wandb

    name = run / "wandb" / "id"
    name.parent.mkdir(exist_ok=True)
    if not name.exists():
        name.write_text(uuid.uuid4().hex[:8])
    settings = wandb.setup().settings
    if settings.mode in ("online", "shared") and not wandb.login(prompt=False, verify=False):
        settings.mode = "offline"
    remote = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "jaxgan"),
        name=run.name,
        id=reading.content(name).decode(),
        resume="allow" if settings.mode in ("online", "shared") else None,
        dir=run,
        config=dict(config),
        reinit="create_new",
        settings=wandb.Settings(console="off", init_timeout=30),
    )
    newest = remote.step

    def log(step: int, values: Mapping[str, Any]) -> None:
        nonlocal newest
        if step >= newest:
            newest = step
            remote.log(dict(values), step=step)

    def picture(step: int, path: Path) -> None:
        log(step, {str(path.parent.relative_to(run)): wandb.Image(str(path))})

    return Sink(log, picture, lambda step: None, remote.finish)
