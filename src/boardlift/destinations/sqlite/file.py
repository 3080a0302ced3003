"""Which SQLite file a URL means, how it is opened and written to, and what SQLite's errors mean to a person."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from boardlift.clock import Clock
from boardlift.destinations.one_file import refuse_hopeless
from boardlift.destinations.sqlite.locks import writer_of
from boardlift.errors import UNCHANGED, CapabilityMissing, ConfigError, DestinationError, PromotionConflict
from boardlift.shape.sql import SQL, Composable, Literal

Rows = list[tuple[object, ...]]
Run = Callable[..., Rows]
"""`run(statement, values)`: one statement in, its rows out."""

OLDEST = (3, 34, 0)
_LOOK_MS = 1000  # SQLite waits so long for a lock before we look at the clock, and at Ctrl-C, again


@dataclass(frozen=True)
class Patience:
    """For how many seconds in all a lock is waited for. Readers notice nothing of it: nothing is held meanwhile."""

    seconds: float = 30.0


PATIENCE = Patience()


def read_url(url: str) -> Path:
    """`sqlite:///relative.db`, `sqlite:////absolute/path.db` -> the file. Raises ConfigError for anything else."""
    parts = urlsplit(url)
    where = unquote(parts.path.removeprefix("/"))
    if parts.scheme != "sqlite" or parts.netloc or parts.query or parts.fragment or where in {"", ":memory:"}:
        raise ConfigError(
            "The SQLite URL is not of a form that boardlift knows: it names a file and has no options.",
            hint="use sqlite:///relative.db or sqlite:////absolute/path.db",
        )
    return Path(where).expanduser().absolute()


class SQLiteFile:
    """One file and, once it is needed, the one connection to it."""

    def __init__(self, path: Path, clock: Clock, patience: Patience | None = None) -> None:
        self.path = path
        self._clock = clock
        self._patience = patience or PATIENCE
        self._open: sqlite3.Connection | None = None

    @property
    def identity(self) -> str:
        return f"sqlite:///{self.path.as_posix()}"

    @property
    def missing(self) -> bool:
        return self._open is None and not self.path.exists()

    def connection(self) -> sqlite3.Connection:
        """Open, making the file if it is missing. Raises DestinationError."""
        if self._open is None:
            refuse_old(sqlite3.sqlite_version_info)
            self.refuse_hopeless()
            with self.speaking("be opened"):
                opened = sqlite3.connect(
                    self.path,
                    timeout=_LOOK_MS / 1000,
                    isolation_level=None,
                    check_same_thread=False,
                    # A remembered statement would not be compiled again, and compiling is how we see what still works.
                    cached_statements=0,
                )
                try:
                    settle(opened)
                    # Safe against corruption, also when the machine fails; the swap itself is written through.
                    opened.execute("PRAGMA synchronous = NORMAL")
                    opened.execute("SELECT count(*) FROM sqlite_master")
                except BaseException:
                    opened.close()
                    raise
            self._open = opened
        return self._open

    def close(self) -> None:
        if self._open is not None:
            connection, self._open = self._open, None
            connection.close()

    def refuse_hopeless(self) -> None:
        """Raise DestinationError where no file can be."""
        refuse_hopeless(self.path, "SQLite", "sqlite:///warehouse.db")

    def use_wal(self) -> None:
        """Let readers read while we write; the file remembers it. Raises CapabilityMissing where that cannot be."""
        with self.speaking("be prepared"):
            (mode,) = self._insist(SQL("PRAGMA journal_mode = WAL"), "be prepared")[0]
        if str(mode).lower() != "wal":
            raise CapabilityMissing(
                f"{self.identity} cannot keep a write-ahead log (journal mode {mode}), so readers would have to wait.",
                hint="put the file on a local disk; network file systems do not have what SQLite needs",
            )

    def run(self, statement: Composable, values: Sequence[object] = ()) -> Rows:
        with self.speaking("be read"):
            return self.connection().execute(statement.text, tuple(values)).fetchall()

    @contextmanager
    def transaction(self, action: str, *, keep: bool = True, durable: bool = False) -> Iterator[Run]:
        """Statements together, all or none. `keep=False` undoes them; `durable` waits until the disk has them.

        Raises PromotionConflict when somebody else holds the write lock for longer than we have patience.
        """
        connection = self.connection()

        def run(statement: Composable, values: Sequence[object] = ()) -> Rows:
            return connection.execute(statement.text, tuple(values)).fetchall()

        with self.speaking(action):
            if durable:
                connection.execute("PRAGMA synchronous = FULL")
            try:
                self._insist(SQL("BEGIN IMMEDIATE"), action)
                yield run
                connection.execute("COMMIT" if keep else "ROLLBACK")
            finally:
                # Only what failed is still open here.
                if connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                with suppress(sqlite3.Error):
                    connection.execute("PRAGMA synchronous = NORMAL")

    def checkpoint(self) -> None:
        """Move what the log holds into the file, as far as readers allow it just now. Waits for nobody."""
        connection = self.connection()
        with suppress(sqlite3.Error):
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.execute(SQL("PRAGMA busy_timeout = {}").format(Literal(_LOOK_MS)).text)

    @contextmanager
    def speaking(self, action: str) -> Iterator[None]:
        """Turn SQLite's errors into ours: `<identity> could not <action>: <what it said>`, and what to do about it."""
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise explain(error, self.identity, action) from error

    def _insist(self, statement: Composable, action: str) -> Rows:
        """Run a statement that needs a lock, again and again while somebody else has it and patience lasts."""
        deadline = self._clock.monotonic() + self._patience.seconds
        while True:
            try:
                return self.connection().execute(statement.text).fetchall()
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                if self._clock.monotonic() < deadline:
                    continue
                who = writer_of(self.path) or "SQLite cannot tell which"
                raise PromotionConflict(
                    f"{self.identity} could not {action} within {self._patience.seconds:g} s, because another "
                    f"connection has it locked for writing ({who}). {UNCHANGED}",
                    hint="let it commit, or end that program, then run the same command again",
                ) from error


