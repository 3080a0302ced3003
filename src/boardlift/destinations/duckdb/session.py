"""One open DuckDB: its connection, its transactions, its names. Whatever DuckDB says comes back as our errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import duckdb

from boardlift.destinations.duckdb.file import DuckFile, speaking
from boardlift.destinations.duckdb.query import Rows
from boardlift.shape.sql import SQL, Composable, Identifier, Literal

Run = Callable[..., Rows]
"""(statement, values) -> rows, inside a transaction."""

_UNWRITTEN_BYTES = 25 * 1024 * 1024
_MOST_UNWRITTEN = 600
_MEMORY_BLOCK_BYTES = 256 * 1024
_KEY_BYTES = 26  # of a key, for each row
_CACHE = "4MB"  # what may stay of the file's blocks after each checkpoint


class Session:
    """A connection that opens when it is first used, and again after a fatal error. Not thread-safe."""

    def __init__(self, file: DuckFile) -> None:
        self.file = file
        self._open: duckdb.DuckDBPyConnection | None = None
        self._database = ""
        self._widest = 0
        self._unwritten = 0
        self._most_unwritten = 0
        self._block = 0

    @property
    def identity(self) -> str:
        return self.file.identity

    def open(self) -> duckdb.DuckDBPyConnection:
        """The connection, opened if need be. Raises DestinationError (FileLocked when another process has it)."""
        if self._open is None:
            self._open = self.file.open()
            self._reserve(self._open)
            with speaking(self.identity, "be read"):
                self._database = str(self._open.execute("SELECT current_database()").fetchall()[0][0])
        return self._open

    @property
    def missing(self) -> bool:
        """Whether there is no file yet, and nothing was opened."""
        return self._open is None and self.file.path is not None and not self.file.path.exists()

    def at(self, *names: str) -> Identifier:
        """A path that begins with the database, so that no schema of the same name can come between."""
        self.open()
        return Identifier(self._database, *names)

    def ask(self, statement: Composable, values: Sequence[object] = ()) -> Rows:
        """Run one statement by itself."""
        connection = self.open()
        with speaking(self.identity, "be read"):
            return connection.execute(statement.text, list(values)).fetchall()

    @contextmanager
    def transaction(self, action: str, *, keep: bool = True) -> Iterator[Run]:
        """Run statements together; all of them or none. `keep=False` tries and undoes."""
        connection = self.open()

        def run(statement: Composable, values: Sequence[object] = ()) -> Rows:
            return connection.execute(statement.text, list(values)).fetchall()

        with speaking(self.identity, action):
            try:
                connection.execute("BEGIN TRANSACTION")
                yield run
                connection.execute("COMMIT" if keep else "ROLLBACK")
            except BaseException:
                self._abandon(connection)
                raise

    def tables(self, namespace: str) -> dict[str, str]:
        """Names in a schema of this database -> what they are (`BASE TABLE`, `VIEW`)."""
        statement = SQL(
            "SELECT table_name, table_type FROM information_schema.tables"
            " WHERE table_catalog = current_database() AND table_schema = $1"
        )
        return {str(name): str(kind) for name, kind in self.ask(statement, [namespace])}

    def make_room(self, columns: int) -> None:
        """Let DuckDB reserve what the widest table of this run needs: it writes all columns of a table at once."""
        if columns > self._widest:
            self._widest = columns
            self._reserve(self.open())

    @contextmanager
    def roomy(self, columns: int) -> Iterator[None]:
        """Let DuckDB reserve for a while what copying a table of so many columns takes."""
        connection = self.open()
        with speaking(self.identity, "set its memory limit"):
            connection.execute(SQL("SET memory_limit = {}").format(Literal(self.file.limit_of_copy(columns))).text)
        try:
            yield
        finally:
            if self._open is not None:  # not after a fatal error
                self._reserve(self._open)

    def relieve(self, tables: int = 1) -> None:
        """Let go of memory: every key holds a block and every new column 4 KB until they are written to the file."""
        self._unwritten += tables
        if self.file.path is None:
            return
        if self._unwritten >= self.unwritten:
            self._unwritten = 0
            with suppress(duckdb.Error):  # somebody else is writing; the next time will do
                self.open().execute("CHECKPOINT")
        if not self.file.log.exists():
            self._forget()

    def _forget(self) -> None:
        """Empty the cache. What was written is not read again soon, and DuckDB would keep it up to its limit."""
        connection = self.open()
        with suppress(duckdb.OutOfMemoryException):  # something is in use; the rest has gone
            connection.execute(SQL("SET memory_limit = {}").format(Literal(_CACHE)).text)
        self._reserve(connection)

    @property
    def unwritten(self) -> int:
        """How many tables are filled or sealed between two checkpoints."""
        if not self._most_unwritten:
            self._most_unwritten = min(_MOST_UNWRITTEN, max(1, _UNWRITTEN_BYTES // self._block_bytes()))
        return self._most_unwritten

    @property
    def rows_like_a_table(self) -> int:
        """Rows whose key takes as much memory as the least that any key takes."""
        return self._block_bytes() // _KEY_BYTES

    def _block_bytes(self) -> int:
        if not self._block:
            size = SQL("SELECT block_size FROM pragma_database_size() WHERE database_name = current_database()")
            self._block = int(str(self.ask(size)[0][0])) or _MEMORY_BLOCK_BYTES  # a database in memory says 0
        return self._block

    def close(self) -> None:
        if self._open is not None:
            connection, self._open = self._open, None
            with speaking(self.identity, "be closed"):
                connection.close()

    def _reserve(self, connection: duckdb.DuckDBPyConnection) -> None:
        with speaking(self.identity, "set its memory limit"):
            connection.execute(SQL("SET memory_limit = {}").format(Literal(self.file.limit(self._widest))).text)

    def _abandon(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            connection.execute("ROLLBACK")
        except duckdb.Error:
            self._open = None  # after a fatal error or a failed commit; the next call opens the file again
            connection.close()
