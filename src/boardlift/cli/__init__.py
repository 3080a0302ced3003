"""The command line. One file per noun; each parses, calls `app`, and renders. Only this layer speaks."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code; see `boardlift.cli.errors.EXIT_CODES`."""
    from boardlift.cli.commands import run

    return run(list(sys.argv[1:] if arguments is None else arguments))


def entry() -> None:
    """The console script."""
    sys.exit(main())
