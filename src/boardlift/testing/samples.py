"""Tables and rows for the conformance suite, and the shortest way to stage them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time
from decimal import Decimal

from boardlift.destinations.interface import Destination, Replace, StagedGroup
from boardlift.shape.table import Column, Table
from boardlift.shape.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    JSON,
    NUMBER,
    TEXT,
    TIME,
    TIMESTAMP,
    Kind,
    SqlType,
)
from boardlift.testing.arrow import Rows

Outside = Callable[[str], list[tuple[object, ...]]]
"""Runs SQL on a connection of its own and returns the rows."""
Reader = Callable[[], AbstractContextManager[Outside]]
"""Opens a connection of a reader, for use in another thread."""

ITEMS = Table(
    "planning",
    (Column("item_id", BIGINT, nullable=False, label="Item ID"), Column("name", TEXT, label="Name")),
    key=("item_id",),
    label="Planning",
)
TAGS = Table("planning_tags", (Column("item_id", BIGINT), Column("tag", TEXT)), key=("item_id", "tag"))
HOSTILE = "we\"ird '; DROP TABLE x; -- \\ 名前 🎉"

EVERY_TYPE = Table(
    "every_type",
    (
        Column("n", INTEGER, nullable=False),
        Column("big", BIGINT),
        Column("words", TEXT),
        Column("price", NUMBER),
        Column("small_price", SqlType(Kind.DECIMAL, 18, 2)),
        Column("ratio", DOUBLE),
        Column("done", BOOLEAN),
        Column("due", DATE),
        Column("clock", TIME),
        Column("seen", TIMESTAMP),
        Column("doc", JSON),
    ),
    key=("n",),
)
VALUES: list[tuple[object, ...]] = [
    (
        *(1, 2**63 - 1, "a", Decimal("1.5"), Decimal("-0.01"), 1.5, True, date(2024, 2, 29)),
        *(time(10, 11, 12, 500_000), datetime(2024, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), '{"a": [1, null, "ü"]}'),
    ),
    (2, *([None] * 10)),
    (
        *(3, -(2**63), "ü'\"\\\t\n🎉", Decimal("-9999999999999999999999999999.9999999999")),
        *(Decimal("9999999999999999.99"), -1e300, False, date(1, 1, 1), time(0)),
        *(datetime(1960, 1, 1, tzinfo=UTC), "null"),
    ),
    (
        *(4, 0, "", Decimal("0.0000000001"), Decimal("0.00"), 0.1, False, date(9999, 12, 31)),
        *(time(23, 59, 59, 999_999), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), '"text"'),
    ),
    (
        *(-5, 0, "x", Decimal("10000.0001"), Decimal("10000"), 2.2250738585072014e-308, False, date(1970, 1, 1)),
        *(time(1), datetime(1970, 1, 1, tzinfo=UTC), "[]"),
    ),
    (
        *(6, -1, " ", Decimal("-12345678901234567890.5"), Decimal("-10000.01"), -0.5, True, date(1969, 12, 31)),
        *(time(1), datetime(1, 1, 1, tzinfo=UTC), "-1.5"),
    ),
]


def put(
    destination: Destination,
    group: str,
    generation: int,
    tables: list[tuple[Table, str]],
    replace: Replace = Replace.SWAP,
) -> StagedGroup:
    """Stage tables filled from SELECTs, without promoting them."""
    refs = []
    for table, sql in tables:
        ref = destination.stage(group, generation, table)
        refs.append((ref, destination.append(ref, Rows(sql))))
    return StagedGroup(group, generation, tuple(refs), replace)


def items(*names: str) -> list[tuple[Table, str]]:
    """The `planning` table with one row for each name."""
    return [(ITEMS, f"SELECT * FROM (VALUES {', '.join(f'({n}, {quoted(t)})' for n, t in enumerate(names, 1))})")]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def value_sql(value: object, type_: SqlType) -> str:
    """A Python value as a DuckDB literal of a column type."""
    if value is None:
        text = "NULL"
    elif isinstance(value, bool):
        text = str(value)
    elif isinstance(value, float):
        text = quoted(repr(value))
    else:
        text = quoted(str(value))
    spelled = {Kind.TEXT: "VARCHAR", Kind.TIMESTAMP: "TIMESTAMPTZ"}.get(type_.kind, str(type_))
    return f"CAST({text} AS {spelled})"


def rows_sql(table: Table, rows: list[tuple[object, ...]]) -> str:
    """A SELECT of these rows, typed as the columns of a table are."""
    types = [column.type for column in table.columns]
    written = (", ".join(value_sql(value, type_) for value, type_ in zip(row, types, strict=True)) for row in rows)
    return f"SELECT * FROM (VALUES {', '.join(f'({row})' for row in written)})"


def loaded(value: object) -> object:
    """A JSON cell as a Python value, whether the driver gives text or has read it."""
    return json.loads(value) if isinstance(value, str) else value
