"""Rows into a staged PostgreSQL table: Arrow batches through ADBC's binary COPY, no cell touched in Python.

The driver takes Arrow exactly as the table's columns are typed, so rows pass through an in-process DuckDB that casts
them on the way. Both speak the Arrow C interface; pyarrow would cost 50 MiB and a tenth of a second here.
"""

from __future__ import annotations

from contextlib import suppress

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import duckdb

from boardlift.destinations.duckdb.types import column_type
from boardlift.destinations.interface import ArrowStream
from boardlift.errors import DestinationError
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier
from boardlift.shape.table import Column, Table
from boardlift.shape.types import Kind

Error = adbc.Error

_ROWS = "boardlift_rows"


class Bulk:
    """A connection for loading, beside the one for statements. Raises `Error` or DestinationError."""

    def __init__(self, url: str) -> None:
        self._database = adbc_driver_postgresql.connect(url)
        try:
            self._connection = adbc.AdbcConnection(self._database)
        except BaseException:
            self._database.close()
            raise
        self._connection.set_autocommit(False)
        self._caster = duckdb.connect(":memory:", config={"threads": 1, "autoinstall_known_extensions": False})
        self._caster.execute("SET TimeZone = 'UTC'")

    def load(self, namespace: str, place: str, table: Table, rows: ArrowStream) -> int:
        """Append a stream to `namespace.place` and commit; the number of rows that the server took."""
        self._caster.register(_ROWS, rows.__arrow_c_stream__())
        try:
            typed = self._typed(table)
            try:
                taken = self._ingest(namespace, place, typed)
                self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise
        finally:
            self._caster.unregister(_ROWS)
        return taken

    def close(self) -> None:
        for part in (self._caster, self._connection, self._database):
            with suppress(Error, duckdb.Error):
                part.close()

    def _typed(self, table: Table) -> ArrowStream:
        """The registered rows in the exact types that the table's columns take."""
        width = len(self._caster.sql(f"FROM {_ROWS} LIMIT 0").columns)
        if width != len(table.columns):
            raise DestinationError(f"{table.name} has {len(table.columns)} columns, its rows have {width}.")
        given = [Identifier(f"c{number}") for number in range(width)]
        values = [_value(name, column) for name, column in zip(given, table.columns, strict=True)]
        statement = SQL("SELECT {} FROM {} AS given({})").format(
            COMMA.join(values), Identifier(_ROWS), COMMA.join(given)
        )
        typed: ArrowStream = self._caster.sql(statement.text)
        return typed

    def _ingest(self, namespace: str, place: str, typed: ArrowStream) -> int:
        statement = adbc.AdbcStatement(self._connection)
        try:
            statement.set_options(
                **{
                    "adbc.ingest.target_table": place,
                    "adbc.ingest.target_db_schema": namespace,
                    "adbc.ingest.mode": "adbc.ingest.mode.append",
                }
            )
            statement.bind_stream(typed.__arrow_c_stream__())
            return int(statement.execute_update())
        finally:
            statement.close()


def _value(given: Composable, column: Column) -> Composable:
    """A value as the driver takes it for this column, under the column's name."""
    if column.type.kind is Kind.JSON:
        # The wire form of jsonb is a version byte and the text. It cannot hold U+0000, not even escaped, where an
        # even number of backslashes stands before: \\u0000 is a backslash and four digits.
        value = SQL(
            "chr(1) || CASE WHEN contains(CAST({0} AS VARCHAR), '\\u0000') THEN regexp_replace(CAST({0} AS VARCHAR),"
            " '((?:^|[^\\\\])(?:\\\\\\\\)*)(?:\\\\u0000)+', '\\1', 'g') ELSE CAST({0} AS VARCHAR) END"
        ).format(given)
    else:
        value = SQL("CAST({} AS {})").format(given, column_type(column.type))
    return value + SQL(" AS ") + Identifier(column.name)
