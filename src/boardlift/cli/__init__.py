"""The command line. One file per noun; each parses, calls `app`, and renders. Only this layer speaks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code; see `boardlift.cli.errors.EXIT_CODES`."""
    try:
        from boardlift.cli.commands import run
    except KeyboardInterrupt:
        return 130

    for stream in (sys.stdout, sys.stderr):
        # A title the terminal's encoding does not know must not end a command whose work is done.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return run(list(sys.argv[1:] if arguments is None else arguments))


def entry() -> None:
    """The console script."""
    sys.exit(main())
