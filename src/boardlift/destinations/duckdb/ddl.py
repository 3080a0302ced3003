"""The statements that shape a table in DuckDB. Nothing here talks to a database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from boardlift.destinations.duckdb.types import column_type
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table


@dataclass(frozen=True)
class Shown:
    """What readers see of a live table: its columns in order, its label and theirs, where they have one.

    `theirs` are comments that people gave it ("") or its columns instead.
    """

    columns: tuple[str, ...]
    label: str
    labels: Mapping[str, str]
    theirs: Mapping[str, str] = field(default_factory=dict)


DECLARED_ROWS = 500_000
"""DuckDB holds an index in memory until it is written: 26 bytes a row, and far more while a key is added."""
_ONE_STEP_ROWS = 2_048
"""DuckDB reads so many rows in one step, with an index or without."""


def seal_statements(target: Composable, place: str, table: Table, rows: int) -> list[Composable]:
    """Key, NOT NULL, indexes and labels of a filled table; its note says that all of it was done.

    With very many rows there is no key and no index but unique ones, which say something of the rows: the gate has
    counted that the key is one, and DuckDB finds rows by the least and the largest value of each block. With few rows
    there is no index that nobody asked for, either: of many small tables they would be a quarter of the work.
    """
    large = rows > DECLARED_ROWS
    statements: list[Composable] = [
        SQL("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL").format(target, Identifier(column.name))
        for column in table.columns
        if (large and column.name in table.key) or (not column.nullable and column.name not in table.key)
    ]
    if table.key and not large:  # it says NOT NULL of its own
        key = COMMA.join(Identifier(name) for name in table.key)
        statements.append(SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(target, key))
    # After the key: DuckDB adds none to a table that has an index.
    statements += [
        SQL("CREATE {}INDEX {} ON {} ({})").format(
            SQL("UNIQUE ") if index.unique else SQL(""),
            Identifier(f"{place}__i{number}"),
            target,
            COMMA.join(Identifier(name) for name in index.columns),
        )
        for number, index in enumerate(table.indexes, 1)
        if index.unique or (not large and (index.asked or rows > _ONE_STEP_ROWS))
    ]
    statements.append(SQL("COMMENT ON TABLE {} IS {}").format(target, Literal(note(table))))
    return statements


_NOTE = "boardlift: "


def note(table: Table) -> str:
    """The labels of a sealed table in one comment: thirty comments on columns would take thirty statements."""
    labels = {column.name: column.label for column in table.columns if column.label}
    return _NOTE + json.dumps({"label": table.label, "columns": labels}, ensure_ascii=False)


def read_note(comment: str) -> tuple[str, dict[str, str]] | None:
    """The label of a table and of its columns; None for a comment that is not a note."""
    if not comment.startswith(_NOTE):
        return None
    found = json.loads(comment.removeprefix(_NOTE))
    return found["label"], found["columns"]


def create_statement(target: Composable, table: Table) -> Composable:
    """An empty table without key and labels: loading comes first."""
    columns = COMMA.join(
        SQL("{} {}").format(Identifier(column.name), column_type(column.type)) for column in table.columns
    )
    return SQL("CREATE TABLE {} ({})").format(target, columns)


def view_statements(live: Composable, stored: Composable, shown: Shown) -> list[Composable]:
    """Point a live name at a stored table, with the comments that only people know."""
    names = COMMA.join(Identifier(name) for name in shown.columns)
    statements = [SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {}").format(live, names, stored)]
    return statements + [comment_statement(live, name, text) for name, text in shown.theirs.items()]


def comment_statement(live: Composable, column: str, text: str) -> Composable:
    """Comment on a column of a view, or on the view itself ("")."""
    if not column:
        return SQL("COMMENT ON VIEW {} IS {}").format(live, Literal(text))
    return SQL("COMMENT ON COLUMN {}.{} IS {}").format(live, Identifier(column), Literal(text))


def empty_view_statement(live: Composable, table: Table) -> Composable:
    """A live name with the columns of `table` and no rows, to try what reads it."""
    columns = COMMA.join(
        SQL("CAST(NULL AS {}) AS {}").format(column_type(column.type), Identifier(column.name))
        for column in table.columns
    )
    return SQL("CREATE OR REPLACE VIEW {} AS SELECT {}").format(live, columns)
