"""What accelerators can do at most, and the time below which a program cannot run on them: the roofline."""

from collections.abc import Iterable
from typing import NamedTuple

from jaxgan.scale.collectives import Collective

GB = 10**9
GIB = 2**30


class Chip(NamedTuple):
    """The peak of a chip: its arithmetic, memory and network; the most chips of a slice, and its dimensions.

    `flops`: per second, of bfloat16 products; those of float32 are made of them at JAX's default precision.
    `bandwidth`: bytes per second to and from its memory. `network`: bytes per second that it sends to all its
    neighbours together.
    """

    name: str
    flops: float
    memory: int
    bandwidth: float
    network: float
    slice: int
    dimensions: int


CHIPS = (
    Chip("v4", 275e12, 32 * GIB, 1200 * GB, 300 * GB, 4096, 3),
    Chip("v5e", 197e12, 16 * GB, 819 * GB, 200 * GB, 256, 2),
    Chip("v5p", 459e12, 95 * GB, 2765 * GB, 600 * GB, 6144, 3),
    Chip("v6e", 918e12, 32 * GB, 1640 * GB, 400 * GB, 256, 2),
)
"""Peak figures of chips, from the Google Cloud TPU documentation, read in November 2026. It gives the network
of both directions, and here is one; that of v4 is from Jouppi et al., 2023: six links of 50 GB/s."""


class Roofline(NamedTuple):
    """The least seconds that the arithmetic, memory traffic and network of an update take, each by itself."""

    arithmetic: float
    memory: float
    network: float

    @property
    def seconds(self) -> float:
        """The least time of an update: the three overlap at best.

        >>> Roofline(1e-3, 2e-3, 0.0).seconds
        0.002
        """
        return max(self)

    @property
    def bound(self) -> str:
        """What binds: "arithmetic", "memory" or "network".

        >>> Roofline(1e-3, 2e-3, 0.0).bound
        'memory'
        """
        return self._fields[self.index(self.seconds)]


def roofline(chip: Chip, flops: float, traffic: float, communication: Iterable[Collective]) -> Roofline:
    """Returns the roofline of a program that does this on each chip (Williams et al., 2009).

    Communication is as in a ring over all links of a chip at once, without latency.

    >>> v5e = CHIPS[1]
    >>> roofline(v5e, 197e12, 819e9, [Collective("all-reduce", 10**11, 2)])
    Roofline(arithmetic=1.0, memory=1.0, network=0.5)
    """
    work = flops, traffic, sum(operation.sent for operation in communication)
    peaks = chip.flops, chip.bandwidth, chip.network
    return Roofline(*(each / peak for each, peak in zip(work, peaks, strict=True)))
