"""Rows on their way into SQLite: an Arrow stream becomes tuples of SQLite's own four kinds of values.

A DuckDB in this process does it, column by column, and streams: no more than some thousand rows are in memory. Values
are cast to the type of their column there, so that SQLite, which takes anything anywhere, gets only what fits.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import duckdb

from boardlift.destinations.interface import ArrowStream
from boardlift.destinations.sqlite.ddl import create_statement, fill_statement, rename_statement
from boardlift.errors import DestinationError
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table
from boardlift.shape.types import Kind, SqlType

_ROWS = "boardlift_rows"
_BATCH = 250  # rows; larger batches fall out of the processor's cache
_CELLS = 2_000_000  # in a transaction
_MEMORY = "200MB"

Batch = list[tuple[object, ...]]


class Caster:
    """Turns streams into batches of tuples."""

    def __init__(self) -> None:
        self._engine = duckdb.connect(":memory:")
        for setting in ("TimeZone = 'UTC'", f"memory_limit = '{_MEMORY}'", "threads = 1"):
            self._engine.execute(f"SET {setting}")

    def batches(self, table: Table, rows: ArrowStream) -> Iterator[Batch]:
        """The rows of a stream, whose columns are the table's, by position.

        Raises DestinationError for another number of columns and for a value that its column cannot take.
        """
        # The capsule itself: DuckDB would ask the object for its stream several times, and some have only one.
        self._engine.register(_ROWS, rows.__arrow_c_stream__())
        try:
            self._engine.execute(_cast_statement(table).text)
            while batch := self._engine.fetchmany(_BATCH):
                yield batch
        except duckdb.Error as error:
            said = str(error).strip().splitlines()[0]
            raise DestinationError(
                f"The rows of {table.name} do not fit its columns: {said}",
                hint="a staged value does not fit its column; the live tables are as they were",
            ) from error
        finally:
            self._engine.unregister(_ROWS)

    def close(self) -> None:
        self._engine.close()


def in_parts(table: Table, batches: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """The batches by transaction: what is not committed cannot leave the write-ahead log, which would grow with it."""
    most = max(1, _CELLS // (len(table.columns) * _BATCH))
    while (first := next(batches, None)) is not None:
        yield chain((first,), islice(batches, most - 1))


def take_back(connection: sqlite3.Connection, name: str, rows: int) -> None:
    """Remove all but the first rows, within a transaction. Rows of a staged table are numbered as they came."""
    statement = SQL("DELETE FROM {} WHERE rowid > ?").format(Identifier(name))
    connection.execute(statement.text, (rows,))


def insert(connection: sqlite3.Connection, name: str, table: Table, batches: Iterable[Batch]) -> int:
    """Add rows to a staged table, within a transaction. Returns how many.

    A row that the key refuses is not for us to refuse: the table gives its key up, and the gate counts what is wrong.
    """
    places = COMMA.join([SQL("?")] * len(table.columns))
    statement = SQL("INSERT INTO {} VALUES ({})").format(Identifier(name), places).text
    added = 0
    for batch in batches:
        before = connection.total_changes
        try:
            connection.executemany(statement, batch)
        except sqlite3.IntegrityError:
            done = connection.total_changes - before
            loosen(connection, name, table)
            connection.executemany(statement, batch[done:])
        added += len(batch)
    return added


def loosen(connection: sqlite3.Connection, name: str, table: Table) -> None:
    """Make a staged table anew without its key and with room for NULL in any column."""
    _rebuild(connection, name, create_statement(_beside(name), table, loose=True))


def tighten(connection: sqlite3.Connection, name: str, table: Table) -> None:
    """Make a staged table anew with its key. Raises sqlite3.IntegrityError when the rows do not allow it."""
    _rebuild(connection, name, create_statement(_beside(name), table))


def _rebuild(connection: sqlite3.Connection, name: str, create: Composable) -> None:
    beside = _beside(name)
    drop = SQL("DROP TABLE {}").format(Identifier(name))
    for statement in (create, fill_statement(beside, name), drop, rename_statement(beside, name)):
        connection.execute(statement.text)


def _beside(name: str) -> str:
    return f"{name}__anew"


def _cast_statement(table: Table) -> Composable:
    names = [Identifier(f"c{place}") for place in range(len(table.columns))]
    # A set operation wants as many columns on both sides, and takes their names from the first.
    return SQL("SELECT {} FROM (SELECT {} WHERE false UNION ALL SELECT * FROM {})").format(
        COMMA.join(_cast(name, column.type) for name, column in zip(names, table.columns, strict=True)),
        COMMA.join(SQL("NULL AS {}").format(name) for name in names),
        Identifier(_ROWS),
    )


def _cast(name: Composable, type_: SqlType) -> Composable:
    if type_.kind is Kind.DECIMAL:
        whole = SQL("CAST({} AS DECIMAL({}, {}))").format(name, Literal(type_.precision), Literal(type_.scale))
        # Written from 64 bits where they are enough, which takes a third of the time.
        digits = SQL("coalesce(CAST(TRY_CAST({0} AS DECIMAL({1}, {2})) AS VARCHAR), CAST({0} AS VARCHAR))").format(
            whole, Literal(max(18, type_.scale)), Literal(type_.scale)
        )
        if type_.precision == type_.scale:  # then DuckDB writes no 0 before the point
            digits = SQL("regexp_replace({}, '^(-?)[.]', '\\10.')").format(digits)
        # One text for one number, whatever the scale.
        return SQL("rtrim(rtrim({}, '0'), '.')").format(digits) if type_.scale else digits
    return _CASTS[type_.kind].format(name)


_CASTS: dict[Kind, SQL] = {
    Kind.TEXT: SQL("CAST({} AS VARCHAR)"),
    Kind.INTEGER: SQL("CAST({} AS INTEGER)"),
    Kind.BIGINT: SQL("CAST({} AS BIGINT)"),
    Kind.DOUBLE: SQL(
        "CASE WHEN isnan(CAST({0} AS DOUBLE)) THEN error('SQLite has no NaN') ELSE CAST({0} AS DOUBLE) END"
    ),
    Kind.BOOLEAN: SQL("CAST(CAST({} AS BOOLEAN) AS TINYINT)"),
    Kind.DATE: SQL("CAST(CAST({} AS DATE) AS VARCHAR)"),
    Kind.TIME: SQL("CAST(CAST({} AS TIME) AS VARCHAR)"),
    # As SQLite's own datetime() writes it, which is UTC too, so that both can be compared as texts.
    Kind.TIMESTAMP: SQL("CAST(CAST({} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS VARCHAR)"),
    Kind.JSON: SQL("CAST(CAST({} AS JSON) AS VARCHAR)"),
}
