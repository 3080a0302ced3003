"""The in-process DuckDB that turns answers into rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from boardlift.destinations.interface import ArrowStream
from boardlift.shape.sql import COMMA, SQL, Composable, Literal

if TYPE_CHECKING:
    import duckdb


def open_engine(scratch: Path, *, threads: int = 1, memory: str = "214MiB") -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory. It spills to `scratch` rather than grow beyond `memory`, a whole number of MiB.

    The limit counts what the engine reserves, several times what it touches. A second thread doubles both and gains
    nothing: the other processors are busy reading, and the destination has threads of its own.
    """
    import duckdb

    engine = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": memory,
            "threads": threads,
            "temp_directory": str(scratch),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
        },
    )
    engine.execute("SET TimeZone = 'UTC'")
    return engine


class Engine:
    """Statements to a cursor of the engine. Not thread-safe."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def do(self, statement: Composable, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run a statement to its end: a connection with an unfinished result takes no other work."""
        rows: list[tuple[object, ...]] = self._cursor.execute(statement.text, list(values)).fetchall()
        return rows

    def count(self, statement: Composable) -> int:
        """The one number that a statement answers, as that of rows it inserted; 0 for none."""
        rows = self.do(statement)
        return int(str(rows[0][0])) if rows else 0

    def insert(self, target: Composable, rows: Sequence[tuple[object, ...]]) -> None:
        """Put a few dozen rows of values into a table."""
        if rows:
            marks = COMMA.join(SQL("?") for _ in rows[0])
            statement = SQL("INSERT INTO {} VALUES ({})").format(target, marks)
            self._cursor.executemany(statement.text, [list(row) for row in rows])

    def stream(self, query: Composable) -> ArrowStream:
        """The rows of a query, computed as they are taken."""
        relation: ArrowStream = self._cursor.sql(query.text)
        return relation

    def widen(self) -> None:
        """Let a very wide board through. What is reserved is mostly not touched; better that than no table."""
        self.do(SQL("SET memory_limit = '2GiB'"))
        self.do(SQL("SET threads = 1"))

    def give_back(self) -> None:
        """Return memory that was freed to the system; DuckDB's allocator would keep some 50 MB of it.

        Whenever DuckDB is told its memory limit it empties its allocator (`BufferPool::SetLimit`), so it is told the
        limit that it has. DuckDB says it in MiB or GiB with one digit behind the point, which is exact for ours.
        """
        [(limit,)] = self.do(SQL("SELECT current_setting('memory_limit')"))
        self.do(SQL("SET memory_limit = {}").format(Literal(str(limit))))
