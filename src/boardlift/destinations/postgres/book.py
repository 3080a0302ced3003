"""The catalogue of generations in PostgreSQL: its table, its rows, and what boardlift itself put on each table.

`made` is the part that tells boardlift's work from a person's: the comments, NOT NULLs, columns and indexes a table
went live with. What differs from it on the live table was done by a person, and stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from boardlift.destinations import catalogue
from boardlift.destinations.catalogue import CATALOGUE, CatalogueRow, SwapPlan
from boardlift.destinations.interface import Generation, State
from boardlift.destinations.postgres.ddl import type_name
from boardlift.destinations.postgres.inspect import Ask
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal
from boardlift.shape.table import Table

Member = tuple[str, int, str]
"""A table of a generation: group, number, live name."""


@dataclass(frozen=True)
class Made:
    """What boardlift put on one table. `comments` are by column; "" is the table's own. `types` are by column, as
    PostgreSQL spells them; tables of older versions have none.
    """

    comments: Mapping[str, str]
    not_null: tuple[str, ...]
    columns: tuple[str, ...]
    indexes: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """As it is written down."""
        return json.dumps(
            {
                "comments": dict(self.comments),
                "not_null": self.not_null,
                "columns": self.columns,
                "indexes": self.indexes,
                "types": dict(self.types),
            }
        )


def made_of(table: Table, indexes: set[str]) -> Made:
    """What a table of this shape goes live with."""
    comments = {column.name: column.label for column in table.columns if column.label}
    if table.label:
        comments[""] = table.label
    return Made(
        comments,
        tuple(column.name for column in table.columns if not column.nullable or column.name in table.key),
        tuple(column.name for column in table.columns),
        tuple(sorted(indexes)),
        {column.name: type_name(column.type) for column in table.columns},
    )


def merged_comments(live: Mapping[str, str | None], before: Made | None, after: Made | None) -> dict[str, str | None]:
    """The comments that a successor gets.

    A comment that a person wrote over boardlift's label stays, and so does one where there is no label, until the label
    itself changes: then it says what is newer. Without a record of the label, boardlift's is taken.
    """
    merged: dict[str, str | None] = {}
    mine = after.comments if after else {}
    base = before.comments if before else mine
    for name in {*live, *mine}:
        theirs, label, was = live.get(name), mine.get(name), base.get(name)
        if after is None:
            merged[name] = theirs
        elif before is None:
            merged[name] = label if label is not None else theirs
        else:
            merged[name] = theirs if theirs != was and label == was else label
    return merged


def create_statement(hidden: str) -> Composable:
    """The catalogue's table."""
    return SQL(
        "CREATE TABLE IF NOT EXISTS {} (group_key text NOT NULL, generation bigint NOT NULL,"
        " ordinal integer NOT NULL, table_name text NOT NULL, hidden_name text NOT NULL,"
        " state text NOT NULL CHECK (state IN ('live', 'kept')), run_id text NOT NULL,"
        " rows bigint NOT NULL, fingerprint text NOT NULL, promoted_at timestamptz NOT NULL, made jsonb,"
        " PRIMARY KEY (group_key, generation, ordinal))"
    ).format(Identifier(hidden, CATALOGUE))


def read_made(ask: Ask, hidden: str) -> dict[Member, Made]:
    """What boardlift put on each stored table, as far as it was written down."""
    found = {}
    statement = SQL("SELECT group_key, generation, table_name, made::text FROM {} WHERE made IS NOT NULL")
    for group, number, name, made in ask(statement.format(Identifier(hidden, CATALOGUE))):
        said = json.loads(str(made))
        found[str(group), int(str(number)), str(name)] = Made(
            said["comments"],
            tuple(said["not_null"]),
            tuple(said["columns"]),
            tuple(said["indexes"]),
            said.get("types", {}),
        )
    return found


def last_holders(ask: Ask, hidden: str) -> dict[tuple[str, str], str]:
    """Where the table of a group and name lies that was live last, of those that are kept."""
    statement = SQL(
        "SELECT DISTINCT ON (g.group_key, g.table_name) g.group_key, g.table_name, g.hidden_name FROM {} g"
        " JOIN pg_class c ON c.relname = g.hidden_name JOIN pg_namespace n"
        " ON n.oid = c.relnamespace AND n.nspname = {} WHERE g.state = 'kept'"
        " ORDER BY g.group_key, g.table_name, g.promoted_at DESC, g.generation DESC"
    ).format(Identifier(hidden, CATALOGUE), Literal(hidden))
    return {(str(group), str(name)): str(place) for group, name, place in ask(statement)}


def record_statements(hidden: str, plan: SwapPlan, made: Mapping[Member, Made]) -> list[Composable]:
    """The catalogue rows of a swap: what leaves is kept, what enters is live."""
    book = Identifier(hidden, CATALOGUE)
    where = SQL(" WHERE group_key = {} AND generation = {}")

    def keep(one: Generation) -> Composable:
        kept = SQL("UPDATE {} SET state = {}").format(book, Literal(State.KEPT.value))
        return kept + where.format(Literal(one.group), Literal(one.number))

    def add(rows: list[CatalogueRow]) -> list[Composable]:
        values = COMMA.join(_row(row, made.get((row.group, row.generation, row.name))) for row in rows)
        insert = SQL(
            "INSERT INTO {} (group_key, generation, ordinal, table_name, hidden_name, state, run_id, rows, fingerprint,"
            " promoted_at, made) VALUES {}"
        )
        return [insert.format(book, values)]

    def revive(one: Generation) -> Composable:
        live = SQL("UPDATE {} SET state = {}, run_id = {}, promoted_at = {}").format(
            book, Literal(State.LIVE.value), Literal(plan.run_id), _instant(one.promoted_at)
        )
        return live + where.format(Literal(one.group), Literal(one.number))

    return catalogue.written(plan, keep, add, revive)


def catalogue_row(row: Sequence[object]) -> CatalogueRow:
    """A row of the table, without `made`."""
    assert isinstance(row[9], datetime)
    return catalogue.read_row(row, row[9])


def _row(row: CatalogueRow, made: Made | None) -> Composable:
    return SQL("({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})").format(
        Literal(row.group),
        Literal(row.generation),
        Literal(row.ordinal),
        Literal(row.name),
        Literal(row.hidden_name),
        Literal(row.state.value),
        Literal(row.run_id),
        Literal(row.rows),
        Literal(row.fingerprint),
        _instant(row.promoted_at),
        Literal(made.text() if made else None),
    )


def _instant(moment: datetime) -> Composable:
    return SQL("{}::timestamptz").format(Literal(moment.isoformat()))
