"""A board's activity log as the API gives it: late, with gaps, and filtered (FACTS 13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from .board import Board
from .changes import KEYS
from .kinds.base import Record, integer
from .pages import limited
from .run import Run
from .timefilter import moment

MOST = 10_000  # rows in one call
TICKS = 10_000_000  # of `created_at` in a second
FILTERS = {
    "item_ids": ("pulse_id",),
    "column_ids": ("column_id",),
    "group_ids": ("group_id", "dest_group_id"),
}


def activity_logs(value: object, arguments: Mapping[str, object], run: Run) -> object:
    """The board's events, newest first, 10,000 at most in one call."""
    rows = list(matching(cast("Board", value).log, arguments, run))
    limit = arguments.get("limit")
    return limited(rows, {**arguments, "limit": min(MOST, MOST if limit is None else integer(limit))})


def matching(log: list[Record], arguments: Mapping[str, object], run: Run) -> Iterator[Record]:
    """The events that show by now and that the arguments let through. `from` and `to` are both included."""
    first, last = edge(arguments.get("from"), 0.0), edge(arguments.get("to"), float("inf"))
    visible = min(last, run.account.now() - run.options.log_lag_seconds)
    wanted = {keys: given for name, keys in FILTERS.items() if (given := names(arguments.get(name))) is not None}
    users = names(arguments.get("user_ids"))
    for row in reversed(log):
        at = integer(row["created_at"]) / TICKS
        if not first <= at <= visible or missing(row, run.options.log_gaps):
            continue
        data = cast("Record", row[KEYS])
        if users is not None and row["user_id"] not in users:
            continue
        if all(any(str(data.get(key)) in given for key in keys) for keys, given in wanted.items()):
            yield row


def missing(row: Record, share: float) -> bool:
    """Whether an event falls into a gap: the same events at every call."""
    return share > 0 and int(str(row["id"])[:8], 16) < share * 2**32


def edge(given: object, otherwise: float) -> float:
    """A day or a time as seconds; `otherwise` when none was given."""
    return otherwise if given is None else moment(str(given))


def names(given: object) -> set[str] | None:
    """A list argument as texts."""
    return None if given is None else {str(value) for value in cast("list[object]", given)}
