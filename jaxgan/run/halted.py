"""The lanes of a run that stand still, and why."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.folder.folder import Folder
from jaxgan.folder.manifest import Session, halted_lanes, read_manifest, update_session
from jaxgan.scale.processes import broadcast

FAILED = ("stands still", "has stood still")
"""How the reason of a lane begins that failed, and that no hook or stop rule has stopped."""


class Still:
    """Which of the lanes, by number, stand still: some from an earlier session, others once they are added.

    Of a run without lanes there never is any: such a run ends. `entry` is the session's own in the manifest,
    `failed` the step at which each lane failed, -1 of those that move.
    """

    def __init__(
        self, folder: Folder | None, entry: Session, lanes: Sequence[str], failed: np.ndarray
    ) -> None:
        self._folder, self._entry, self._lanes = folder, entry, lanes
        self._why: dict[int, str] = {}
        if lanes:
            known = broadcast(lambda: halted_lanes(read_manifest(folder))) if folder else {}
            for number, step in self.failing(failed):
                self.add(number, known.get(lanes[number], f"has stood still since step {step}"))

    def failed(self, number: int, trouble: str) -> str:
        """This lane does, because of such trouble; a line that says so."""
        return self.add(number, f"stands still: {trouble}")

    def add(self, number: int, why: str) -> str:
        """This lane does too, which is written down at once: it is known also if the process is killed."""
        self._why[number] = why
        self._entry.halted = {self._lanes[lane]: reason for lane, reason in self._why.items()}
        broadcast(lambda: update_session(self._folder, self._entry))
        return f"{self._lanes[number]} {why}"

    def failing(self, failed: np.ndarray) -> list[tuple[int, int]]:
        """(number, step) of what has failed and was not known to."""
        steps = enumerate(np.ravel(failed).tolist())
        return [(number, step) for number, step in steps if step >= 0 and number not in self._why]

    def moving(self, values: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """The metrics, None for lanes that stand still: their updates do not happen."""
        if not self._why:
            return dict(values)
        return {
            name: [None if number in self._why else x for number, x in enumerate(lanes.tolist())]
            for name, lanes in values.items()
        }

    def all(self) -> bool:
        """Whether no lane moves any more."""
        return bool(self._lanes) and len(self._why) == len(self._lanes)

    def all_failed(self) -> bool:
        """Whether none does, and each because it failed."""
        return self.all() and all(why.startswith(FAILED) for why in self._why.values())

    def lines(self) -> list[str]:
        """A line for each of them."""
        return [f"{self._lanes[number]} {why}" for number, why in self._why.items()]

    def __contains__(self, number: object) -> bool:
        return number in self._why

    def __str__(self) -> str:
        """How many of how many, where there are any."""
        return f"{len(self._why)} of {len(self._lanes)} lanes stand still" if self._why else ""
