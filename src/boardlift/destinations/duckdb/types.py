"""How DuckDB spells our types: in its own tables, and in the rows that it casts on their way to any other place."""

from __future__ import annotations

from boardlift.shape.sql import SQL, Composable, Literal
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
