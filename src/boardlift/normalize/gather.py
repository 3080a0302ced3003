"""Rows of small tables on their way out: a window has few of them, so they gather in the engine and leave together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from boardlift.destinations.duckdb.types import column_type
from boardlift.destinations.interface import ArrowStream
from boardlift.normalize.engine import Engine
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier
from boardlift.shape.table import Column, Table
from boardlift.shape.types import Kind

_FLUSH_ROWS = 10_000


@dataclass(frozen=True)
class Rows:
    """Typed rows of one table on their way: an Arrow stream that is computed as it is taken."""

    table: Table
    stream: ArrowStream


class Gathering:
    """The gathered rows of one board, a temporary table of the engine for each of its tables."""

    def __init__(self, engine: Engine, prefix: str) -> None:
        self._engine = engine
        self._prefix = prefix
        self._pending: dict[str, int] = {}

    def forget(self) -> None:
        """Forget all that has gathered."""
        for name in list(self._pending):
            self._drop(name)

    def _ready(self, table: Table) -> None:
        """A place for the rows of this table; most tables of most boards never need one."""
        if table.name not in self._pending:
            columns = COMMA.join(Identifier(c.name) + SQL(" ") + local_type(c) for c in table.columns)
            self._engine.do(SQL("CREATE OR REPLACE TEMP TABLE {} ({})").format(self._local(table.name), columns))
            self._pending[table.name] = 0

    def _drop(self, name: str) -> None:
        self._engine.do(SQL("DROP TABLE IF EXISTS {}").format(self._local(name)))
        self._pending.pop(name, None)

    def add(self, table: Table, select: Composable) -> int:
        """Keep the rows of a SELECT with the columns of `table`; how many they were."""
        self._ready(table)
        rows = self._engine.count(SQL("INSERT INTO {} {}").format(self._local(table.name), select))
        self._pending[table.name] += rows
        return rows

    def insert(self, table: Table, rows: Sequence[tuple[object, ...]]) -> int:
        """Keep a few rows made here; how many they were."""
        self._ready(table)
        self._engine.insert(self._local(table.name), rows)
        self._pending[table.name] += len(rows)
        return len(rows)

    def enough(self, table: Table) -> bool:
        """Whether so many rows have gathered that they are worth a trip to the destination."""
        return self._pending.get(table.name, 0) >= _FLUSH_ROWS

    def flush(self, table: Table) -> Iterator[Rows]:
        """What has gathered, if anything; forgotten when the next is asked for."""
        if not self._pending.get(table.name):
            return
        yield Rows(table, self._stream(table))
        self._drop(table.name)

    def constant(self, table: Table, rows: Sequence[tuple[object, ...]]) -> Rows:
        """Rows of metadata: labels and groups, a few dozen at most."""
        self._drop(table.name)
        self._ready(table)
        self._engine.insert(self._local(table.name), rows)
        return Rows(table, self._stream(table))

    def _stream(self, table: Table) -> ArrowStream:
        return self._engine.stream(SQL("SELECT * FROM {}").format(self._local(table.name)))

    def _local(self, name: str) -> Composable:
        return Identifier(f"{self._prefix}_{name}")


def local_type(column: Column) -> Composable:
    """The engine's type for a column; JSON is text to it."""
    return SQL("VARCHAR") if column.type.kind is Kind.JSON else column_type(column.type)
