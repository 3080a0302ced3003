"""Which DuckDB a URL means, how it is opened, and what DuckDB's errors mean to a person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import duckdb

from boardlift.destinations.one_file import refuse_hopeless
from boardlift.errors import ConfigError, DestinationError, PromotionConflict
from boardlift.shape.sql import SQL, Literal

MEMORY = ":memory:"
_BLOCK_BYTES = 65_536
_SIZE = re.compile(r"\d+(\.\d+)?\s*[KMGT]i?B", re.IGNORECASE)
_HOLDER = re.compile(r"\(PID (\d+)\)")
_LOCKED = re.compile(r"could not set lock|being used by another process|already open in", re.IGNORECASE)


class FileLocked(DestinationError):
    """Another process has the database file open; `holder` is what DuckDB says about it."""

    def __init__(self, message: str, hint: str, holder: str) -> None:
        super().__init__(message, hint)
        self.holder = holder


@dataclass(frozen=True)
class DuckFile:
    """What a `duckdb:` URL says. `path` is None for a database in memory."""

    path: Path | None
    memory_limit: str | None = None
    threads: int = 1

    def limit(self, columns: int) -> str:
        """What DuckDB may reserve: as the URL says, else enough to write a table of so many columns to the file."""
        return self.memory_limit or f"{max(100 if self.path else 200, columns * 3 // 4)}MB"

    def limit_of_copy(self, columns: int) -> str:
        """The same while a table of so many columns is copied: DuckDB gathers about 100,000 rows before it writes them,
        and moves them to and fro between memory and disk where they do not fit."""
        return self.memory_limit or f"{max(100 if self.path else 200, min(_MOST_OF_COPY, columns * 4))}MB"

    @property
    def log(self) -> Path:
        """What was committed since the last checkpoint; DuckDB removes the file when it has written all of it."""
        assert self.path is not None
        return self.path.with_name(f"{self.path.name}.wal")

    @property
    def identity(self) -> str:
        return f"duckdb:///{self.path.as_posix()}" if self.path else "duckdb:///:memory:"

    def open(self) -> duckdb.DuckDBPyConnection:
        """Open, making the file if it is missing. Raises DestinationError (FileLocked when another process has it)."""
        with speaking(self.identity, "be opened"):
            if self.path is not None:
                refuse_hopeless(self.path, "DuckDB", "duckdb:///warehouse.duckdb")
            if self.path and not self.path.exists():
                _make(self.path)
            connection = duckdb.connect(str(self.path) if self.path else MEMORY)
            try:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute("SET preserve_insertion_order = false")
                # What is appended is written once, into the file, instead of first to its log and held in memory.
                connection.execute("SET wal_autocheckpoint = '4MB'")
                # Nor is it merged into larger row groups: that reads and writes whole tables once more, and holds up to
                # 122,880 rows of all columns in memory.
                connection.execute("SET max_vacuum_tasks = 0")
                connection.execute(SQL("SET memory_limit = {}").format(Literal(self.limit(0))).text)
                connection.execute(SQL("SET threads = {}").format(Literal(self.threads)).text)
            except duckdb.Error:
                connection.close()
                raise
            return connection


def _make(path: Path) -> None:
    """A new file with small blocks.

    A table, a column or a key takes at least a block, and there are many small ones: with DuckDB's own 256 KB, 200
    boards of 50 items take 900 MB. With blocks of 16 KB long tables take three times as long to write. It is not asked
    for in the connection that stays, for DuckDB lets no other connection of this process open the file with other
    settings.
    """
    with duckdb.connect(MEMORY) as maker:
        maker.execute(SQL("ATTACH {} AS made (BLOCK_SIZE {})").format(Literal(str(path)), Literal(_BLOCK_BYTES)).text)
        maker.execute("DETACH made")


def read_url(url: str, namespace: str) -> DuckFile:
    """`duckdb:///relative.duckdb`, `duckdb:////absolute.duckdb`, `duckdb://` -> DuckFile.

    Raises ConfigError for anything else.
    """
    parts = urlsplit(url)
    if parts.scheme != "duckdb" or parts.netloc or parts.fragment:
        raise ConfigError(
            "The DuckDB URL is not of a form that boardlift knows.",
            hint="use duckdb:///relative.duckdb, duckdb:////absolute/path.duckdb or duckdb:///:memory:",
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(set(options) - {"memory_limit", "threads"}):
        raise ConfigError(
            f"The DuckDB URL has a parameter that boardlift does not know: {', '.join(unknown)}.",
            hint="memory_limit (as in 500MB) and threads (as in 2) may follow the `?`",
        )
    limit, threads = options.get("memory_limit"), options.get("threads")
    if limit is not None and not _SIZE.fullmatch(limit):
        raise ConfigError(f"memory_limit={limit} is not a size.", hint="write it as in memory_limit=500MB")
    if threads is not None and not (threads.isascii() and threads.isdigit() and int(threads) > 0):
        raise ConfigError(f"threads={threads} is not a number of threads.", hint="write it as in threads=2")
    where = unquote(parts.path.removeprefix("/"))
    path = None if where in {"", MEMORY} else Path(where).expanduser().absolute()
    if path is not None:
        _refuse_ambiguous(path, namespace)
    return DuckFile(path, limit, int(threads or 1))


def _refuse_ambiguous(path: Path, namespace: str) -> None:
    """DuckDB names the database after the file and then finds `monday.planning` in monday.duckdb ambiguous."""
    if path.name.split(".")[0].lower() in {namespace.lower(), f"{namespace}__boardlift".lower()}:
        raise ConfigError(
            f"The DuckDB file {path.name} and the namespace {namespace} have the same name; "
            f"DuckDB could not tell them apart when somebody asks for {namespace}.<table>.",
            hint="give the file another name, as in duckdb:///warehouse.duckdb, or change `namespace:`",
        )


@contextmanager
def speaking(identity: str, action: str) -> Iterator[None]:
    """Turn DuckDB's errors into ours: `<identity> could not <action>: <first line>`, and what to do about it."""
    try:
        yield
    except duckdb.Error as error:
        raise explain(error, identity, action) from error


