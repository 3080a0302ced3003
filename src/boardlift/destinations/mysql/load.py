"""Rows into a staged table: DuckDB writes the Arrow stream as CSV into a pipe, LOAD DATA LOCAL reads its other end.

No cell is touched in Python, and no file is written where the system has pipes that can be opened by name. LOAD DATA
LOCAL turns errors into warnings, so any warning, and any row that did not arrive, undoes the whole load.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from boardlift.destinations.interface import ArrowStream
from boardlift.destinations.mysql.feed import FEED
from boardlift.destinations.mysql.session import Session
from boardlift.errors import DestinationError
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Column, Table
from boardlift.shape.types import Kind

_ROWS = "boardlift_rows"
_STATEMENT_BYTES = 1 << 20
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
_QUOTED = (Kind.TEXT, Kind.DATE, Kind.TIME, Kind.TIMESTAMP, Kind.JSON)


def load(session: Session, target: Composable, table: Table, rows: ArrowStream, *, local: bool) -> int:
    """Append a stream to `target`; the number of rows it had. All or none.

    `local` says whether the server takes LOAD DATA LOCAL; without it the rows go by INSERT. Raises DestinationError
    for rows that do not fit, and the driver's errors.
    """
    with duckdb.connect() as engine:
        try:
            # In order, DuckDB would write nothing before the last row is read; the key puts the rows in order anyway.
            engine.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
            # The capsule itself: DuckDB would ask the object for its stream several times, and some have only one.
            engine.register(_ROWS, rows.__arrow_c_stream__())
            width = len(engine.execute(f"DESCRIBE SELECT * FROM {_ROWS}").fetchall())
            if width != len(table.columns):
                raise DestinationError(f"{table.name} has {len(table.columns)} columns, its rows have {width}.")
            with session.transaction():
                return (_by_file if local else _by_insert)(session, engine, target, table)
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            raise DestinationError(f"The rows of {table.name} do not fit its columns: {said}") from error


def _typed(table: Table, wrap: dict[Kind, SQL] | None = None) -> Composable:
    """A SELECT of the stream, by position, in the types of the table; `wrap` says what becomes of each value."""
    places = [Identifier(f"c{place}") for place in range(len(table.columns))]
    values = [_cast(column, place) for column, place in zip(table.columns, places, strict=True)]
    if wrap is not None:
        values = [wrap[column.type.kind].format(value) for column, value in zip(table.columns, values, strict=True)]
    return SQL("SELECT {} FROM {} AS r({})").format(COMMA.join(values), Identifier(_ROWS), COMMA.join(places))


def _cast(column: Column, place: Composable) -> Composable:
    if column.type.kind is Kind.DECIMAL:
        # The type is two checked numbers in our own spelling.
        return SQL("CAST({} AS {})").format(place, Composable(str(column.type)))
    return _CASTS[column.type.kind].format(place)


# -- by LOAD DATA LOCAL


def _by_file(session: Session, engine: duckdb.DuckDBPyConnection, target: Composable, table: Table) -> int:
    statement = SQL(
        "LOAD DATA LOCAL INFILE {} INTO TABLE {} CHARACTER SET utf8mb4"
        " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY 0x0A ({})"
    ).format(Literal(FEED), target, COMMA.join(Identifier(column.name) for column in table.columns))
    with _written(engine, _typed(table)) as written:
        session.raw.feed = written.feed
        try:
            with session.raw.cursor() as cursor:
                arrived = int(cursor.execute(statement.text))
                warnings = int(cursor.warning_count)
        finally:
            session.raw.feed = None
    expected = written.count()
    if warnings or arrived != expected:
        told = session.ask(SQL("SHOW WARNINGS LIMIT 1"))
        why = f": {told[0][2]}" if told else ""
        raise DestinationError(f"{arrived} of {expected} rows of {table.name} could be loaded as they are{why}.")
    return arrived


class _Written:
    """What DuckDB writes, and how it went. `feed` is the file to read it from."""

    def __init__(self, feed: int) -> None:
        self.feed = feed
        self.rows = 0
        self.error: BaseException | None = None

    def write(self, engine: duckdb.DuckDBPyConnection, select: Composable, path: str) -> None:
        # NULL is the bare word; DuckDB puts quotes around a text that reads so.
        copy = SQL(
            "COPY ({}) TO {} (FORMAT csv, HEADER false, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR 'NULL')"
        ).format(select, Literal(path))
        try:
            self.rows = int(engine.execute(copy.text).fetchall()[0][0])
        except BaseException as error:  # noqa: BLE001 (it is raised again where the rows are counted)
            self.error = error

    def count(self) -> int:
        """The rows that were written. Raises what stopped the writing."""
        if self.error is not None:
            raise self.error
        return self.rows


@contextmanager
def _written(engine: duckdb.DuckDBPyConnection, select: Composable) -> Iterator[_Written]:
    if Path("/dev/fd").exists():
        yield from _through_pipe(engine, select)
    else:
        yield from _through_file(engine, select)


def _through_pipe(engine: duckdb.DuckDBPyConnection, select: Composable) -> Iterator[_Written]:
    out, into = os.pipe()
    written = _Written(out)

    def write() -> None:
        try:
            written.write(engine, select, f"/dev/fd/{into}")
        finally:
            os.close(into)  # the reader sees the end, however it came

    writer = threading.Thread(target=write, name="boardlift csv")
    writer.start()
    try:
        yield written
    finally:
        os.close(out)  # a writer that nobody reads from any more is told so
        writer.join()


def _through_file(engine: duckdb.DuckDBPyConnection, select: Composable) -> Iterator[_Written]:
    handle, path = tempfile.mkstemp(prefix="boardlift", suffix=".csv")
    try:
        written = _Written(handle)
        written.write(engine, select, path)
        written.count()
        yield written
    finally:
        os.close(handle)
        with suppress(OSError):
            Path(path).unlink()


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
