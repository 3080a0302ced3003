"""Rows into a staged table: DuckDB writes the Arrow stream as CSV into a pipe, LOAD DATA LOCAL reads its other end.

No cell is touched in Python, and no file is written where the system has pipes that can be opened by name. LOAD DATA
LOCAL turns errors into warnings, so any warning, and any row that did not arrive, undoes the whole load.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from boardlift.destinations.interface import ArrowStream
from boardlift.destinations.mysql.errors import MISFIT
from boardlift.destinations.mysql.lanes import load_file
from boardlift.destinations.mysql.session import Session
from boardlift.errors import DestinationError
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Column, Table
from boardlift.shape.types import Kind, SqlType

_ROWS = "boardlift_rows"
_STATEMENT_BYTES = 1 << 20
_SHORT_DIGITS = 18
_CASTS: dict[Kind, SQL] = {
    Kind.TEXT: SQL("CAST({} AS VARCHAR)"),
    Kind.INTEGER: SQL("CAST({} AS INTEGER)"),
    Kind.BIGINT: SQL("CAST({} AS BIGINT)"),
    Kind.DOUBLE: SQL("CAST({} AS DOUBLE)"),
    Kind.BOOLEAN: SQL("CAST(CAST({} AS BOOLEAN) AS TINYINT)"),
    Kind.DATE: SQL("CAST({} AS DATE)"),
    Kind.TIME: SQL("CAST({} AS TIME)"),
    Kind.TIMESTAMP: SQL("make_timestamp(epoch_us(CAST({} AS TIMESTAMPTZ)))"),  # in UTC, past any calendar
    Kind.JSON: SQL("CAST({} AS VARCHAR)"),
}
# What is not finite would become NULL, a mistake in the SQL, or a date that no calendar has.
_FINITE: dict[Kind, SQL] = {
    Kind.DOUBLE: SQL("isfinite(CAST({} AS DOUBLE))"),
    Kind.DATE: SQL("isfinite(CAST({} AS DATE))"),
    Kind.TIMESTAMP: SQL("isfinite(CAST({} AS TIMESTAMPTZ))"),
}
_QUOTED = (Kind.TEXT, Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.JSON)


class Loader:
    """Appends streams to staged tables; `connect` opens a connection like the one that each load is given."""

    def __init__(self, connect: Callable[[], Session]) -> None:
        self._connect = connect
        self._engine = duckdb.connect(":memory:")

    def load(self, session: Session, target: Composable, table: Table, rows: ArrowStream, *, local: bool) -> int:
        """Append a stream to `target`; the number of rows it had. All or none.

        (Two connections commit one after the other: should the server be lost between the two, this raises and a part
        of the rows is there; a table whose load failed is staged anew.)
        `local` says whether the server takes LOAD DATA LOCAL; without it the rows go by INSERT. Raises
        DestinationError for rows that do not fit, and the driver's errors.
        """
        with self._engine.cursor() as engine:
            # In order, DuckDB would write nothing before the last row is read; the key puts the rows in order anyway.
            engine.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
            try:
                # The capsule itself: DuckDB would ask the object for its stream several times; some have only one.
                engine.register(_ROWS, rows.__arrow_c_stream__())
                width = len(engine.execute(f"DESCRIBE SELECT * FROM {_ROWS}").fetchall())
                if width != len(table.columns):
                    raise DestinationError(f"{table.name} has {len(table.columns)} columns, its rows have {width}.")
                with session.transaction():
                    if local:
                        return load_file(session, self._connect, engine, _typed(table), target, table)
                    return _by_insert(session, engine, target, table)
            except duckdb.Error as error:
                said = str(error).splitlines()[0]
                told = f"The rows of {table.name} do not fit its columns: {said}"
                raise DestinationError(told, hint=MISFIT) from error

    def close(self) -> None:
        self._engine.close()


def _typed(table: Table, wrap: dict[Kind, SQL] | None = None) -> Composable:
    """A SELECT of the stream, by position, in the types of the table; `wrap` says what becomes of each value."""
    places = [Identifier(f"c{place}") for place in range(len(table.columns))]
    values = [_cast(column, place) for column, place in zip(table.columns, places, strict=True)]
    if wrap is not None:
        values = [wrap[column.type.kind].format(value) for column, value in zip(table.columns, values, strict=True)]
    return SQL("SELECT {} FROM {} AS r({})").format(COMMA.join(values), Identifier(_ROWS), COMMA.join(places))


def _cast(column: Column, place: Composable) -> Composable:
    if column.type.kind is Kind.DECIMAL:
        return _decimal(column.type, place)
    value = _CASTS[column.type.kind].format(place)
    if (finite := _FINITE.get(column.type.kind)) is None:
        return value
    told = f"column {column.name} holds nan or infinity, which these servers have no {column.type} for"
    return SQL("CASE WHEN {0} IS NULL OR {1} THEN {2} ELSE error({3}) END").format(
        place, finite.format(place), value, Literal(told)
    )


def _decimal(type_: SqlType, place: Composable) -> Composable:
    """A number as text. DuckDB writes one that fits in 64 bits ten times as fast as one that takes 128."""
    # The type is two checked numbers in our own spelling.
    exact = SQL("CAST({} AS {})").format(place, Composable(str(type_)))
    if type_.precision <= _SHORT_DIGITS or type_.scale >= _SHORT_DIGITS:
        return exact
    short = Composable(str(SqlType(Kind.DECIMAL, _SHORT_DIGITS, type_.scale)))
    return SQL("coalesce(CAST(TRY_CAST({0} AS {1}) AS VARCHAR), CAST({0} AS VARCHAR))").format(exact, short)


# -- by INSERT, where the server does not take LOAD DATA LOCAL


def _by_insert(session: Session, engine: duckdb.DuckDBPyConnection, target: Composable, table: Table) -> int:
    ((packet,),) = session.ask(SQL("SELECT @@max_allowed_packet"))
    room = min(_STATEMENT_BYTES, int(str(packet)) // 2)
    head = SQL("INSERT INTO {} ({}) VALUES ").format(
        target, COMMA.join(Identifier(column.name) for column in table.columns)
    )
    # DuckDB writes each row as SQL: texts inside quotes, quotes doubled, as Literal does it.
    literal = {
        kind: SQL("coalesce('''' || replace(CAST({} AS VARCHAR), '''', '''''') || '''', 'NULL')")
        if kind in _QUOTED
        else SQL("coalesce(CAST({} AS VARCHAR), 'NULL')")
        for kind in Kind
    }
    values = _typed(table, literal)
    row = SQL("SELECT '(' || concat_ws(',', *COLUMNS(*)) || ')' FROM ({}) AS v").format(values)
    result = engine.execute(row.text)
    total, size, waiting = 0, 0, list[Composable]()
    while batch := result.fetchmany(500):
        for (text,) in batch:
            if waiting and size + len(text) * 3 > room:
                total += session.run(head + COMMA.join(waiting))
                size, waiting = 0, []
            waiting.append(Composable(text))
            size += len(text) + 2
    if waiting:
        total += session.run(head + COMMA.join(waiting))
    return total
