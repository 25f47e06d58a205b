"""Samples from, measures, compares and continues runs, given their folders.

Run folders and exports contain the script of their run, and most commands execute it. They refuse a script
that has changed since, unless --trust is given. `info`, `compare` and `report --no-rebuild` execute nothing.
"""

from collections.abc import Callable

import tyro

from jaxgan import terminal
from jaxgan.cli import inspect, plan, runs, sweep
from jaxgan.run.command import escape_unprintable, exit_on_error

COMMANDS: dict[str, Callable[..., None]] = {
    "resume": runs.resume,
    "sample": runs.sample,
    "evaluate": inspect.evaluate,
    "report": inspect.report,
    "compare": inspect.compare,
    "analyze": inspect.analyze,
    "diagnose": inspect.diagnose,
    "augment": inspect.augment,
    "export": runs.export,
    "import": runs.start,
    "take": runs.take,
    "info": runs.info,
    "prepare": runs.prepare,
    "plan": plan.plan,
    "work": sweep.work,
    "submit": sweep.submit,
    "sweep": sweep.sweep,
    "table": sweep.table,
}


def main() -> None:
    """Runs the command `jaxgan`."""
    escape_unprintable()
    with terminal.command(), exit_on_error():
        tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="jaxgan", description=__doc__)
