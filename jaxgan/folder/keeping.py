"""What a run keeps: checkpoints in its folder, or nothing."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from jaxgan.folder.checkpoint import Checkpoints, Restored
from jaxgan.folder.folder import Folder
from jaxgan.folder.manifest import manifest_text, read_manifest
from jaxgan.parts.types import PyTree
from jaxgan.scale.processes import broadcast, is_main


class NoCheckpoints:
    """The checkpoints of a run without a folder: none, whatever is saved.

    >>> kept = NoCheckpoints()
    >>> kept.save(3, {})
    >>> kept.steps(), kept.best(), kept.newest({})
    ([], None, None)
    """

    def save(
        self,
        step: int,
        state: PyTree,
        *,
        attempt: int = 0,
        scores: Mapping[str, float] | None = None,
        rows: int | None = None,
    ) -> None:
        """Keeps nothing."""

    def wait(self) -> None:
        """Returns at once."""

    def read_back(self, step: int, like: PyTree) -> None:
        """Nothing was written."""

    def steps(self) -> list[int]:
        """None."""
        return []

    def best(self, lane: str = "") -> int | None:
        """None."""
        return None

    def newest(self, like: PyTree) -> Restored | None:
        """None."""
        return None


AnyCheckpoints = Checkpoints | NoCheckpoints


def open_checkpoints(
    folder: Folder | None, keep: int, lanes: Sequence[str]
) -> AbstractContextManager[AnyCheckpoints]:
    """The checkpoints of a run, to be closed at its end; those of no folder keep nothing."""
    if folder is None:
        return nullcontext(NoCheckpoints())
    run = broadcast(lambda: read_manifest(folder).id)
    return Checkpoints(
        folder.checkpoints, keep, lanes, run, partial(manifest_text, folder) if is_main() else str
    )
