"""The statements that shape and seal a table in MariaDB and MySQL. Nothing here talks to a server."""

from __future__ import annotations

import hashlib
import re

from boardlift.destinations.mysql.session import Session
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import Kind, SqlType

OURS = "boardlift"
"""The comment of the indexes that boardlift makes by itself."""

_KEY_BYTES = 3072
_WIDEST_KEY_TEXT = 512
_TYPES: dict[Kind, tuple[Composable, int]] = {  # the type and the bytes it takes in a key
    Kind.TEXT: (SQL("longtext"), 0),
    Kind.INTEGER: (SQL("int"), 4),
    Kind.BIGINT: (SQL("bigint"), 8),
    Kind.DECIMAL: (SQL("decimal"), 20),
    Kind.DOUBLE: (SQL("double"), 8),
    Kind.BOOLEAN: (SQL("tinyint(1)"), 1),
    Kind.DATE: (SQL("date"), 3),
    Kind.TIME: (SQL("time(6)"), 6),
    Kind.TIMESTAMP: (SQL("datetime(6)"), 8),  # a TIMESTAMP of these engines ends in 2038
    Kind.JSON: (SQL("json"), 0),
}
_OUTSIDE_BMP = re.compile(r"[^\u0000-\uFFFF]")
_NAME_LENGTH = 64


def keyed_texts(table: Table) -> dict[str, int]:
    """The text columns that must be compared whole, in a key or a unique index -> the characters they may hold."""
    widths: dict[str, int] = {}
    for columns in (table.key, *(index.columns for index in table.indexes if index.unique)):
        texts = [name for name in columns if table.column(name).type.kind is Kind.TEXT]
        for name in texts:
            width = min(_WIDEST_KEY_TEXT, _room(table, columns) // (4 * len(texts)))
            widths[name] = min(width, widths.get(name, width))
    return widths


def _room(table: Table, columns: tuple[str, ...]) -> int:
    return _KEY_BYTES - sum(_TYPES[table.column(name).type.kind][1] for name in columns)


def column_type(type_: SqlType, width: int | None = None) -> Composable:
    """How these engines spell one of our types; `width` is that of a text that is part of a key."""
    if width is not None:
        return SQL("varchar({})").format(Literal(width))
    if type_.kind is Kind.DECIMAL:
        return SQL("decimal({},{})").format(Literal(type_.precision), Literal(type_.scale))
    return _TYPES[type_.kind][0]


def column_definition(column: Column, widths: dict[str, int], *, required: bool) -> Composable:
    """A column as CREATE TABLE, ADD COLUMN and MODIFY COLUMN take it."""
    parts = [Identifier(column.name), column_type(column.type, widths.get(column.name))]
    parts.append(SQL("NOT NULL") if required else SQL("NULL"))
    if column.label:
        parts.append(SQL("COMMENT {}").format(Literal(comment(column.label, 1024))))
    return SQL(" ").join(parts)


def comment(text: str, limit: int) -> str:
    """A label as a comment can hold it: the data dictionary knows no character beyond U+FFFF, so `\\u{1F389}`."""
    plain = _OUTSIDE_BMP.sub(lambda found: f"\\u{{{ord(found[0]):X}}}", text).replace("\0", "")
    return plain if len(plain) <= limit else f"{plain[: limit - 3]}..."


def create_statement(target: Composable, table: Table, session: Session) -> Composable:
    """An empty table without a key: rows come first, and bad keys are counted, not refused."""
    widths = keyed_texts(table)
    return SQL(
        "CREATE TABLE {} ({}) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE {} COMMENT {}"
    ).format(
        target,
        COMMA.join(column_definition(column, widths, required=False) for column in table.columns),
        session.collation,
        Literal(comment(table.label, 2048)),
    )


def seal_statement(target: Composable, table: Table, present: set[str]) -> Composable | None:
    """NOT NULL, the key and the indexes in one pass; None when nothing is left to do. `present` are index names."""
    widths = keyed_texts(table)
    if table.key and "PRIMARY" in present:
        return None
    parts: list[Composable] = [
        SQL("MODIFY COLUMN {}").format(column_definition(column, widths, required=True))
        for column in table.columns
        if not column.nullable or column.name in table.key
    ]
    if table.key:
        parts.append(SQL("ADD PRIMARY KEY ({})").format(COMMA.join(Identifier(name) for name in table.key)))
    parts += [_index(table, index, widths) for index in table.indexes if index_name(index) not in present]
    return SQL("ALTER TABLE {} {}").format(target, COMMA.join(parts)) if parts else None


def index_name(index: Index) -> str:
    """The name of an index that boardlift makes: `by_status_due`; a hash where that is too long."""
    name = "_".join(("only" if index.unique else "by", *index.columns))
    if len(name) <= _NAME_LENGTH:
        return name
    return f"by_{hashlib.sha256(name.encode()).hexdigest()[:24]}"


def _index(table: Table, index: Index, widths: dict[str, int]) -> Composable:
    long = [name for name in index.columns if table.column(name).type.kind in (Kind.TEXT, Kind.JSON)]
    share = _room(table, index.columns) // (4 * len(long)) if long else 0
    parts = []
    for name in index.columns:
        whole = name not in long or widths.get(name, share + 1) <= share
        parts.append(Identifier(name) if whole else SQL("{}({})").format(Identifier(name), Literal(min(share, 255))))
    return SQL("ADD {} {} ({}) COMMENT {}").format(
        SQL("UNIQUE INDEX") if index.unique else SQL("INDEX"),
        Identifier(index_name(index)),
        COMMA.join(parts),
        Literal(OURS),
    )
