"""`jaxgan`, the command for run folders."""

from collections.abc import Callable

import tyro

from jaxgan.cli import looks, runs
from jaxgan.run.command import answered, printable

COMMANDS: dict[str, Callable[..., None]] = {
    "resume": runs.resume,
    "sample": runs.sample,
    "evaluate": looks.evaluate,
    "report": looks.report,
    "compare": looks.compare,
    "analyze": looks.analyze,
    "diagnose": looks.diagnose,
    "export": runs.export,
    "import": runs.begin,
    "take": runs.take,
    "info": runs.info,
    "prepare": runs.prepare,
}


def main() -> None:
    """The entry point."""
    printable()
    with answered():
        tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="jaxgan", description=__doc__)
