"""The generation catalogue as a table of the hidden schema: made, read, and written in the transaction of a swap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from boardlift.destinations import catalogue
from boardlift.destinations.catalogue import CATALOGUE, CatalogueRow, SwapPlan
from boardlift.destinations.interface import Generation, State
from boardlift.destinations.mssql.sql import BINARY, Name, Text
from boardlift.shape.sql import COMMA, SQL, Composable, Literal

_ROWS_OF_AN_INSERT = 500  # SQL Server takes 1,000


def make_statement(hidden: str) -> Composable:
    """The empty catalogue. Its texts compare as they are written, whatever the database's collation."""
    return SQL(
        "CREATE TABLE {book} ([group_key] NVARCHAR(200) COLLATE {binary} NOT NULL, [generation] BIGINT NOT NULL,"
        " [ordinal] INT NOT NULL, [table_name] NVARCHAR(128) COLLATE {binary} NOT NULL,"
        " [hidden_name] NVARCHAR(128) COLLATE {binary} NOT NULL, [state] NVARCHAR(8) COLLATE {binary} NOT NULL,"
        " [run_id] NVARCHAR(200) COLLATE {binary} NOT NULL, [rows] BIGINT NOT NULL,"
        " [fingerprint] NVARCHAR(64) COLLATE {binary} NOT NULL, [promoted_at] DATETIMEOFFSET(6) NOT NULL,"
        " CONSTRAINT {key} PRIMARY KEY CLUSTERED ([group_key], [generation], [ordinal]),"
        " CONSTRAINT {state} CHECK ([state] IN (N'live', N'kept')))"
    ).format(book=Name(hidden, CATALOGUE), binary=BINARY, key=Name(f"{CATALOGUE}_pk"), state=Name(f"{CATALOGUE}_state"))


def read_statement(hidden: str, group: str | None) -> Composable:
    """The question whose rows `read_row` reads."""
    only = SQL(" WHERE [group_key] = {}").format(Text(group)) if group is not None else SQL("")
    return SQL(
        "SELECT [group_key], [generation], [ordinal], [table_name], [hidden_name], [state], [run_id], [rows],"
        " [fingerprint], [promoted_at] FROM {}{}"
    ).format(Name(hidden, CATALOGUE), only)


def read_row(row: Sequence[object]) -> CatalogueRow:
    assert isinstance(row[9], datetime)
    return catalogue.read_row(row, row[9].astimezone(UTC))


def record_statements(hidden: str, plan: SwapPlan) -> list[Composable]:
    """The catalogue rows of a swap: what leaves is kept, what enters is live."""
    book = Name(hidden, CATALOGUE)
    where = SQL(" WHERE [group_key] = {} AND [generation] = {}")
    insert = SQL(
        "INSERT INTO {} ([group_key], [generation], [ordinal], [table_name], [hidden_name], [state],"
        " [run_id], [rows], [fingerprint], [promoted_at]) VALUES {}"
    )

    def keep(one: Generation) -> Composable:
        kept = SQL("UPDATE {} SET [state] = {}").format(book, Text(State.KEPT.value))
        return kept + where.format(Text(one.group), Literal(one.number))

    def add(rows: list[CatalogueRow]) -> list[Composable]:
        parts = (rows[start : start + _ROWS_OF_AN_INSERT] for start in range(0, len(rows), _ROWS_OF_AN_INSERT))
        return [insert.format(book, COMMA.join(_row(row) for row in part)) for part in parts]

    def revive(one: Generation) -> Composable:
        live = SQL("UPDATE {} SET [state] = {}, [run_id] = {}, [promoted_at] = {}").format(
            book, Text(State.LIVE.value), Text(plan.run_id), _instant(one.promoted_at)
        )
        return live + where.format(Text(one.group), Literal(one.number))

    return catalogue.written(plan, keep, add, revive)


def forget_statement(hidden: str, group: str, generation: int) -> Composable:
    return SQL("DELETE FROM {} WHERE [group_key] = {} AND [generation] = {}").format(
        Name(hidden, CATALOGUE), Text(group), Literal(generation)
    )


def _row(row: CatalogueRow) -> Composable:
    plain = (Text(value) if isinstance(value, str) else Literal(value) for value in row.plain)
    return SQL("({}, {})").format(COMMA.join(plain), _instant(row.promoted_at))


def _instant(moment: datetime) -> Composable:
    return SQL("CAST({} AS DATETIMEOFFSET(6))").format(
        Text(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f +00:00"))
    )
