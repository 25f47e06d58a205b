"""The checkpoints of a run: in its folder, or none."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from jaxgan.folder.checkpoint import Checkpoints, Restored
from jaxgan.folder.folder import Folder
from jaxgan.folder.manifest import manifest_text, read_manifest
from jaxgan.parts.types import PyTree
from jaxgan.scale.processes import broadcast, is_main


class NoCheckpoints:
    """The checkpoints of a run without a folder: saves nothing.

    >>> checkpoints = NoCheckpoints()
    >>> checkpoints.save(3, {})
    >>> checkpoints.steps(), checkpoints.best(), checkpoints.newest({})
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
        """Does nothing."""

    def wait(self) -> None:
        """Does nothing."""

    def read_back(self, step: int, like: PyTree) -> None:
        """Does nothing."""

    def steps(self) -> list[int]:
        """Returns an empty list."""
        return []

    def best(self, lane: str = "") -> int | None:
        """Returns None."""
        return None

    def newest(self, like: PyTree) -> Restored | None:
        """Returns None."""
        return None


AnyCheckpoints = Checkpoints | NoCheckpoints


def open_checkpoints(
    folder: Folder | None, keep: int, lanes: Sequence[str]
) -> AbstractContextManager[AnyCheckpoints]:
    """Returns the checkpoints of a run as a context manager that closes them."""
    if folder is None:
        return nullcontext(NoCheckpoints())
    run = broadcast(lambda: read_manifest(folder).id)
    text = partial(manifest_text, folder) if is_main() else str
    return Checkpoints(folder.checkpoints, keep, lanes, run, text)
