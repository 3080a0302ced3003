"""A person's query against DuckDB: one statement, reading only, with instants as aware datetimes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import duckdb

from boardlift.errors import DestinationError
from boardlift.shape.sql import COMMA, SQL, Identifier

Rows = list[tuple[object, ...]]
_READS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


def read_only(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], Rows]:
    """Run one reading statement. Raises DestinationError for any other, duckdb.Error for what DuckDB refuses."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type not in _READS:
        raise DestinationError(
            f"Only one statement that reads can be run here, not {_what(statements)}.", hint="write a single SELECT"
        )
    connection.execute("BEGIN TRANSACTION READ ONLY")
    try:
        return _fetch(connection, statements[0].query)
    finally:
        connection.execute("ROLLBACK")


def _what(statements: Sequence[duckdb.Statement]) -> str:
    if len(statements) == 1:
        return str(statements[0].type).rpartition(".")[2]
    return f"{len(statements)} statements"


def _fetch(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[list[str], Rows]:
    relation = connection.sql(sql)
    names = [str(name) for name in relation.columns]
    zoned = [str(type_) == "TIMESTAMP WITH TIME ZONE" for type_ in relation.types]
    if not any(zoned):
        return names, relation.fetchall()
    # DuckDB hands instants out only where pytz is installed; as UTC without a zone they need nothing. A view, gone with
    # the transaction, takes the query as it was written, with a semicolon or a comment at its end.
    view = Identifier("boardlift_query")
    places = [Identifier(f"c{number}") for number in range(len(names))]
    chosen = COMMA.join(
        SQL("{} AT TIME ZONE 'UTC'").format(place) if has_zone else place
        for place, has_zone in zip(places, zoned, strict=True)
    )
    connection.execute(SQL("CREATE TEMPORARY VIEW {} ({}) AS ").format(view, COMMA.join(places)).text + sql).fetchall()
    rows = connection.execute(SQL("SELECT {} FROM {}").format(chosen, view).text).fetchall()
    return names, [tuple(_aware(value, flag) for value, flag in zip(row, zoned, strict=True)) for row in rows]


def _aware(value: object, zoned: bool) -> object:
    return value.replace(tzinfo=UTC) if zoned and isinstance(value, datetime) else value
