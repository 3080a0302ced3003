"""The statements that shape a table in DuckDB. Nothing here talks to a database."""

from __future__ import annotations

from collections.abc import Sequence

from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table
from boardlift.shape.types import Kind, SqlType

_TYPES: dict[Kind, Composable] = {
    Kind.TEXT: SQL("VARCHAR"),
    Kind.INTEGER: SQL("INTEGER"),
    Kind.BIGINT: SQL("BIGINT"),
    Kind.DOUBLE: SQL("DOUBLE"),
    Kind.BOOLEAN: SQL("BOOLEAN"),
    Kind.DATE: SQL("DATE"),
    Kind.TIME: SQL("TIME"),
    Kind.TIMESTAMP: SQL("TIMESTAMPTZ"),
    Kind.JSON: SQL("JSON"),
}


def column_type(type_: SqlType) -> Composable:
    """How DuckDB spells one of our types."""
    if type_.kind is Kind.DECIMAL:
        return SQL("DECIMAL({}, {})").format(Literal(type_.precision), Literal(type_.scale))
    return _TYPES[type_.kind]


def seal_statements(target: Composable, table: Table) -> list[Composable]:
    statements: list[Composable] = [
        SQL("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL").format(target, Identifier(column.name))
        for column in table.columns
        if not column.nullable or column.name in table.key
    ]
    if table.key:
        key = COMMA.join(Identifier(name) for name in table.key)
        statements.append(SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(target, key))
    statements += [
        SQL("COMMENT ON COLUMN {}.{} IS {}").format(target, Identifier(column.name), Literal(column.label))
        for column in table.columns
        if column.label
    ]
    if table.label:
        statements.append(SQL("COMMENT ON TABLE {} IS {}").format(target, Literal(table.label)))
    return statements


def create_statement(target: Composable, table: Table) -> Composable:
    """An empty table without key and labels: loading comes first."""
    columns = COMMA.join(
        SQL("{} {}").format(Identifier(column.name), column_type(column.type)) for column in table.columns
    )
    return SQL("CREATE TABLE {} ({})").format(target, columns)


def view_statements(
    live: Composable, stored: Composable, columns: Sequence[tuple[str, str]], comment: str
) -> list[Composable]:
    """Point a live name at a stored table. `columns` are (name, label) pairs; labels are carried over to the view."""
    names = COMMA.join(Identifier(name) for name, _ in columns)
    statements = [SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {}").format(live, names, stored)]
    statements += [
        SQL("COMMENT ON COLUMN {}.{} IS {}").format(live, Identifier(name), Literal(label))
        for name, label in columns
        if label
    ]
    if comment:
        statements.append(SQL("COMMENT ON VIEW {} IS {}").format(live, Literal(comment)))
    return statements
