"""The command line. One file per noun; each parses, calls `app`, and renders. Only this layer speaks."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from io import TextIOWrapper

_MANY_OBJECTS = 50_000
"""What is imported stays; to look through it again and again, as Python does, took a tenth of a short run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code; see `boardlift.cli.errors.EXIT_CODES`."""
    gc.disable()
    try:
        from boardlift.cli.commands import run
    except KeyboardInterrupt:
        return 130
    gc.set_threshold(_MANY_OBJECTS)
    gc.enable()

    for stream in (sys.stdout, sys.stderr):
        # A title the terminal's encoding does not know must not end a command whose work is done.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return run(list(sys.argv[1:] if arguments is None else arguments))


def entry() -> None:
    """The console script."""
    sys.exit(main())
