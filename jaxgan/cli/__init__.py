"""`jaxgan`, the command for run folders."""

import sys
from collections.abc import Callable

import tyro

from jaxgan.cli import looks, runs
from jaxgan.errors import Refused, Unreadable
from jaxgan.run.command import printable

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
    try:
        tyro.extras.subcommand_cli_from_dict(COMMANDS, prog="jaxgan", description=__doc__)
    except (Refused, Unreadable) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, Refused) else 1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
