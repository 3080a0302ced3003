"""Looks at a live table: which items it has, when they changed. In pieces, so that a million rows fit."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from boardlift.destinations.interface import Destination
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_AT_ONCE = 1_000


@dataclass(frozen=True)
class LiveRow:
    """A row of a live table, as far as it matters here."""

    item: int
    updated_at: datetime | None
    name: str | None
    created_at: datetime | None


def count_rows(destination: Destination, table: str) -> int:
    """The rows that a live table has now, whoever put them there."""
    statement = SQL("SELECT count(*) FROM {}").format(Composable(destination.address(table)))
    return int(str(destination.query(statement.text)[1][0][0]))


def rows_of(destination: Destination, table: str, ids: Collection[int]) -> dict[int, LiveRow]:
    """Those of these items that a live table has."""
    found = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        statement = SQL("SELECT {}, {}, {}, {} FROM {} WHERE {} IN ({})").format(
            Identifier("item_id"),
            Identifier("updated_at"),
            Identifier("name"),
            Identifier("created_at"),
            Composable(destination.address(table)),
            Identifier("item_id"),
            COMMA.join(Literal(each) for each in wanted[start : start + _AT_ONCE]),
        )
        for item, updated_at, name, made in destination.query(statement.text)[1]:
            row = LiveRow(int(str(item)), instant(updated_at), None if name is None else str(name), instant(made))
            found[row.item] = row
    return found


def ids_of(destination: Destination, table: str) -> list[int]:
    """All items of a small table."""
    statement = SQL("SELECT {} FROM {}").format(Identifier("item_id"), Composable(destination.address(table)))
    return [int(str(item)) for (item,) in destination.query(statement.text)[1]]


def newest_change(destination: Destination, table: str) -> datetime | None:
    """When the item of a live table that changed last did so."""
    statement = SQL("SELECT max({}) FROM {}").format(Identifier("updated_at"), Composable(destination.address(table)))
    return instant(destination.query(statement.text)[1][0][0])


def extent(destination: Destination, table: str, least: int | None, below: int | None) -> tuple[int, int, int]:
    """How many items of a live table have their ids in a range, and the least and the greatest of these; zeros for
    none."""
    item = Identifier("item_id")
    statement = SQL("SELECT count(*), min({}), max({}) FROM {} WHERE {} IS NOT NULL").format(
        item, item, Composable(destination.address(table)), item
    )
    count, first, last = destination.query((statement + _within(least, below)).text)[1][0]
    return int(str(count)), int(str(first or 0)), int(str(last or 0))


def _within(least: int | None, below: int | None) -> Composable:
    """The end of a WHERE clause: only ids from `least` on, and less than `below`."""
    said = SQL("").format()
    if least is not None:
        said += SQL(" AND {} >= {}").format(Identifier("item_id"), Literal(least))
    if below is not None:
        said += SQL(" AND {} < {}").format(Identifier("item_id"), Literal(below))
    return said


def states_between(
    destination: Destination, table: str, least: int | None, below: int | None
) -> list[tuple[int, int | None, str | None]]:
    """Id, time of change in seconds and group of the items whose ids lie in a range."""
    statement = SQL("SELECT {}, {}, {} FROM {} WHERE {} IS NOT NULL").format(
        Identifier("item_id"),
        Identifier("updated_at"),
        Identifier("group_id"),
        Composable(destination.address(table)),
        Identifier("item_id"),
    )
    rows = destination.query((statement + _within(least, below)).text)[1]
    return [(int(str(item)), seconds(instant(at)), None if group is None else str(group)) for item, at, group in rows]


def instant(value: object) -> datetime | None:
    """A time as any driver gives it, aware; None for NULL."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def seconds(at: datetime | None) -> int | None:
    """Whole seconds since 1970, which is how exact monday's times are."""
    return None if at is None else int(at.timestamp())
