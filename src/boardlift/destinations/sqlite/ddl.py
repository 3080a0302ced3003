"""The statements that shape a table in SQLite. Nothing here talks to a database.

Tables are not STRICT, for STRICT knows five type names only. The declared type says what a column holds to people, to
tools and to `query`; SQLite itself reads an affinity from it. Decimals and JSON have TEXT in the name of their type,
because any other affinity would make numbers of them and lose digits. Values are cast before they come here.
"""

from __future__ import annotations

from collections.abc import Iterable

from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Column, Table
from boardlift.shape.types import Kind, SqlType

_TYPES: dict[Kind, Composable] = {
    Kind.TEXT: SQL("TEXT"),
    Kind.INTEGER: SQL("INT"),  # INTEGER as a key would be the row's number, and NULL in it the next free one
    Kind.BIGINT: SQL("BIGINT"),
    Kind.DOUBLE: SQL("DOUBLE"),
    Kind.BOOLEAN: SQL("BOOLEAN"),
    Kind.DATE: SQL("DATE"),
    Kind.TIME: SQL("TIME"),
    Kind.TIMESTAMP: SQL("TIMESTAMP"),
    Kind.JSON: SQL("JSON_TEXT"),
}


def column_type(type_: SqlType) -> Composable:
    """How SQLite spells one of our types."""
    if type_.kind is Kind.DECIMAL:
        return SQL("DECIMAL_TEXT({}, {})").format(Literal(type_.precision), Literal(type_.scale))
    return _TYPES[type_.kind]


def create_statement(name: str, table: Table, *, loose: bool = False) -> Composable:
    """An empty table with its key, which SQLite cannot add later. `loose`: without the key, and any value may miss."""
    parts = [_column(column, required=not loose and _is_required(column, table)) for column in table.columns]
    if table.key and not loose:
        parts.append(SQL("PRIMARY KEY ({})").format(COMMA.join(Identifier(key) for key in table.key)))
    return SQL("CREATE TABLE {} ({})").format(Identifier(name), COMMA.join(parts))


def index_statement(name: str, table: str, columns: Iterable[str], *, unique: bool) -> Composable:
    return SQL("CREATE {}INDEX {} ON {} ({})").format(
        SQL("UNIQUE ") if unique else SQL(""),
        Identifier(name),
        Identifier(table),
        COMMA.join(Identifier(column) for column in columns),
    )


def rename_statement(table: str, to: str) -> Composable:
    return SQL("ALTER TABLE {} RENAME TO {}").format(Identifier(table), Identifier(to))


def fill_statement(target: str, source: str) -> Composable:
    """All rows of a table into another of the same columns in the same order."""
    return SQL("INSERT INTO {} SELECT * FROM {}").format(Identifier(target), Identifier(source))


def copy_statement(target: str, source: str, table: Table, *, but_for: bool) -> Composable:
    """All rows of a table into another, but only the columns of `table`: a person may have put others beside them.

    `but_for` leaves out the rows whose `item_id` is in the JSON array that is bound to the statement.
    """
    names = COMMA.join(Identifier(column.name) for column in table.columns)
    statement = SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(
        Identifier(target), names, names, Identifier(source)
    )
    if not but_for:
        return statement
    return statement + SQL(" WHERE item_id IS NULL OR item_id NOT IN (SELECT value FROM json_each(?))")


def _is_required(column: Column, table: Table) -> bool:
    return not column.nullable or column.name in table.key


def _column(column: Column, *, required: bool) -> Composable:
    return SQL("{} {}{}").format(
        Identifier(column.name), column_type(column.type), SQL(" NOT NULL") if required else SQL("")
    )
