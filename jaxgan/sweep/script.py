"""`jg.main`, the command line of a script: one run, or a sweep of many."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from jaxgan.folder.settings import Settings
from jaxgan.run.command import run_script

if TYPE_CHECKING:
    from jaxgan.data.source import Source
    from jaxgan.games.game import State
    from jaxgan.run.experiment import Experiment

C = TypeVar("C", bound=Settings)


def main(
    config_type: type[C],
    build: "Callable[[C, Source], Experiment]",
    data: "Callable[[C], Source] | None" = None,
    args: Sequence[str] | None = None,
) -> "State":
    """Runs a script: parses its options, loads the examples once, builds the experiment and trains it.

    `data(config)` is a function of the script; without it the examples are those of --data. A run folder is
    opened again through the script's `Config`, `build` and, if any, `data`. With --sweep it plans and trains
    many runs, and ends the process.

    An error ends the process with one line: status 2 for what is refused, 1 for a run that failed, 143 after
    SIGTERM, 129 after SIGHUP and 130 after Ctrl-C, each with a checkpoint of the last step. The run goes on
    when stdout or stderr is closed.

    >>> main(Settings, lambda config, source: None, args=["--resume", "nowhere"])
    Traceback (most recent call last):
    SystemExit: 2
    """
    return run_script(config_type, build, data, args, sys._getframe(1).f_globals, _sweep)


def _sweep(*args: Any) -> None:
    from jaxgan.sweep import command, search  # which import JAX

    (search.search if args[-1].search else command.sweep)(*args)
