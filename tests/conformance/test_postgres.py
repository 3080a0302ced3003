"""PostgreSQL keeps every promise of a destination."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from boardlift.destinations.interface import Destination
from boardlift.destinations.postgres.engine import Postgres
from boardlift.testing.conformance import Beside, DestinationConformance, Outside, Reader


class TestPostgres(DestinationConformance):
    labels_sql = (
        "SELECT a.attname, d.description FROM pg_description d JOIN pg_attribute a"
        " ON a.attrelid = d.objoid AND a.attnum = d.objsubid WHERE d.objoid = 'monday.{table}'::regclass"
    )

    indexes_sql = (
        "SELECT i.relname, k.place, a.attname, x.indisunique FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
        " CROSS JOIN unnest(x.indkey::smallint[]) WITH ORDINALITY AS k(attnum, place)"
        " JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum"
        " WHERE x.indrelid = 'monday.{table}'::regclass"
    )

    @pytest.fixture
    def destination(self, postgres_url: str) -> Destination:
        return Postgres(postgres_url, "monday")

    @pytest.fixture
    def second(self, postgres_url: str) -> Iterator[Callable[[], Destination]]:
        opened: list[Destination] = []

        def another() -> Destination:
            opened.append(Postgres(postgres_url, "monday"))
            return opened[-1]

        yield another
        for destination in opened:
            destination.close()

    @pytest.fixture
    def beside(self, postgres_url: str) -> Beside:
        return lambda namespace: Postgres(postgres_url, namespace)

    @pytest.fixture
    def outside(self, postgres_url: str) -> Outside:
        def run(sql: str) -> list[tuple[object, ...]]:
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                cursor = connection.execute(sql.encode())
                return cursor.fetchall() if cursor.description else []

        return run

    @pytest.fixture
    def reader(self, postgres_url: str) -> Reader:
        """One connection for all questions of a thread."""

        @contextmanager
        def opened() -> Iterator[Outside]:
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                yield lambda sql: connection.execute(sql.encode()).fetchall()

        return opened
