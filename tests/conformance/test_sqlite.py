"""SQLite keeps every promise of a destination."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from boardlift.destinations.interface import Destination
from boardlift.destinations.sqlite.engine import SQLite
from boardlift.testing.conformance import Beside, DestinationConformance, Outside, Reader


class TestSQLite(DestinationConformance):
    indexes_sql = (
        "SELECT l.name, i.seqno, i.name, l.\"unique\" FROM pragma_index_list('monday__{table}') AS l,"
        " pragma_index_info(l.name) AS i"
    )

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "warehouse.db"

    @pytest.fixture
    def destination(self, path: Path) -> Destination:
        return SQLite(f"sqlite:///{path}", "monday")

    @pytest.fixture
    def second(self, path: Path) -> Iterator[Callable[[], Destination]]:
        opened: list[Destination] = []

        def another() -> Destination:
            opened.append(SQLite(f"sqlite:///{path}", "monday"))
            return opened[-1]

        yield another
        for destination in opened:
            destination.close()

    @pytest.fixture
    def beside(self, path: Path) -> Beside:
        return lambda namespace: SQLite(f"sqlite:///{path}", namespace)

    @pytest.fixture
    def outside(self, path: Path) -> Outside:
        def run(sql: str) -> list[tuple[object, ...]]:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                return connection.execute(sql).fetchall()

        return run

    @pytest.fixture
    def reader(self, path: Path) -> Reader:
        """One connection for all questions of a thread."""

        @contextmanager
        def opened() -> Iterator[Outside]:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                yield lambda sql: connection.execute(sql).fetchall()

        return opened
