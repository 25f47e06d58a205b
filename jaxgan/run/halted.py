"""The lanes of a run that no longer train, and why."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.folder.folder import Folder
from jaxgan.folder.manifest import Session, halted_lanes, read_manifest, update_session
from jaxgan.scale.processes import broadcast

FAILED = ("stands still", "has stood still")
"""How the reason begins if the lane failed, and was not stopped by a hook or a stop rule."""


class HaltedLanes:
    """The lanes, by number, that no longer train: halted before the run was resumed, or added since.

    Empty in a run without lanes, which ends instead. `entry` is what the manifest notes of this start,
    `failed` the step at which each lane failed, -1 for the others.
    """

    def __init__(
        self, folder: Folder | None, entry: Session, lanes: Sequence[str], failed: np.ndarray
    ) -> None:
        self._folder, self._entry, self._lanes = folder, entry, lanes
        self._reasons: dict[int, str] = {}
        if lanes:
            known = broadcast(lambda: halted_lanes(read_manifest(folder))) if folder else {}
            for number, step in self.new_failures(failed):
                self.add(number, known.get(lanes[number], f"has stood still since step {step}"))

    def add(self, number: int, reason: str) -> str:
        """Adds a lane and returns a line about it; writes it to the manifest at once, in case of a kill."""
        self._reasons[number] = reason
        self._entry.halted = {self._lanes[lane]: reason for lane, reason in self._reasons.items()}
        broadcast(lambda: update_session(self._folder, self._entry))
        return f"{self._lanes[number]} {reason}"

    def new_failures(self, failed: np.ndarray) -> list[tuple[int, int]]:
        """Returns (number, step) of the lanes that have failed and are not halted yet."""
        steps = enumerate(np.ravel(failed).tolist())
        return [(number, step) for number, step in steps if step >= 0 and number not in self._reasons]

    def mask(self, metrics: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Returns the metrics with None for halted lanes, whose updates are not applied."""
        if not self._reasons:
            return dict(metrics)
        return {
            name: [None if number in self._reasons else x for number, x in enumerate(values.tolist())]
            for name, values in metrics.items()
        }

    def all(self) -> bool:
        """Returns whether every lane is halted."""
        return bool(self._lanes) and len(self._reasons) == len(self._lanes)

    def all_failed(self) -> bool:
        """Returns whether every lane is halted because it failed."""
        return self.all() and all(reason.startswith(FAILED) for reason in self._reasons.values())

    def lines(self) -> list[str]:
        """Returns a line about each halted lane."""
        return [f"{self._lanes[number]} {reason}" for number, reason in self._reasons.items()]

    def __contains__(self, number: object) -> bool:
        return number in self._reasons

    def __str__(self) -> str:
        """How many of how many, "" for none."""
        return f"{len(self._reasons)} of {len(self._lanes)} lanes stand still" if self._reasons else ""
