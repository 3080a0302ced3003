"""LOAD DATA LOCAL by two connections at once: one server thread reads a file more slowly than DuckDB writes it.

A staged table is invisible until it is sealed, so that nobody sees the one half without the other. The second
connection is opened when much has gone through the first, and is done without where the server grants none.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pymysql

from boardlift.destinations.mysql.cut import Cutter
from boardlift.destinations.mysql.errors import hint_of
from boardlift.destinations.mysql.feed import FEED
from boardlift.destinations.mysql.session import Session
from boardlift.errors import UNCHANGED, BoardliftError, DestinationError
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table
from boardlift.shape.types import Kind

_WORTH_A_SECOND = 1 << 21
"""Bytes after which a second connection is opened."""
_PIPE = 1 << 20


def load_file(
    session: Session,
    connect: Callable[[], Session],
    engine: duckdb.DuckDBPyConnection,
    select: Composable,
    target: Composable,
    table: Table,
) -> int:
    """Load the rows of a SELECT, inside the transaction that the caller opened on `session`. Returns how many.

    Raises DestinationError for a row that did not arrive as it is, and the driver's errors. What another connection
    loaded is undone then, too; it is committed when all rows have arrived.
    """
    statement = _statement(session, target, table)
    with _written(engine, select) as written:
        cutter = Cutter(written.feed)
        with _second(connect, cutter, statement) as second:
            try:
                arrived, trouble = run(session, cutter, statement)
            finally:
                cutter.stop()
                second.join()
            arrived += second.rows()
            expected, trouble = written.count(), trouble or second.trouble
            if trouble or arrived != expected:
                why = "".join(f"; {said}" for said in dict.fromkeys(trouble.values()))
                raise DestinationError(
                    f"{arrived} of {expected} rows of {table.name} could be loaded as they are{why}. {UNCHANGED}",
                    hint=hint_of(trouble),
                )
            second.commit()
    return arrived


def run(session: Session, cutter: Cutter, statement: Composable) -> tuple[int, dict[int, str]]:
    """Load until nothing is left: the rows that arrived, and the server's first warnings by number.

    Raises the driver's errors.
    """
    session.raw.feed = cutter.pieces()
    try:
        with session.raw.cursor() as cursor:
            arrived = int(cursor.execute(statement.text))
            warned = bool(cursor.warning_count)
    except BaseException:
        cutter.stop()
        raise
    finally:
        session.raw.feed = None
    if not warned:
        return arrived, {}
    cutter.stop()
    told = session.ask(SQL("SHOW WARNINGS LIMIT 3"))
    return arrived, {int(str(code)): str(said) for _, code, said in reversed(told)} or {0: "the server warned"}


def _statement(session: Session, target: Composable, table: Table) -> Composable:
    # Read as bytes, the server need not look for the end of each character; the columns still take UTF-8 alone.
    # MySQL makes no JSON from bytes.
    as_bytes = session.mariadb or all(column.type.kind is not Kind.JSON for column in table.columns)
    return SQL(
        "LOAD DATA LOCAL INFILE {} INTO TABLE {} CHARACTER SET {}"
        " FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY 0x0A ({})"
    ).format(
        Literal(FEED),
        target,
        SQL("binary") if as_bytes else SQL("utf8mb4"),
        COMMA.join(Identifier(column.name) for column in table.columns),
    )


@contextmanager
def _second(connect: Callable[[], Session], cutter: Cutter, statement: Composable) -> Iterator[_Lane]:
    lane = _Lane(connect, cutter, statement)
    try:
        yield lane
    finally:
        lane.close()


class _Lane:
    """The second connection, on a thread of its own, in a transaction of its own that waits for `commit`."""

    def __init__(self, connect: Callable[[], Session], cutter: Cutter, statement: Composable) -> None:
        self.trouble: dict[int, str] = {}
        self._arrived = 0
        self._session: Session | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._work, args=(connect, cutter, statement), name="boardlift load", daemon=True
        )
        self._thread.start()

    def _work(self, connect: Callable[[], Session], cutter: Cutter, statement: Composable) -> None:
        try:
            if not cutter.reached(_WORTH_A_SECOND):
                return
            with suppress(BoardliftError, pymysql.err.MySQLError):  # the first connection goes on alone
                self._session = connect()
            if self._session is not None:
                self._session.run(SQL("START TRANSACTION"))
                self._arrived, self.trouble = run(self._session, cutter, statement)
        except BaseException as error:  # noqa: BLE001 (it is raised again where the rows are counted)
            self._error = error
            cutter.stop()

    def join(self) -> None:
        self._thread.join()

    def rows(self) -> int:
        """The rows that arrived. Raises what stopped them."""
        if self._error is not None:
            raise self._error
        return self._arrived

    def commit(self) -> None:
        if self._session is not None:
            self._session.run(SQL("COMMIT"))

    def close(self) -> None:
        """What was not committed is undone."""
        if self._session is not None:
            self._session.undo()
            self._session.close()


class _Written:
    """What DuckDB writes, and how it went. `feed` is the file to read it from."""

    def __init__(self, feed: int) -> None:
        self.feed = feed
        self.rows = 0
        self.error: BaseException | None = None

    def write(self, engine: duckdb.DuckDBPyConnection, select: Composable, path: str) -> None:
        # NULL is the bare word; DuckDB puts quotes around a text that reads so.
        copy = SQL(
            "COPY ({}) TO {} (FORMAT csv, HEADER false, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR 'NULL')"
        ).format(select, Literal(path))
        try:
            self.rows = int(engine.execute(copy.text).fetchall()[0][0])
        except BaseException as error:  # noqa: BLE001 (it is raised again where the rows are counted)
            self.error = error

    def count(self) -> int:
        """The rows that were written. Raises what stopped the writing."""
        if self.error is not None:
            raise self.error
        return self.rows


@contextmanager
def _written(engine: duckdb.DuckDBPyConnection, select: Composable) -> Iterator[_Written]:
    if Path("/dev/fd").exists():
        yield from _through_pipe(engine, select)
    else:
        yield from _through_file(engine, select)


def _through_pipe(engine: duckdb.DuckDBPyConnection, select: Composable) -> Iterator[_Written]:
    out, into = os.pipe()
    _widen(into)
    written = _Written(out)

    def write() -> None:
        try:
            written.write(engine, select, f"/dev/fd/{into}")
        finally:
            os.close(into)  # the reader sees the end, however it came

    writer = threading.Thread(target=write, name="boardlift csv")
    writer.start()
    try:
        yield written
    finally:
        os.close(out)  # a writer that nobody reads from any more is told so
        writer.join()


def _widen(pipe: int) -> None:
    """A larger pipe lets the writer run ahead; Linux alone has such."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _through_file(engine: duckdb.DuckDBPyConnection, select: Composable) -> Iterator[_Written]:
    handle, path = tempfile.mkstemp(prefix="boardlift", suffix=".csv")
    try:
        written = _Written(handle)
        written.write(engine, select, path)
        written.count()
        yield written
    finally:
        os.close(handle)
        with suppress(OSError):
            Path(path).unlink()
