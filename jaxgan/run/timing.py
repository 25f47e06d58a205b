"""Chooses, on an accelerator, whether lanes are trained side by side or in turn, by timing updates of both.

The times are remembered in the user's cache folder, for the program, the number of lanes and the device.
"""

import contextlib
import hashlib
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeVar

import jax
import jaxlib
import msgspec

from jaxgan import reading
from jaxgan.errors import Refused
from jaxgan.folder import cache
from jaxgan.folder.files import write
from jaxgan.folder.settings import Settings
from jaxgan.pictures.words import short
from jaxgan.run.ahead import lower_lanes
from jaxgan.run.devices import check_memory, choose_devices
from jaxgan.run.experiment import Experiment
from jaxgan.run.lane import Lane
from jaxgan.run.placement import Placement, placement
from jaxgan.run.program import RuleOf, start_shapes

C = TypeVar("C", bound=Settings)
Way = Literal["vmap", "loop"]
Times = Mapping[Way, float]  # seconds of an update of all lanes

UPDATES = 5


def with_faster(
    settings: C, experiment: Experiment, lanes: tuple[Lane, ...], rule_of: RuleOf, kind: str
) -> C:
    """Returns the options of a new run with the faster `lanes` on this kind of accelerator, "" for a CPU.

    They are returned as they are if there is nothing to choose: if `lanes` is given, on a CPU, for a single
    run, and with several processes.
    """
    if settings.lanes != "auto" or not kind or not lanes or jax.process_count() > 1:
        return settings
    side_by_side, in_turn = (  # memory=0: of files the examples of one step are read, and not all
        replace(settings, lanes="vmap", memory=0),
        replace(settings, lanes="loop", memory=0),
    )

    def measure() -> Times:
        times: dict[Way, float] = {"vmap": seconds(placement(experiment, side_by_side, lanes, rule_of))}
        # in turn they may find no devices, or no room
        with contextlib.suppress(Refused, jax.errors.JaxRuntimeError):
            check_memory(experiment, in_turn, lanes, rule_of)
            times["loop"] = seconds(placement(experiment, in_turn, lanes, rule_of))
        return times

    path = path_of(program(experiment, side_by_side, lanes, rule_of), kind)
    times = remembered(path, measure)
    print(f"{len(lanes)} lanes on {kind}: {describe(times)}", file=sys.stderr)
    return replace(settings, lanes=faster(times))


def faster(times: Times) -> Way:
    """Returns the way that takes less time; side by side if they take the same, or if it is the only one.

    >>> faster({"vmap": 0.003, "loop": 0.002}), faster({"loop": 0.002, "vmap": 0.002}), faster({"vmap": 1.0})
    ('loop', 'vmap', 'vmap')
    """
    return "loop" if times.get("loop", times["vmap"]) < times["vmap"] else "vmap"


def describe(times: Times) -> str:
    """Returns the times and the choice in words.

    >>> describe({"vmap": 0.003, "loop": 0.00204})
    'an update takes 3 ms side by side, 2.04 ms in turn; trained in turn'
    """
    words: dict[Way, str] = {"vmap": "side by side", "loop": "in turn"}
    listed = ", ".join(f"{short(1000 * times[way])} ms {name}" for way, name in words.items() if way in times)
    return f"an update takes {listed}; trained {words[faster(times)]}"


def remembered(path: Path, measure: Callable[[], Times]) -> Times:
    """Returns the times in a file or, if it has none that can be read, measures and writes them if it can.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "times.json"
    >>> [remembered(path, lambda: {"vmap": x})["vmap"] for x in (1.0, 2.0)]
    [1.0, 1.0]
    """
    with contextlib.suppress(OSError, ValueError, RecursionError):
        times: Times = msgspec.json.decode(reading.content(path), type=dict[Way, float])
        if "vmap" in times:
            return times
    measured = measure()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, msgspec.json.encode(measured))
    return measured


def path_of(program: str, kind: str) -> Path:
    """Returns the file of the times of a program on a kind of device, with these libraries and flags."""
    flags = os.environ.get("XLA_FLAGS", "")
    key = f"{jax.__version__} {jaxlib.__version__} {flags} {kind} {program}"
    return cache.home() / "lanes" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"


def program(experiment: Experiment, settings: Settings, lanes: tuple[Lane, ...], rule_of: RuleOf) -> str:
    """Returns the update of the lanes side by side as text, without its constants of floating point.

    Programs that differ in rates and weights take the same time.
    """
    devices, data = choose_devices(settings, len(lanes))
    experiment = experiment._replace(rule=rule_of(lanes[0].values))
    lane = start_shapes(experiment, settings, [of_lane.settings(settings) for of_lane in lanes])
    lowered = lower_lanes(experiment, settings, lane, len(lanes), devices, data)
    return re.sub(r"dense<[^>]*> : (tensor<[^>]*f\d+>)", r"\1", lowered.as_text())


def seconds(placed: Placement) -> float:
    """Returns the median time of an update of all lanes, on states that are made for it."""
    held = placed.init(lambda state: state)
    arrays = placed.at(held, 0)
    update = placed.compile(held, arrays)()
    times = []
    for _ in range(1 + UPDATES):
        began = time.perf_counter()
        held, _ = jax.block_until_ready(update(held, arrays))
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])  # the first may do what is done once
