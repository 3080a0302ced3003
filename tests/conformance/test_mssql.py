"""SQL Server keeps every promise of a destination. Runs where BOARDLIFT_TEST_MSSQL_URL names one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from boardlift.destinations.interface import Destination
from boardlift.destinations.mssql.engine import MSSQL
from boardlift.testing.conformance import Beside, DestinationConformance, Outside, Reader
from support.mssql import TOGETHER, WITHOUT, asking, mssql_url

__all__ = ["mssql_url"]

pytestmark = TOGETHER


@WITHOUT
class TestSQLServer(DestinationConformance):
    labels_sql = (
        "SELECT c.name, CONVERT(NVARCHAR(4000), x.value) FROM sys.extended_properties AS x"
        " JOIN sys.columns AS c ON c.object_id = x.major_id AND c.column_id = x.minor_id"
        " WHERE x.class = 1 AND x.name = N'MS_Description' AND x.major_id = OBJECT_ID(N'[monday].[{table}]')"
    )
    indexes_sql = (
        "SELECT i.name, ic.key_ordinal, c.name, i.is_unique FROM sys.indexes AS i"
        " JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id"
        " JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id"
        " WHERE i.object_id = OBJECT_ID(N'[monday].[{table}]')"
    )

    @pytest.fixture
    def destination(self, mssql_url: str) -> Iterator[Destination]:
        opened = MSSQL(mssql_url, "monday")
        yield opened
        opened.close()

    @pytest.fixture
    def second(self, mssql_url: str) -> Iterator[Callable[[], Destination]]:
        opened: list[Destination] = []

        def another() -> Destination:
            opened.append(MSSQL(mssql_url, "monday"))
            return opened[-1]

        yield another
        for destination in opened:
            destination.close()

    @pytest.fixture
    def beside(self, mssql_url: str) -> Beside:
        return lambda namespace: MSSQL(mssql_url, namespace)

    @pytest.fixture
    def outside(self, mssql_url: str) -> Outside:
        def run(sql: str) -> list[tuple[object, ...]]:
            with asking(mssql_url) as ask:
                return ask(sql)

        return run

    @pytest.fixture
    def reader(self, mssql_url: str) -> Reader:
        """One connection for all questions of a thread."""
        return lambda: asking(mssql_url)
