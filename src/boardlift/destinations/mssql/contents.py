"""Fingerprints of rows and sizes of tables, reckoned by SQL Server itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from boardlift.destinations.mssql.inspect import whole
from boardlift.destinations.mssql.objects import ColumnFact
from boardlift.destinations.mssql.session import Rows, Session
from boardlift.destinations.mssql.sql import BINARY, Name, batch, texts
from boardlift.shape.sql import COMMA, SQL, Composable, Literal

_COLUMNS_OF_A_HASH = 100  # CONCAT takes 254 pieces
_PARTS = 4  # a hash of 256 bits is summed as four numbers of 64


def contents_statement(target: Composable, columns: Sequence[ColumnFact]) -> Composable:
    """The count of rows, and the sums of the parts of every row's hash: the order of rows does not matter.

    A hash is of the columns by name, each with its length before it, so that no two rows read alike. Of pieces none of
    which is NVARCHAR(MAX), CONCAT would silently keep 4,000 characters.
    """
    pieces = [_piece(column) for column in sorted(columns, key=lambda column: column.name)]
    groups = [pieces[start : start + _COLUMNS_OF_A_HASH] for start in range(0, len(pieces), _COLUMNS_OF_A_HASH)]
    hashes = [
        SQL("HASHBYTES('SHA2_256', CONCAT(CONVERT(NVARCHAR(MAX), N''), {}))").format(COMMA.join(group))
        for group in groups
    ]
    whole_row = hashes[0] if len(hashes) == 1 else SQL("HASHBYTES('SHA2_256', {})").format(SQL(" + ").join(hashes))
    sums = COMMA.join(
        SQL("COALESCE(SUM(CONVERT(DECIMAL(38, 0), CONVERT(BIGINT, SUBSTRING(h.digest, {}, 8)))), 0)").format(
            Literal(1 + 8 * part)
        )
        for part in range(_PARTS)
    )
    return SQL("SELECT COUNT_BIG(*), {} FROM (SELECT {} AS digest FROM {}) AS h").format(sums, whole_row, target)


def fingerprint(columns: Iterable[ColumnFact], rows: Rows) -> str:
    """A short text from the names of the columns and the one row of `contents_statement`."""
    names = sorted(column.name for column in columns)
    told = "\n".join([*names, *(str(whole(value)) for value in rows[0])])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def table_sizes(session: Session, schemas: Sequence[str]) -> dict[tuple[str, str], int]:
    """Bytes by (schema, table), indexes and values out of row included."""
    asked = SQL(
        "SELECT s.name, t.name, COALESCE(SUM(a.total_pages), 0) * 8192"
        " FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id"
        " JOIN sys.partitions AS p ON p.object_id = t.object_id"
        " JOIN sys.allocation_units AS a ON a.container_id = p.partition_id"
        " WHERE s.name IN ({}) GROUP BY s.name, t.name"
    ).format(texts(schemas))
    rows = session.ask("tell the sizes of tables", batch([asked]))
    return {(str(schema), str(name)): whole(size) for schema, name, size in rows}


def _piece(column: ColumnFact) -> Composable:
    name = Name(column.name)
    text = _as_text(column)
    return SQL("CASE WHEN {} IS NULL THEN N'-' ELSE CONCAT(DATALENGTH({}), N':', {}) END").format(name, text, text)


def _as_text(column: ColumnFact) -> Composable:
    """A value as text that no other value of its type has."""
    name = Name(column.name)
    kind = column.spelled.partition("(")[0].partition(" ")[0]
    if kind in ("NVARCHAR", "VARCHAR", "NCHAR", "CHAR"):
        # Texts of two collations cannot be joined.
        return SQL("CONVERT(NVARCHAR(MAX), {}) COLLATE {}").format(name, BINARY)
    if kind in ("FLOAT", "REAL"):
        return SQL("CONVERT(NVARCHAR(64), {}, 3)").format(name)  # 17 digits
    if kind in ("DATE", "TIME", "DATETIME2", "DATETIME"):
        return SQL("CONVERT(NVARCHAR(64), {}, 121)").format(name)
    if kind == "DATETIMEOFFSET":
        return SQL("CONVERT(NVARCHAR(64), SWITCHOFFSET({}, N'+00:00'), 121)").format(name)
    if kind in ("VARBINARY", "BINARY"):
        return SQL("CONVERT(NVARCHAR(MAX), {}, 1)").format(name)
    return SQL("CONVERT(NVARCHAR(64), {})").format(name)
