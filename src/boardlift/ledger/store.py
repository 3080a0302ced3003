"""One SQLite file: opened with care, migrated, and used by name, in transactions, from any thread."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TypeVar

import msgspec

from boardlift.clock import Clock
from boardlift.errors import ConfigError
from boardlift.ledger.failures import explain, newer_ledger, not_a_ledger, unusable_place
from boardlift.ledger.statements import queries, script, split

MIGRATIONS = (
    "schema.sql",
    "attempts.sql",
    "memory.sql",
    "accounts.sql",
    "dirty.sql",
    "quick_names.sql",
    "incremental.sql",
    "left_behind.sql",
)
"""The n-th leads from layout n-1 to layout n and sets user_version itself."""
APPLICATION_ID = 0x424C4654  # "BLFT": tells a ledger from any other SQLite file
BUSY_SECONDS = 30.0

Value = str | int | float | datetime | Enum | None
T = TypeVar("T")

# Closing a descriptor of a file drops every POSIX lock the process has on it, SQLite's too: hence one at a time.
_opening = threading.Lock()


class Store:
    """The connection. Every method may be called from any thread; a transaction belongs to the thread that began it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: Path, migrations: Sequence[str] | None = None) -> Store:
        """Open or create the file at `path` and bring it to the newest layout.

        `migrations` are the scripts to use; the shipped ones when None.
        Raises ConfigError for an unusable place or file, BoardliftError when it is damaged or the disk is full.
        """
        scripts = [script(name) for name in MIGRATIONS] if migrations is None else migrations
        with _opening:
            _make_file(path)
            try:
                connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            except sqlite3.Error as error:
                raise explain(error, path) from error
            store = cls(path, connection)
            try:
                store._settle_in(scripts)
            except BaseException:
                store.close()
                raise
            return store

    def _settle_in(self, scripts: Sequence[str]) -> None:
        self.connection.row_factory = sqlite3.Row
        for pragma in ("PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL", "PRAGMA recursive_triggers = ON"):
            self._execute(pragma)
        with self.transaction():
            layout = self._layout(len(scripts))
            for text in scripts[layout:]:
                for statement in split(text):
                    self._execute(statement)
            self.change("touch")  # BEGIN IMMEDIATE is content with a file that may only be read
        # Not being able to change the mode just now (another process is reading) costs speed, not safety.
        with suppress(sqlite3.OperationalError):
            self.connection.execute("PRAGMA journal_mode = WAL").fetchall()

    def _layout(self, known: int) -> int:
        """The file's layout, 0 when it is new. Raises ConfigError when it is somebody else's or newer than `known`."""
        (mark,), *_ = self._execute("PRAGMA application_id")
        (layout,), *_ = self._execute("PRAGMA user_version")
        (objects,), *_ = self._execute("SELECT count(*) FROM sqlite_master")
        if mark != APPLICATION_ID and (mark or layout or objects):
            raise not_a_ledger(self.path)
        if int(layout) > known:
            raise newer_ledger(self.path, int(layout), known)
        return int(layout)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit everything done inside, durably, or nothing. The write lock is taken at once, so reads inside hold.

        One inside another is undone by itself and made durable with the outermost: many records cost one wait for the
        disk. Raises BoardliftError when the file cannot be locked or written.
        """
        with self._within("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def snapshot(self) -> Generator[None]:
        """All reads inside see one state of the ledger, while others write on."""
        with self._within("BEGIN"):
            yield

    @contextmanager
    def _within(self, begin: str) -> Generator[None]:
        with self._lock:
            # The lock is this thread's, so an open transaction is, too.
            inner = self.connection.in_transaction
            try:
                self._execute("SAVEPOINT inner_part" if inner else begin)
                yield
                self._execute("RELEASE inner_part" if inner else "COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self.connection.execute("ROLLBACK TO inner_part" if inner else "ROLLBACK")
                raise

    def change(self, query: str, **parameters: Value) -> int:
        """Run the named query and say how many rows it touched. Raises BoardliftError when the ledger refuses."""
        with self._lock:
            try:
                return self.connection.execute(queries()[query], _bound(parameters)).rowcount
            except sqlite3.Error as error:
                raise explain(error, self.path) from error

    def rows(self, query: str, row_type: type[T], **parameters: Value) -> list[T]:
        """The rows of the named query, each as a `row_type`. Raises BoardliftError when the file cannot be read."""
        found = self._execute(queries()[query], _bound(parameters))
        return [msgspec.convert(dict(row), row_type) for row in found]

    def problems(self) -> list[str]:
        """What SQLite's own inspection of the file finds; empty when it is sound."""
        found = [str(row[0]) for row in self._execute("PRAGMA integrity_check")]
        orphans = [f"a row of {row[0]} refers to nothing" for row in self._execute("PRAGMA foreign_key_check")]
        return [line for line in found if line != "ok"] + orphans

    def _execute(self, sql: str, parameters: dict[str, str | int | float | None] | None = None) -> list[sqlite3.Row]:
        with self._lock:
            try:
                with closing(self.connection.execute(sql, parameters or {})) as cursor:
                    return cursor.fetchall()
            except sqlite3.Error as error:
                raise explain(error, self.path) from error

    def close(self) -> None:
        with self._lock:
            self.connection.close()


class Part:
    """A chapter of the ledger: some verbs over the shared store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @contextmanager
    def together(self) -> Generator[None]:
        """Whatever is written inside is on disk, all of it, when this ends, or none of it."""
        with self._store.transaction():
            yield


def _make_file(path: Path) -> None:
    try:
        if path.is_dir():
            raise ConfigError(
                f"The ledger {path} is a folder; it has to be a file.", hint=f"for instance {path / 'ledger.sqlite'}"
            )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise unusable_place(path, error) from error


def _bound(parameters: dict[str, Value]) -> dict[str, str | int | float | None]:
    return {name: _plain(value) for name, value in parameters.items()}


def _plain(value: Value) -> str | int | float | None:
    match value:
        case Enum():
            return str(value.value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case str():
            # Half of a surrogate pair is legal in JSON and illegal in UTF-8; the ledger keeps it readable instead.
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case _:
            return value
