"""Stored generations looked at as a whole, inside SQLite: what they hold and how many bytes they take."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence

from boardlift.destinations.sqlite.file import Run
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_ARGUMENTS = 90  # SQLite's functions take 100 in some builds
_WHOLE = 2**256


class _RowSum:
    """The sum of the hashes of rows: in any order the same, and a doubled row counts twice."""

    def __init__(self) -> None:
        self._sum = 0
        self._rows = 0

    def step(self, *row: object) -> None:
        self._sum += int.from_bytes(_hash(*row), "big")
        self._rows += 1

    def finalize(self) -> str:
        return f"{self._rows}:{self._sum % _WHOLE:064x}"


def _hash(*values: object) -> bytes:
    # SQLite's values come as str, int, float, bytes or None, whose reprs differ whenever they do.
    return hashlib.sha256(repr(values).encode(errors="surrogatepass")).digest()


def fingerprint(connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> str:
    """A digest of the rows of a table, in whatever order they lie. Raises sqlite3.Error."""
    connection.create_function("boardlift_hash", -1, _hash, deterministic=True)
    connection.create_aggregate("boardlift_rows", -1, _RowSum)  # type: ignore[arg-type]  # any number of arguments
    pieces: list[Composable] = [Identifier(column) for column in columns]
    while len(pieces) > _ARGUMENTS:
        pieces = [
            SQL("boardlift_hash({})").format(COMMA.join(pieces[start : start + _ARGUMENTS]))
            for start in range(0, len(pieces), _ARGUMENTS)
        ]
    statement = SQL("SELECT boardlift_rows({}) FROM {}").format(COMMA.join(pieces), Identifier(table))
    (rows,) = connection.execute(statement.text).fetchone()
    return hashlib.sha256("\n".join([*columns, str(rows)]).encode()).hexdigest()


def has_page_list(run: Run) -> bool:
    """Whether this SQLite was built with the table that says to whom each page belongs."""
    return run(SQL("SELECT 1 FROM pragma_compile_options WHERE compile_options = 'ENABLE_DBSTAT_VTAB'")) != []


def bytes_by_pages(run: Run) -> dict[str, int]:
    """The pages of each table and of its indexes; reads the whole file."""
    statement = SQL(
        "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m ON m.name = s.name"
        " WHERE s.aggregate = TRUE GROUP BY m.tbl_name"
    )
    return {str(table): _whole(size) for table, size in run(statement)}


def bytes_by_share(run: Run) -> dict[str, int]:
    """An estimate where SQLite does not tell: the share of each table in the used pages, by its number of cells.

    bytes = (page_count - freelist_count) * page_size * cells of the table / cells of all tables, where a table has
    rows * (columns + columns in indexes + 1) cells.
    """
    pages, free, size = (
        _whole(run(statement)[0][0])
        for statement in (SQL("PRAGMA page_count"), SQL("PRAGMA freelist_count"), SQL("PRAGMA page_size"))
    )
    plain = SQL("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
    cells = {str(name): _cells(run, str(name)) for (name,) in run(plain)}
    total = max(1, sum(cells.values()))
    return {name: max(1, (pages - free) * size * count // total) for name, count in cells.items()}


def _cells(run: Run, table: str) -> int:
    width = SQL(
        "SELECT (SELECT count(*) FROM pragma_table_info({0})) + (SELECT count(*) FROM pragma_index_list({0}) AS l,"
        " pragma_index_info(l.name)) + 1"
    ).format(Literal(table))
    return _whole(run(width)[0][0]) * _whole(run(SQL("SELECT count(*) FROM {}").format(Identifier(table)))[0][0])


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