def explain(error: duckdb.Error, identity: str, action: str) -> DestinationError:
    """The DestinationError for an error of DuckDB."""
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    lower = said.lower()
    if isinstance(error, duckdb.IOException) and _LOCKED.search(said):
        pid = _HOLDER.search(str(error))
        holder = f"process {pid[1]}" if pid else "another process"
        return FileLocked(
            f"{identity} is open in {holder}, and DuckDB lets only one process write.",
            hint="wait until that process ends, or close the file there (a notebook or the duckdb shell may have it)",
            holder=holder,
        )
    hint = _hint(error, lower)
    # A commit that the disk or the file's rights refuse is an error of the transaction, too.
    if isinstance(error, duckdb.TransactionException) and not hint:
        return PromotionConflict(
            f"{identity} could not {action}, because another connection changes the same tables: {said}",
            hint="run the same command again",
        )
    return DestinationError(f"{identity} could not {action}: {said}", hint=hint)


def _hint(error: duckdb.Error, said: str) -> str:
    if isinstance(error, duckdb.OutOfMemoryException):
        return "give DuckDB more memory in the destination's URL, as in ?memory_limit=1GB"
    if isinstance(error, duckdb.ConstraintException | duckdb.ConversionException):
        return "a staged value does not fit its column; the live tables are as they were"
    return next((hint for signs, hint in _HINTS if any(sign in said for sign in signs)), "")


_MOST_OF_COPY = 200
_HINTS = (
    (
        ("no space left", "disk full", "not enough space"),
        "free some disk space and run the same command again; the live tables are as they were",
    ),
    (
        ("permission denied", "read-only", "access is denied"),
        "let this user write the file and its folder",
    ),
    (
        ("not a valid duckdb",),
        "the file holds something else; move it away or correct `destination:` in boardlift.yaml",
    ),
    (
        ("version number", "newer version"),
        "the file was written by another DuckDB; install that version: python -m pip install -U duckdb",
    ),
)
