"""A person's query against SQLite: one statement, reading only, with values of the types that columns declare."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal

from boardlift.destinations.sqlite.file import Rows
from boardlift.errors import DestinationError

_VIEW = "boardlift_query"
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_ABOUT_TABLES = {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list"}


def read_only(connection: sqlite3.Connection, sql: str) -> tuple[list[str], Rows]:
    """Run one reading statement. Raises DestinationError for any other, sqlite3.Error for what SQLite refuses."""
    types = _declared(connection, sql)
    connection.set_authorizer(_may_read)
    try:
        cursor = connection.execute(sql)
        if cursor.description is None:
            raise DestinationError("Only a statement that reads can be run here.", hint="write a single SELECT")
        names = [str(column[0]) for column in cursor.description]
        rows = cursor.fetchall()
    finally:
        connection.set_authorizer(None)
    read = [_READERS.get(type_) for type_ in types] if len(types) == len(names) else [None] * len(names)
    if not any(read):
        return names, rows
    return names, [tuple(_value(value, reader) for value, reader in zip(row, read, strict=True)) for row in rows]


def _may_read(action: int, what: str | None, *_others: str | None) -> int:
    if action in _READING or (action == sqlite3.SQLITE_PRAGMA and what in _ABOUT_TABLES):
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _declared(connection: sqlite3.Connection, sql: str) -> list[str]:
    """The declared type of each column of a query, empty where it is an expression; [] when nothing can be said.

    Python's own converters are kept once for all programs in the process; a view knows the types as well.
    """
    try:
        # Only a SELECT can follow, and nothing after it.
        connection.execute(f"CREATE TEMP VIEW {_VIEW} AS {sql}")
    except (sqlite3.Error, sqlite3.Warning):
        return []
    try:
        found = connection.execute(f"PRAGMA temp.table_info({_VIEW})").fetchall()
        return [str(row[2]).partition("(")[0].strip().upper() for row in found]
    except sqlite3.Error:
        return []
    finally:
        with suppress(sqlite3.Error):
            connection.execute(f"DROP VIEW temp.{_VIEW}")


def _value(value: object, read: Callable[[object], object] | None) -> object:
    if read is None or value is None:
        return value
    try:
        return read(value)
    except (ValueError, ArithmeticError):
        return value  # a person's own table may hold anything under any type


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _of_text(read: Callable[[str], object]) -> Callable[[object], object]:
    return lambda value: read(value) if isinstance(value, str) else value


_READERS: dict[str, Callable[[object], object]] = {
    "DECIMAL_TEXT": _of_text(Decimal),
    "DATE": _of_text(date.fromisoformat),
    "TIME": _of_text(time.fromisoformat),
    "TIMESTAMP": _of_text(_instant),
    "BOOLEAN": lambda value: bool(value) if value in (0, 1) else value,
}
