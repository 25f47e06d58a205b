"""`jaxgan`, the command for run folders.

A run folder is a program, and so is an export: most commands run the script in it, if that is what the run
was played by, or with --trust whatever it is. `info`, `compare` and `report --no-rebuild` run nothing.
"""

from collections.abc import Callable

import tyro

from jaxgan import terminal
from jaxgan.cli import inspect, runs
from jaxgan.run.command import escape_unprintable, exit_on_error

COMMANDS: dict[str, Callable[..., None]] = {
    "resume": runs.resume,
    "sample": runs.sample,
    "evaluate": inspect.evaluate,
    "report": inspect.report,
    "compare": inspect.compare,
    "analyze": inspect.analyze,
    "diagnose": inspect.diagnose,
    "export": runs.export,
    "import": runs.begin,
    "take": runs.take,
    "info": runs.info,
    "prepare": runs.prepare,
}


def main() -> None:
    """The entry point."""
    escape_unprintable()
    with terminal.command(), exit_on_error():
        tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="jaxgan", description=__doc__)
