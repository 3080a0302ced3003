"""The edge where errors become sentences and exit codes."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Sequence

from boardlift.errors import (
    UNCHANGED,
    BoardliftError,
    CheckFailed,
    ConfigError,
    Interrupted,
    QueryRejected,
    is_interrupt,
)
from boardlift.logs import scrub

OK = 0
FAILED = 1
USAGE = 2
UNKNOWN = 3
INTERRUPTED = 130

EXIT_CODES = {
    OK: "done",
    FAILED: "blocked or failed: a check, the source or the destination said no; production was not changed",
    USAGE: "the command line, boardlift.yaml or the environment holds something that cannot be used",
    UNKNOWN: "an error nobody foresaw; `--debug` shows the traceback",
    INTERRUPTED: "interrupted from the keyboard; production was not changed",
}

_HINT = "`boardlift doctor` looks at everything a sync needs"
_secrets: set[str] = set()


def hide(*values: str) -> None:
    """From now on these never appear in anything this process prints about an error."""
    _secrets.update(value for value in values if value)


def hidden() -> tuple[str, ...]:
    return tuple(_secrets)


def run_guarded(command: Callable[[], object], arguments: Sequence[str]) -> int:
    """Run a command; turn whatever it raises into words on standard error and an exit code."""
    debug, as_json = "--debug" in arguments, "--json" in arguments
    try:
        command()
    except BoardliftError as error:
        if debug:
            _trace()
        tell(error, as_json=as_json)
        return INTERRUPTED if isinstance(error, Interrupted) else USAGE if isinstance(error, ConfigError) else FAILED
    except KeyboardInterrupt:
        tell(Interrupted(f"Interrupted from the keyboard. {UNCHANGED}"), as_json=as_json)
        return INTERRUPTED
    except BrokenPipeError:
        return OK
    except Exception as error:  # noqa: BLE001  the last line of defence: nothing may end in a bare traceback
        if is_interrupt(error):
            tell(Interrupted(f"Interrupted from the keyboard. {UNCHANGED}"), as_json=as_json)
            return INTERRUPTED
        if debug:
            _trace()
        wrapped = BoardliftError(
            f"Something nobody foresaw happened: {type(error).__name__}: {error}",
            hint="run the command again with --debug, and report what it prints; `boardlift runs` shows what was done",
        )
        tell(wrapped, as_json=as_json)
        return UNKNOWN
    return OK


def _trace() -> None:
    print(scrub(traceback.format_exc(), _secrets), file=sys.stderr)


def tell(error: BoardliftError, *, as_json: bool) -> None:
    """Print an error: a sentence, a blank line, a hint. With `--json` also an object on standard output."""
    if as_json:
        print(scrub(json.dumps({"error": as_document(error)}, default=str), _secrets))
    text = f"error: {error.message}"
    text += f"\n\nhint: {error.hint or _HINT}"
    print(scrub(text, _secrets), file=sys.stderr)


def as_document(error: BoardliftError) -> dict[str, object]:
    document: dict[str, object] = {
        "type": type(error).__name__,
        "message": error.message,
        "hint": error.hint or _HINT,
    }
    if isinstance(error, CheckFailed):
        document["checks"] = [
            {
                "check": result.check,
                "table": result.table,
                "passed": result.passed,
                "measured": result.measured,
                "expected": result.expected,
            }
            for result in error.results
        ]
    if isinstance(error, QueryRejected):
        document["errors"] = [str(each) for each in error.all_errors]
    return document
