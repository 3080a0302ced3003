"""DuckDB keeps every promise of a destination, in a file and in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from boardlift.destinations.duckdb import DuckDB
from boardlift.destinations.interface import Destination
from boardlift.testing.conformance import DestinationConformance, Outside


class TestDuckDBFile(DestinationConformance):
    labels_sql = (
        "SELECT column_name, comment FROM duckdb_columns()"
        " WHERE schema_name = 'monday' AND table_name = '{table}' AND comment IS NOT NULL"
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
    def outside(self, path: Path) -> Outside:
        def run(sql: str) -> list[tuple[object, ...]]:
            with duckdb.connect(str(path)) as connection:
                return connection.execute(sql).fetchall()

        return run
