"""Sinks for logged numbers and pictures besides the run folder: TensorBoard, Weights & Biases."""

import contextlib
import dataclasses
import hashlib
import importlib.util
import os
import platform
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import tqdm

from jaxgan import reading
from jaxgan.data import image
from jaxgan.errors import Refused
from jaxgan.folder.rows import Row, select_lane
from jaxgan.folder.settings import FIXED, RESUMABLE, Settings
from jaxgan.run.lane import Lane
from jaxgan.terminal import escape

SAMPLES = "samples"
"""The name of the pictures."""
GROUP = 128
"""The longest name of a group that W&B takes."""


class Sink(NamedTuple):
    """Functions that receive the rows and pictures of a run.

    `picture(step, path, lane)`: of samples of the lane with this name, "" in a single run.
    `rewind(step)`: the run has returned to this step, and makes the steps after it again.
    """

    row: Callable[[Row], None]
    picture: Callable[[int, Path, str], None]
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


def open_sinks(
    settings: Settings, run: Path, last: int, lanes: Sequence[Lane] = (), name: str = ""
) -> list[Sink]:
    """Returns the sinks of a run whose newest step is `last`, -1 for a new one; `name` is that of its script.

    To a sink each lane is a run of its own, with its numbers under the names that a single run has.

    >>> open_sinks(Settings(), Path("nowhere"), -1)
    []
    """
    check(settings)
    opened: list[Sink] = []

    def board(lane: str, single: Settings) -> Sink:
        return tensorboard(run / "tensorboard" / lane, last)

    def remote(lane: str, single: Settings) -> Sink:
        return wandb(run, lane, dataclasses.asdict(single), group(single, name or run.name))

    if settings.tensorboard:
        opened.append(fail_safe("tensorboard", partial(per_lane, board, settings, lanes)))
    if settings.wandb:
        opened.append(fail_safe("wandb", partial(per_lane, remote, settings, lanes)))
    return opened


def per_lane(start: Callable[[str, Settings], Sink], settings: Settings, lanes: Sequence[Lane]) -> Sink:
    """Returns a sink that gives each lane's share to a sink of its own, `start(name, options)`."""
    if not lanes:
        return start("", settings)
    with contextlib.ExitStack() as stack:
        opened: dict[str, Sink] = {}
        for lane in lanes:
            opened[lane.name] = start(lane.name, lane.settings(settings))
            stack.callback(opened[lane.name].close)
        close = stack.pop_all().close

    def row(row: Row) -> None:
        for number, sink in enumerate(opened.values()):
            if numbers := select_lane(row, number).numbers:
                sink.row(row._replace(numbers=numbers))

    def picture(step: int, path: Path, lane: str) -> None:
        opened[lane].picture(step, path, lane)

    def rewind(step: int) -> None:
        for sink in opened.values():
            sink.rewind(step)

    return Sink(row, picture, rewind, close)


def group(settings: Settings, name: str) -> str:
    """Returns a name of what all seeds of a setting share: the options that are not the default ones.

    It is the same in whatever run, or pack of a sweep, a seed is trained.

    >>> group(Settings(seed=3, batch_size=32, steps=10), "digits")
    'digits batch_size=32'
    """
    left_out = RESUMABLE | FIXED
    options = [
        f"{field.name}={getattr(settings, field.name)}"
        for field in dataclasses.fields(settings)
        if field.name not in left_out and getattr(settings, field.name) != field.default
    ]
    text = " ".join([name, ",".join(options)]).strip()
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return text if len(text) <= GROUP else f"{text[: GROUP - 9]} {digest}"


def fail_safe(name: str, start: Callable[[], Sink]) -> Sink:
    """Returns the sink, but closed with a warning at its first error, which does not end the run.

    >>> def broken():
    ...     raise OSError("no way")
    >>> fail_safe("mine", broken).rewind(0)
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


def tensorboard(folder: Path, last: int) -> Sink:
    """Writes events to a folder, a file per session; TensorBoard drops what a later file repeats.

    Uses TensorBoard's own records and messages: its writer, like others, loads TensorFlow or PyTorch if
    installed, and writes in a thread whose errors come late or never.
    """
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{time.time():.6f}.{platform.node()}"  # read in this order
    records = RecordWriter(path.open("xb"))

    def write(**fields: Any) -> None:
        records.write(Event(wall_time=time.time(), **fields).SerializeToString())
        records.flush()

    def row(row: Row) -> None:
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in row.numbers.items()]
        write(step=row.step, summary=Summary(value=scalars))

    def picture(step: int, path: Path, lane: str) -> None:
        encoded = reading.content(path)
        with image.open_image(encoded) as decoded:
            (width, height), channels = decoded.size, len(decoded.getbands())
        summary = Summary.Image(width=width, height=height, colorspace=channels, encoded_image_string=encoded)
        write(step=step, summary=Summary(value=[Summary.Value(tag=SAMPLES, image=summary)]))

    def rewind(step: int) -> None:
        write(step=step + 1, session_log=SessionLog(status=SessionLog.START))

    write(file_version="brain.Event:2")
    rewind(last)
    return Sink(row, picture, rewind, records.close)


def wandb(run: Path, lane: str, config: Mapping[str, Any], group: str) -> Sink:
    """Logs to a run of Weights & Biases, the same one in every session: its id is in RUN/wandb/[LANE/]id.

    Without a login, or with WANDB_MODE=offline, the data stay in RUN/wandb for `wandb sync`; nobody is asked
    to log in. Rows cannot be replaced: for steps that are made again, the first rows stay.
    """
    import wandb

    name = run / "wandb" / lane / "id"
    name.parent.mkdir(parents=True, exist_ok=True)
    if not name.exists():
        name.write_text(uuid.uuid4().hex[:8])
    settings = wandb.setup().settings
    if settings.mode in ("online", "shared") and not wandb.login(prompt=False, verify=False):
        settings.mode = "offline"
    remote = wandb.init(
        project=os.environ.get("WANDB_PROJECT", "jaxgan"),
        name=f"{run.name} {lane}".rstrip(),
        group=os.environ.get("WANDB_RUN_GROUP", group),
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

    def row(row: Row) -> None:
        log(row.step, row.numbers)

    def picture(step: int, path: Path, lane: str) -> None:
        log(step, {SAMPLES: wandb.Image(str(path))})

    return Sink(row, picture, lambda step: None, remote.finish)
