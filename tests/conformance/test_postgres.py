"""PostgreSQL keeps every promise of a destination."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from boardlift.destinations.interface import Destination
from boardlift.destinations.postgres import Postgres
from boardlift.testing.conformance import DestinationConformance, Outside


class TestPostgres(DestinationConformance):
    labels_sql = (
        "SELECT a.attname, d.description FROM pg_description d JOIN pg_attribute a"
        " ON a.attrelid = d.objoid AND a.attnum = d.objsubid WHERE d.objoid = 'monday.{table}'::regclass"
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
    def outside(self, postgres_url: str) -> Outside:
        def run(sql: str) -> list[tuple[object, ...]]:
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                cursor = connection.execute(sql.encode())
                return cursor.fetchall() if cursor.description else []

        return run
