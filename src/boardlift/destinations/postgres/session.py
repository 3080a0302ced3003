"""One connection in autocommit, on which transactions are written out as statements."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import psycopg
from psycopg.pq import TransactionStatus

from boardlift.destinations.postgres.inspect import Rows
from boardlift.shape.sql import SQL, Composable

# The path of the session as its user has it. PostgreSQL's own texts are read again on `pg_catalog` alone; what people
# wrote is run on theirs, for the functions that triggers and checks call may name tables without their schema.
PEOPLES_PATH = SQL("SET LOCAL search_path TO DEFAULT")
OUR_PATH = SQL("SET LOCAL search_path = pg_catalog")


_TOGETHER = 1000  # statements


class Session:
    """Sends statements and scripts of statements. Every failure is a psycopg.Error."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    @property
    def closed(self) -> bool:
        return self._connection.closed

    def ask(self, statement: Composable) -> Rows:
        """The rows of one statement."""
        return self.send(statement)

    def send(self, statement: Composable) -> Rows:
        """Run one statement or a script of them in one round trip; the rows of the last that has any."""
        cursor = self._connection.execute(statement.text.encode())
        rows: Rows = []
        while True:
            if cursor.description is not None:
                rows = cursor.fetchall()
            if not cursor.nextset():
                return rows

    def all_or_none(self, statements: Iterable[Composable]) -> None:
        """Run statements in a transaction of their own."""
        try:
            self.send(script([SQL("BEGIN"), *statements, SQL("COMMIT")]))
        except BaseException:
            self.undo()
            raise

    def in_parts(self, parts: Iterable[list[Composable]]) -> None:
        """Run lists of statements, each of them whole or not at all, many in one transaction and round trip."""
        some: list[Composable] = []
        for part in parts:
            some += part
            if len(some) >= _TOGETHER:
                self.all_or_none(some)
                some = []
        if some:
            self.all_or_none(some)

    def undo(self) -> None:
        """Leave no transaction open."""
        come_to_rest(self._connection)


class Script(Composable):
    """Statements for one round trip."""

    __slots__ = ("statements",)

    def __init__(self, statements: Iterable[Composable]) -> None:
        self.statements = tuple(statements)
        super().__init__(SQL("; ").join(self.statements).text)


def script(statements: Iterable[Composable]) -> Script:
    """Statements -> one message to the server."""
    return Script(statements)


def come_to_rest(connection: psycopg.Connection) -> None:
    """Leave no transaction open.

    Ctrl-C stops us in the middle of a statement: first take what the server still says, for until then nobody knows
    whether a COMMIT in it took place.
    """
    with suppress(psycopg.Error):  # where it cannot be said, the server does it by itself
        while connection.pgconn.transaction_status == TransactionStatus.ACTIVE and connection.pgconn.get_result():
            pass
        connection.rollback()