def settle(connection: sqlite3.Connection) -> None:
    """The state in which a table can be renamed and all that names it goes on naming the name, not the table."""
    connection.execute("PRAGMA legacy_alter_table = ON")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA recursive_triggers = OFF")


def refuse_old(version: tuple[int, ...]) -> None:
    """Raise CapabilityMissing for a SQLite before the oldest that boardlift takes."""
    if version < OLDEST:
        have, need = (".".join(str(part) for part in each) for each in (version, OLDEST))
        raise CapabilityMissing(
            f"This Python comes with SQLite {have}; boardlift needs {need} or later.",
            hint="run boardlift with a newer Python build; the SQLite library is part of it",
        )


def is_busy(error: BaseException) -> bool:
    """Whether somebody else's lock is the reason."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def explain(error: Exception, identity: str, action: str) -> DestinationError:
    """The DestinationError for an error of SQLite."""
    said = str(error).strip() or type(error).__name__
    message = f"{identity} could not {action}: {said}"
    if is_busy(error):
        return PromotionConflict(message, hint="another program has the file locked; run the same command again")
    if isinstance(error, sqlite3.IntegrityError):
        return DestinationError(
            message, hint="a staged value does not fit its column; the live tables are as they were"
        )
    lower = said.lower()
    return DestinationError(message, hint=next((hint for sign, hint in _HINTS.items() if sign in lower), ""))


_HINTS = {
    "disk is full": "free some disk space and run the same command again; the live tables are as they were",
    "disk i/o": "look at the disk: it needs free space, and no faults; the live tables are as they were",
    "too many columns": "leave columns out with `exclude: true` in boardlift.yaml; SQLite takes 2,000",
    "readonly": "let this user write the file and its folder",
    "read-only": "let this user write the file and its folder",
    "unable to open": "let this user read and write the file and its folder",
    "not a database": "the file holds something else; move it away or correct `destination:` in boardlift.yaml",
    "malformed": "the file is damaged; restore it from a backup, or move it away and sync anew",
    "already exists": "rename or drop what has the name, or give the board another `table:` name in boardlift.yaml",
    "not authorized": "write a single SELECT",
    "one statement at a time": "write a single SELECT",
}
