"""Data on standard output, for people as tables and for programs as JSON; talk goes to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def emit(document: object) -> None:
    """One JSON document on standard output."""
    shown_as_is = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    # At once, for a program that waits for it while this one goes on, as a sandbox does.
    print(json.dumps(document, ensure_ascii=not shown_as_is, indent=2, default=_plain), flush=True)


def say(text: str) -> None:
    """A line of talk on standard error."""
    print(_safe(text), file=sys.stderr)


def show(
    title: str, rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, right: Sequence[str] = ()
) -> None:
    """A table on standard output: bordered on a terminal, aligned plain text elsewhere."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = _console()
    if console.is_terminal:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True)
    else:
        table = Table(box=box.ASCII2)
    table.title, table.title_justify = title or None, "left"
    for column in columns:
        number = column in right
        table.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=number)
    for row in rows:
        table.add_row(*(Text(_safe(_spoken(row.get(column)))) for column in columns))
    console.print(table)
    sys.stdout.flush()  # what is said next must not overtake it where both go to one file


def size(taken: int) -> str:
    """Bytes for people: `512 B`, `1.2 MB`."""
    number, units = float(taken), ["B", "kB", "MB", "GB", "TB"]
    while number >= 999.95 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return f"{number:.0f} {units[0]}" if units[0] == "B" else f"{number:.1f} {units[0]}"


def waited(blocked_ms: float, commits: int = 1) -> str:
    """How long a swap can have kept a reader waiting."""
    said = f"readers were blocked for {blocked_ms:.0f} ms at most" if blocked_ms else "no reader had to wait"
    return f"{said}, in {commits} commits" if commits > 1 else said


def _console() -> Console:
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=200, no_color=True)


def _spoken(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    return str(value)


def _safe(text: str) -> str:
    """Without control characters: a title must not be able to move the cursor or ring the bell."""
    return "".join(ch if ch == "\n" or ch.isprintable() else f"\\u{ord(ch):04x}" for ch in text)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
