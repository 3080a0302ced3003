"""Rows for tests: any SELECT of an in-process DuckDB as the Arrow stream that a destination takes."""

from __future__ import annotations

import duckdb


class Rows:
    """The rows of a SELECT, read afresh for each stream that is asked for."""

    def __init__(self, sql: str) -> None:
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = 'UTC'")
        self._sql = sql

    def materialize(self) -> None:
        """Run the SELECT now, so that streams only read its result."""
        self._connection.execute(f"CREATE TABLE rows_of_the_select AS {self._sql}")
        self._sql = "FROM rows_of_the_select"

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._connection.sql(self._sql).__arrow_c_stream__(requested_schema)
