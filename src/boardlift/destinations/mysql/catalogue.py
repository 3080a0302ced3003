"""The catalogue of generations as tables of MariaDB and MySQL, and the notes that outlive a crash beside it.

A swap here is one RENAME TABLE, which is atomic but takes part in no transaction. So the catalogue travels in the same
statement: the next one is written beside it, and the two change names together with the tables they tell of.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from boardlift.destinations import catalogue
from boardlift.destinations.catalogue import CATALOGUE, CatalogueRow, SwapPlan
from boardlift.destinations.interface import Generation, State
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

NEXT = f"{CATALOGUE}_next"
PREVIOUS = f"{CATALOGUE}_previous"
NOTES = "notes"
OWN_TABLES = frozenset({CATALOGUE, NEXT, PREVIOUS, NOTES})


def create_statements(hidden: str) -> list[Composable]:
    """The catalogue and the notes, if they are missing. Keys compare byte by byte; `utf8mb4_bin` is in both engines."""
    return [
        SQL(
            "CREATE TABLE IF NOT EXISTS {} (group_key varchar(255) NOT NULL, generation bigint NOT NULL,"
            " ordinal int NOT NULL, table_name varchar(64) NOT NULL, hidden_name varchar(64) NOT NULL,"
            " state varchar(8) NOT NULL, run_id varchar(255) NOT NULL, row_count bigint NOT NULL,"
            " fingerprint varchar(64) NOT NULL, promoted_at datetime(6) NOT NULL,"
            " PRIMARY KEY (group_key, generation, ordinal))"
            " ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        ).format(Identifier(hidden, CATALOGUE)),
        notes_statement(hidden),
    ]


def notes_statement(hidden: str) -> Composable:
    """Who holds the lease, and which generation was last written into live tables, by subject."""
    return SQL(
        "CREATE TABLE IF NOT EXISTS {} (subject varchar(300) NOT NULL PRIMARY KEY, said text NOT NULL,"
        " at datetime(6) NOT NULL) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
    ).format(Identifier(hidden, NOTES))


def note_statement(hidden: str, subject: str, said: str) -> Composable:
    return SQL("REPLACE INTO {} (subject, said, at) VALUES ({}, {}, utc_timestamp(6))").format(
        Identifier(hidden, NOTES), Literal(subject), Literal(said)
    )


def filled(group: str) -> str:
    """The subject of the note that says which generation the live tables of a group were last filled with."""
    return f"filled {group}"


def rows_statement(book: Composable, group: str | None) -> Composable:
    """The question whose rows `catalogue_row` reads."""
    only = SQL(" WHERE group_key = {}").format(Literal(group)) if group is not None else SQL("")
    return SQL(
        "SELECT group_key, generation, ordinal, table_name, hidden_name, state, run_id, row_count, fingerprint,"
        " promoted_at FROM {}{}"
    ).format(book, only)


def catalogue_row(row: Sequence[object]) -> CatalogueRow:
    assert isinstance(row[9], datetime)
    return catalogue.read_row(row, row[9])


def next_statements(hidden: str, plan: SwapPlan) -> list[Composable]:
    """The catalogue as it will be after the swap, beside the one that is."""
    book, coming = Identifier(hidden, CATALOGUE), Identifier(hidden, NEXT)
    return [
        SQL("DROP TABLE IF EXISTS {}").format(coming),
        SQL("CREATE TABLE {} LIKE {}").format(coming, book),
        SQL("INSERT INTO {} SELECT * FROM {}").format(coming, book),
        *record_statements(coming, plan),
    ]


def record_statements(book: Composable, plan: SwapPlan) -> list[Composable]:
    """The catalogue rows of a swap: what leaves is kept, what enters is live."""
    where = SQL(" WHERE group_key = {} AND generation = {}")

    def keep(one: Generation) -> Composable:
        kept = SQL("UPDATE {} SET state = {}").format(book, Literal(State.KEPT.value))
        return kept + where.format(Literal(one.group), Literal(one.number))

    def add(rows: list[CatalogueRow]) -> list[Composable]:
        return [SQL("INSERT INTO {} VALUES {}").format(book, COMMA.join(_row(row) for row in rows))]

    def revive(one: Generation) -> Composable:
        live = SQL("UPDATE {} SET state = {}, run_id = {}, promoted_at = {}").format(
            book, Literal(State.LIVE.value), Literal(plan.run_id), _instant(one.promoted_at)
        )
        return live + where.format(Literal(one.group), Literal(one.number))

    return catalogue.written(plan, keep, add, revive)


def _row(row: CatalogueRow) -> Composable:
    return SQL("({}, {})").format(COMMA.join(Literal(value) for value in row.plain), _instant(row.promoted_at))


def _instant(moment: datetime) -> Composable:
    """A moment, which is in UTC like the session."""
    return Literal(moment.replace(tzinfo=None).isoformat(" "))
