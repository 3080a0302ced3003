"""The statements that shape and seal a table in PostgreSQL. Nothing here talks to a server."""

from __future__ import annotations

import hashlib

from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table
from boardlift.shape.types import Kind, SqlType

_TYPES: dict[Kind, Composable] = {
    Kind.TEXT: SQL("text"),
    Kind.INTEGER: SQL("integer"),
    Kind.BIGINT: SQL("bigint"),
    Kind.DOUBLE: SQL("double precision"),
    Kind.BOOLEAN: SQL("boolean"),
    Kind.DATE: SQL("date"),
    Kind.TIME: SQL("time"),
    Kind.TIMESTAMP: SQL("timestamptz"),
    Kind.JSON: SQL("jsonb"),
}
_CATALOGUE_NAMES = {Kind.TIME: "time without time zone", Kind.TIMESTAMP: "timestamp with time zone"}
_NAME_BYTES = 63


def column_type(type_: SqlType) -> Composable:
    """How PostgreSQL spells one of our types."""
    if type_.kind is Kind.DECIMAL:
        return SQL("numeric({}, {})").format(Literal(type_.precision), Literal(type_.scale))
    return _TYPES[type_.kind]


def type_name(type_: SqlType) -> str:
    """How PostgreSQL's catalogue spells one of our types."""
    if type_.kind is Kind.DECIMAL:
        return f"numeric({type_.precision},{type_.scale})"
    return _CATALOGUE_NAMES.get(type_.kind, _TYPES[type_.kind].text)


def brackets(table: Table) -> Composable:
    """Columns and key of a table, as they stand in the brackets of CREATE TABLE."""
    columns = COMMA.join(
        SQL("{} {}").format(Identifier(column.name), column_type(column.type)) for column in table.columns
    )
    if not table.key:
        return columns
    return columns + SQL(", PRIMARY KEY ({})").format(COMMA.join(Identifier(name) for name in table.key))


def create_statement(target: Composable, table: Table) -> Composable:
    """An empty table without key and labels: loading comes first."""
    columns = COMMA.join(
        SQL("{} {}").format(Identifier(column.name), column_type(column.type)) for column in table.columns
    )
    return SQL("CREATE TABLE {} ({})").format(target, columns)


def key_name(hidden_name: str) -> str:
    """The name of a generation's primary key; a hash where it would be cut, for a cut one could meet another."""
    name = f"{hidden_name}_pkey"
    if len(name.encode()) <= _NAME_BYTES:
        return name
    return f"pkey_{hashlib.sha256(hidden_name.encode()).hexdigest()[:24]}"


def key_statement(target: Composable, table: Table, hidden_name: str) -> Composable | None:
    """NOT NULL and the primary key in one pass over the table; None when it has neither."""
    parts: list[Composable] = [
        SQL("ALTER COLUMN {} SET NOT NULL").format(Identifier(column.name))
        for column in table.columns
        if not column.nullable or column.name in table.key
    ]
    if table.key:
        key = COMMA.join(Identifier(name) for name in table.key)
        parts.append(SQL("ADD CONSTRAINT {} PRIMARY KEY ({})").format(Identifier(key_name(hidden_name)), key))
    return SQL("ALTER TABLE {} {}").format(target, COMMA.join(parts)) if parts else None


def label_statements(target: Composable, table: Table) -> list[Composable]:
    """The labels of a table and its columns, as comments."""
    statements = [
        SQL("COMMENT ON COLUMN {}.{} IS {}").format(target, Identifier(column.name), Literal(column.label))
        for column in table.columns
        if column.label
    ]
    if table.label:
        statements.append(SQL("COMMENT ON TABLE {} IS {}").format(target, Literal(table.label)))
    return statements
