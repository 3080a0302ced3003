"""One connection to SQL Server, and the one place where a statement is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol, cast

import mssql_python

from boardlift.destinations.mssql.errors import DRIVER_ERRORS, is_lost, speaking
from boardlift.destinations.mssql.sql import Binary, batch
from boardlift.destinations.mssql.url import Address
from boardlift.shape.sql import SQL, Composable, Literal

Rows = list[tuple[object, ...]]

_LOGIN_SECONDS = 15
_CONTEXT_BYTES = 128
_PATIENCE_MS = 30_000

# In English, for the words of an error are all that the driver tells of it. With XACT_ABORT any error ends the
# transaction. Whoever is in a deadlock with us wins it.
_SETTINGS = (
    SQL("SET NOCOUNT ON"),
    SQL("SET XACT_ABORT ON"),
    SQL("SET ANSI_NULLS ON"),
    SQL("SET ANSI_PADDING ON"),
    SQL("SET ANSI_WARNINGS ON"),
    SQL("SET ARITHABORT ON"),
    SQL("SET CONCAT_NULL_YIELDS_NULL ON"),
    SQL("SET NUMERIC_ROUNDABORT OFF"),
    SQL("SET QUOTED_IDENTIFIER ON"),
    SQL("SET IMPLICIT_TRANSACTIONS OFF"),
    SQL("SET LANGUAGE us_english"),
    SQL("SET DEADLOCK_PRIORITY LOW"),
    SQL("SET TRANSACTION ISOLATION LEVEL READ COMMITTED"),
)
ROLL_BACK = SQL("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION")


class Cursor(Protocol):
    """What is used of the driver's cursor. Its `execute` sends a batch as it is."""

    description: Sequence[Sequence[object]] | None

    def execute(self, operation: str) -> object: ...
    def fetchall(self) -> Sequence[Sequence[object]]: ...
    def nextset(self) -> bool | None: ...
    def bulkcopy_arrow(
        self, table_name: str, source: object, *, timeout: int, table_lock: bool, keep_nulls: bool
    ) -> dict[str, int]: ...
    def close(self) -> None: ...


class Connection(Protocol):
    """What is used of the driver's connection."""

    def cursor(self) -> Cursor: ...
    def close(self) -> None: ...


Connect = Callable[[Address], Connection]


def connect(address: Address) -> Connection:
    """Open a connection in autocommit. Raises the driver's errors."""
    # A pooled connection is kept open when it is closed, and with it the lease.
    mssql_python.pooling(enabled=False)
    opened = mssql_python.connect(address.connection_string, autocommit=True, timeout=_LOGIN_SECONDS)
    return cast(Connection, opened)


class Session:
    """An open connection with our settings; `holder` is shown to whoever asks the server what this session is."""

    def __init__(self, address: Address, connector: Connect, holder: str = "") -> None:
        self.address = address
        self.alive = True
        with speaking(address, "be reached"):
            self._connection = connector(address)
            try:
                named = [SQL("SET CONTEXT_INFO {}").format(Binary(_context(holder)))] if holder else []
                self.send(batch([*_SETTINGS, lock_timeout(_PATIENCE_MS), *named]))
            except BaseException:
                self.close()
                raise

    def sets(self, statement: Composable) -> list[tuple[list[str], Rows]]:
        """Run a batch; names and rows of every result that has any. Raises the driver's errors.

        The errors of later statements come with later results, so all are read.
        """
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement.text)
            found: list[tuple[list[str], Rows]] = []
            while True:
                if cursor.description:
                    names = [str(column[0]) for column in cursor.description]
                    found.append((names, [tuple(row) for row in cursor.fetchall()]))
                if not cursor.nextset():
                    return found
        except DRIVER_ERRORS as error:
            self.alive = self.alive and not is_lost(error)
            raise
        finally:
            with suppress(*DRIVER_ERRORS):
                cursor.close()

    def send(self, statement: Composable) -> Rows:
        """Run a batch; the rows of its last result. Raises the driver's errors."""
        found = self.sets(statement)
        return found[-1][1] if found else []

    def ask(self, action: str, statement: Composable) -> Rows:
        """Run a batch; the rows of its last result. Raises DestinationError: `<identity> could not <action>`."""
        with speaking(self.address, action):
            return self.send(statement)

    def together(self, action: str, statements: Sequence[Composable]) -> None:
        """Run statements in one transaction. Raises DestinationError with none of them in effect."""
        if statements:
            with speaking(self.address, action), self.transaction():
                self.send(batch(statements))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is sent inside takes effect together, or not at all. Raises the driver's errors."""
        try:
            self.send(batch([SQL("BEGIN TRANSACTION")]))
            yield
            self.send(batch([SQL("COMMIT TRANSACTION")]))
        except BaseException:
            self.undo()
            raise

    def undo(self) -> None:
        """Leave no transaction open. Where that cannot be said, the server does it by itself."""
        try:
            self.send(batch([ROLL_BACK, lock_timeout(_PATIENCE_MS)]))
        except DRIVER_ERRORS:
            self.close()

    def load(self, table: str, rows: object) -> int:
        """Bulk copy an Arrow stream as one batch into a table; the rows that were sent. Raises the driver's errors."""
        cursor = self._connection.cursor()
        try:
            return int(cursor.bulkcopy_arrow(table, rows, timeout=0, table_lock=True, keep_nulls=True)["rows_copied"])
        finally:
            with suppress(*DRIVER_ERRORS):
                cursor.close()

    def close(self) -> None:
        self.alive = False
        with suppress(*DRIVER_ERRORS):
            self._connection.close()


def lock_timeout(milliseconds: int) -> Composable:
    """How long a statement of this session waits for a lock, from now on."""
    return SQL("SET LOCK_TIMEOUT {}").format(Literal(milliseconds))


def _context(holder: str) -> bytes:
    return holder.encode()[:_CONTEXT_BYTES].decode(errors="ignore").encode()
