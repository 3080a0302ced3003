"""Leaving a SQL Server database without a trace."""

from __future__ import annotations

from collections.abc import Iterable

from boardlift.destinations.mssql.sql import Name, Text, texts
from boardlift.shape.sql import SQL, Composable


def strangers_statement(schema: str, ours: Iterable[str]) -> Composable:
    """The names of what lies in the live schema and is not boardlift's."""
    return SQL(
        "SELECT o.name FROM sys.objects AS o WHERE o.schema_id = SCHEMA_ID({}) AND o.parent_object_id = 0"
        " AND o.name NOT IN ({}) ORDER BY o.name"
    ).format(Text(schema), texts(sorted(ours) or [""]))


def drop_statements(schema: str, hidden: str, ours: Iterable[str], kept: Iterable[str]) -> list[Composable]:
    """Drop boardlift's tables, and both schemas if they are there."""
    places = [Name(schema, name) for name in ours] + [Name(hidden, name) for name in sorted(kept)]
    drops = [SQL("DROP TABLE IF EXISTS {}").format(place) for place in places]
    return [*drops, *(SQL("DROP SCHEMA IF EXISTS {}").format(Name(name)) for name in (schema, hidden))]
