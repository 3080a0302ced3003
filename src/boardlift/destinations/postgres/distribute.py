"""Few rows into each of many staged PostgreSQL tables: one COPY a table, all in one transaction.

A binary COPY of its own costs a table some milliseconds before the first row. Here an in-process DuckDB writes the rows
of each table as one CSV text, and no cell is touched in Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb
import psycopg

from boardlift.destinations.interface import ArrowStream, StagedRef
from boardlift.destinations.postgres.session import come_to_rest
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier
from boardlift.shape.table import Column, Table
from boardlift.shape.types import Kind

_ROWS = "boardlift_rows"
_WHICH = Identifier("which")


def distribute(
    connection: psycopg.Connection, hidden: str, staged: Mapping[int, StagedRef], rows: ArrowStream
) -> dict[int, int]:
    """Add rows to tables of the same columns, all or nothing; how many each got.

    The first column of the stream is the number in `staged`. Raises psycopg.Error or duckdb.Error.
    """
    added = dict.fromkeys(staged, 0)
    table = next(iter(staged.values())).table
    cursor = connection.cursor()
    cursor.execute("BEGIN")
    try:
        for number, text in _texts(table, rows):
            names = COMMA.join(Identifier(column.name) for column in staged[number].table.columns)
            target = Identifier(hidden, staged[number].hidden_name)
            statement = SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(target, names)
            with cursor.copy(statement.text.encode()) as copy:
                copy.write(text)
            added[number] += cursor.rowcount
        cursor.execute("COMMIT")
    except BaseException:
        come_to_rest(connection)
        raise
    return added


def _texts(table: Table, rows: ArrowStream) -> Iterator[tuple[int, str]]:
    """The rows of each table as CSV, by number."""
    given = [Identifier(f"c{number}") for number in range(len(table.columns))]
    fields = [_field(name, column) for name, column in zip(given, table.columns, strict=True)]
    statement = SQL(
        "SELECT {which}, string_agg({line}, chr(10)) || chr(10) FROM {rows} AS given({names}) GROUP BY 1"
    ).format(
        which=_WHICH,
        line=SQL(" || ',' || ").join(fields),
        rows=Identifier(_ROWS),
        names=COMMA.join([_WHICH, *given]),
    )
    config: dict[str, str | bool | int | float | list[str]] = {"threads": 1, "autoinstall_known_extensions": False}
    with duckdb.connect(":memory:", config=config) as writer:
        writer.execute("SET TimeZone = 'UTC'")
        writer.register(_ROWS, rows.__arrow_c_stream__())
        result = writer.execute(statement.text)
        while (row := result.fetchone()) is not None:
            yield int(row[0]), str(row[1])


def _field(given: Composable, column: Column) -> Composable:
    """A value in quotes, so that nothing in it is taken for CSV; nothing at all for NULL."""
    text = SQL("CAST({} AS VARCHAR)").format(given)
    if column.type.kind is Kind.JSON:
        # jsonb cannot hold U+0000, not even escaped; where an even number of backslashes stands before, it is none.
        text = SQL(
            "CASE WHEN contains({0}, '\\u0000') THEN regexp_replace({0},"
            " '((?:^|[^\\\\])(?:\\\\\\\\)*)(?:\\\\u0000)+', '\\1', 'g') ELSE {0} END"
        ).format(text)
    elif column.type.kind in {Kind.DATE, Kind.TIMESTAMP}:
        text = SQL("replace({}, '(BC)', 'BC')").format(text)
    return SQL("""coalesce('"' || replace({}, '"', '""') || '"', '')""").format(text)
