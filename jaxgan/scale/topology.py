"""TPU slices that need not be there: devices to compile for, as libtpu describes them."""

import importlib.util
import os
import re
from math import prod
from typing import Any, NamedTuple

import jax
from jax.experimental import topologies

from jaxgan.errors import Refused
from jaxgan.scale.chips import CHIPS, Chip

OFFLINE = {
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "true",  # no lock file: it keeps one process from the chips of another
    "TPU_SKIP_MDS_QUERY": "1",  # no machine is asked which TPU it has
    "TPU_ACCELERATOR_TYPE": "v5litepod-1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_WORKER_ID": "0",
    "TPU_MIN_LOG_LEVEL": "4",
    "TPU_STDERR_LOG_LEVEL": "4",
    "TPU_LOG_DIR": "disabled",
}
"""With these libtpu compiles only: it looks for no TPU, asks no network, and writes no logs."""


class Topology(NamedTuple):
    """A slice: its name, such as v5e:16x16, its chip, and its devices, which can only be compiled for."""

    name: str
    chip: Chip
    devices: list[jax.Device]


def describe_offline() -> None:
    """Has this process compute on the CPU, and libtpu compile only; call it before JAX starts."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    for name, value in OFFLINE.items():
        os.environ.setdefault(name, value)


def find_topology(name: str) -> Topology:
    """Returns the slice of this name: a kind of chip and its shape.

    >>> find_topology("v5e:16")
    Traceback (most recent call last):
    jaxgan.errors.Refused: --topology v5e:16: a slice of v5e has 2 sides, as in v5e:4x4
    """
    kind, _, shape = name.partition(":")
    chip = next((chip for chip in CHIPS if chip.name == kind), None)
    if chip is None:
        kinds = ", ".join(chip.name for chip in CHIPS)
        raise Refused(f"--topology {name}: give a chip ({kinds}) and a shape, as in v5e:16x16")
    sides = [int(side) if re.fullmatch(r"[1-9]\d{0,3}", side) else 0 for side in shape.split("x")]
    if len(sides) != chip.dimensions or 0 in sides:
        example = "x".join(["4"] * chip.dimensions)
        raise Refused(
            f"--topology {name}: a slice of {kind} has {chip.dimensions} sides, as in {kind}:{example}"
        )
    if prod(sides) > chip.slice:
        raise Refused(
            f"--topology {name}: a slice of {kind} has at most {chip.slice:,} chips, not {prod(sides):,}"
        )
    if importlib.util.find_spec("libtpu") is None:
        raise Refused("compiling for a TPU needs libtpu: install the extra jaxgan[tpu]")
    of_host = (*(2 if side % 2 == 0 else 1 for side in sides[:2]), 1)  # by default 2 x 2
    options = {"chips_per_host_bounds": of_host} if prod(sides) < 4 else {}
    try:
        described: Any = topologies.get_topology_desc(platform="tpu", topology_name=name, **options)
    except Exception as error:  # of several types, depending on what libtpu dislikes
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Refused(f"--topology {name}: libtpu has no such slice ({line[:200]})") from None
    # the two cores of a v4 are one device when it runs, but two to libtpu here, which will not join them
    return Topology(name, chip, [device for device in described.devices if device.core_on_chip == 0])
