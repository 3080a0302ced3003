"""MariaDB, and MySQL where a URL names one, keep every promise of a destination."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from boardlift.destinations.interface import Destination
from boardlift.destinations.mysql.engine import MySQL
from boardlift.shape.table import Column, Table
from boardlift.shape.types import TEXT
from boardlift.testing.conformance import Beside, DestinationConformance, Outside, Reader
from boardlift.testing.samples import HOSTILE, ITEMS, put
from support.mariadb import Admin


class TestMariaDB(DestinationConformance):
    labels_sql = (
        "SELECT column_name, column_comment FROM information_schema.columns"
        " WHERE table_schema = 'monday' AND table_name = '{table}' AND column_comment <> ''"
    )
    indexes_sql = (
        "SELECT index_name, seq_in_index, column_name, non_unique = 0 FROM information_schema.statistics"
        " WHERE table_schema = 'monday' AND table_name = '{table}'"
    )

    @pytest.fixture
    def destination(self, mariadb_url: str) -> Destination:
        return MySQL(mariadb_url, "monday")

    @pytest.fixture
    def second(self, mariadb_url: str) -> Iterator[Callable[[], Destination]]:
        opened: list[Destination] = []

        def another() -> Destination:
            opened.append(MySQL(mariadb_url, "monday"))
            return opened[-1]

        yield another
        for destination in opened:
            destination.close()

    @pytest.fixture
    def beside(self, mariadb_url: str) -> Beside:
        return lambda namespace: MySQL(mariadb_url, namespace)

    @pytest.fixture
    def outside(self, mariadb_url: str) -> Outside:
        def run(sql: str) -> list[tuple[object, ...]]:
            admin = Admin(mariadb_url)
            try:
                return admin.run(sql)
            finally:
                admin.close()

        return run

    @pytest.fixture
    def reader(self, mariadb_url: str) -> Reader:
        """One connection for all questions of a thread."""

        @contextmanager
        def opened() -> Iterator[Outside]:
            admin = Admin(mariadb_url)
            try:
                yield admin.run
            finally:
                admin.close()

        return opened

    def test_labels_are_kept_as_comments(self, ready: Destination, outside: Outside) -> None:
        """As elsewhere, but the data dictionary knows no character beyond U+FFFF: an emoji is written as its number."""
        column = Column("name", TEXT, label=f"Title {HOSTILE}")
        for number, extra in ((1, column), (2, Column("name", TEXT, label="Plain"))):
            table = Table("planning", (ITEMS.columns[0], extra), ITEMS.key, label=HOSTILE)
            ready.promote("run", [put(ready, "1", number, [(table, "SELECT 1, 'x'")])])
        plain = {("item_id", "Item ID"), ("name", "Plain")}
        assert set(outside(self.labels_sql.format(table="planning"))) == plain
        ready.rollback("back", [("1", 1)])
        title = f"Title {HOSTILE}".replace("🎉", "\\u{1F389}")
        assert set(outside(self.labels_sql.format(table="planning"))) == {("item_id", "Item ID"), ("name", title)}
