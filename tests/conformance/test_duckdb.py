"""DuckDB keeps every promise of a destination, in a file and in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from boardlift.destinations.duckdb.engine import DuckDB
from boardlift.destinations.interface import Destination
from boardlift.testing.conformance import Beside, DestinationConformance, Outside, Reader


class TestDuckDBFile(DestinationConformance):
    labels_sql = (
        "SELECT column_name, comment FROM duckdb_columns()"
        " WHERE schema_name = 'monday' AND table_name = '{table}' AND comment IS NOT NULL"
    )
    indexes_sql = (
        "SELECT index_name, generate_subscripts(columns, 1), unnest(columns), is_unique FROM (SELECT i.index_name,"
        " i.is_unique, string_split(regexp_extract(i.sql, '\\((.*)\\)', 1), ', ') AS columns FROM duckdb_indexes() i"
        " JOIN monday__boardlift.generations g ON i.table_name = g.hidden_name"
        " WHERE g.table_name = '{table}' AND g.state = 'live' AND i.schema_name = 'monday__boardlift')"
    )

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "warehouse.duckdb"

    @pytest.fixture
    def destination(self, path: Path) -> Destination:
        return DuckDB(f"duckdb:///{path}", "monday")

    @pytest.fixture
    def second(self, path: Path) -> Iterator[Callable[[], Destination]]:
        opened: list[Destination] = []

        def another() -> Destination:
            opened.append(DuckDB(f"duckdb:///{path}", "monday"))
            return opened[-1]

        yield another
        for destination in opened:
            destination.close()

    @pytest.fixture
    def beside(self, path: Path) -> Beside:
        return lambda namespace: DuckDB(f"duckdb:///{path}", namespace)

    @pytest.fixture
    def outside(self, path: Path) -> Outside:
        def run(sql: str) -> list[tuple[object, ...]]:
            with duckdb.connect(str(path)) as connection:
                return connection.execute(sql).fetchall()

        return run

    @pytest.fixture
    def reader(self, path: Path) -> Reader:
        """One connection for all questions of a thread."""

        @contextmanager
        def opened() -> Iterator[Outside]:
            with duckdb.connect(str(path)) as connection:
                yield lambda sql: connection.execute(sql).fetchall()

        return opened
