"""What `replace: in_place` does to a live table in SQL Server when columns take NULL or indexes are other ones."""

from __future__ import annotations

import pytest

from boardlift.destinations.interface import Replace
from boardlift.destinations.mssql import questions
from boardlift.destinations.mssql.ddl import index_name
from boardlift.errors import DependentObject
from boardlift.shape.table import Index, Table
from support.mssql_script import (
    HIDDEN,
    ITEM_ID,
    LIVE,
    PLANNING,
    STOCK,
    Server,
    book,
    columns,
    group,
    index,
    lines,
    opened_on,
    stage,
)

INDEXED = Table("planning", (ITEM_ID, STOCK), key=("item_id",), indexes=(Index(("stock",)),))


def refilled(server: Server, table: Table) -> list[str]:
    stage(server, table)
    opened_on(server).promote("run-2", [group(table, replace=Replace.IN_PLACE)])
    return lines(server, "INDEX", "ALTER COLUMN", "INSERT INTO [monday].[planning]")


def held(**facts: object) -> Server:
    """A live table with boardlift's index on `stock`, which is NOT NULL, held in place."""
    told = [*columns(("item_id", "bigint")), ("stock", "bigint", 8, 19, 0, "", False, False, False)]
    ours = PLANNING[questions.INDEXES] + index(index_name(INDEXED.indexes[0]), "stock")
    live = {questions.COLUMNS: told, questions.INDEXES: ours, **facts}
    sealed = {**PLANNING, questions.COLUMNS: live[questions.COLUMNS]}
    tables = {(LIVE, "planning"): live, (HIDDEN, "planning__g1"): sealed}
    return Server(tables=tables, book=book(("1", 1, "planning__g1", "live")))  # type: ignore[arg-type]


def test_an_index_of_ours_makes_room_for_null() -> None:
    """NULL is a change, too: a column that an index is on cannot be altered."""
    name = index_name(INDEXED.indexes[0])
    assert refilled(held(), INDEXED) == [
        f"DROP INDEX [{name}] ON [monday].[planning];",
        "ALTER TABLE [monday].[planning] ALTER COLUMN [stock] BIGINT NULL;",
        "INSERT INTO [monday].[planning] ([item_id], [stock])"
        " SELECT [item_id], [stock] FROM [monday__boardlift].[planning__g2];",
        f"CREATE NONCLUSTERED INDEX [{name}] ON [monday].[planning] ([stock]);",
    ]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({questions.INDEXES: PLANNING[questions.INDEXES] + index("mine", "stock")}, "index mine"),
        ({questions.STATISTICS: [("mine", "", False, "stock")]}, "statistics mine"),
        ({questions.CHECKS: [("mine", "([stock]>(0))", False, False)]}, "constraint mine"),
        ({questions.DEPENDANTS: [("rep", "fixed", "V", True)]}, "view rep.fixed"),
    ],
    ids=["index", "statistics", "check", "view"],
)
def test_what_people_made_on_a_column_that_takes_null_is_named(facts: dict[str, object], told: str) -> None:
    """By the plan and by the promotion, before anything is locked."""
    server = held(**facts)
    server.reads = [("stock",)]
    destination = opened_on(server)
    stage(server, INDEXED)
    (found,) = destination.replacements("1", [INDEXED], Replace.IN_PLACE)
    assert [obstacle for obstacle in found.obstacles if obstacle.startswith(told)]
    assert "readers wait" in found.why
    with pytest.raises(DependentObject, match=told):
        destination.promote("run-2", [group(INDEXED, replace=Replace.IN_PLACE)])
    assert lines(server, "DELETE FROM [monday]") == []


def test_an_index_of_ours_with_another_condition_is_made_anew_before_the_rows_come() -> None:
    """Else rows that the new one takes would be refused by the old one."""
    unique = Table("planning", (ITEM_ID, STOCK), key=("item_id",), indexes=(Index(("stock",), unique=True),))
    name = index_name(unique.indexes[0])
    key = PLANNING[questions.INDEXES]
    server = held(
        **{
            questions.COLUMNS: columns(("item_id", "bigint"), ("stock", "bigint")),
            questions.INDEXES: key + index(name, "stock", unique=True),
        }
    )
    stage(server, unique)
    made = index(name, "stock", unique=True, filtered="([stock] IS NOT NULL)")
    server.tables[HIDDEN, "planning__g2"][questions.INDEXES] = key + made
    opened_on(server).promote("run-2", [group(unique, replace=Replace.IN_PLACE)])
    assert [line.split(" ON ")[0] for line in lines(server, "INDEX", "INSERT INTO [monday].[planning]")] == [
        f"DROP INDEX [{name}]",
        "INSERT INTO [monday].[planning] ([item_id], [stock])"
        " SELECT [item_id], [stock] FROM [monday__boardlift].[planning__g2];",
        f"CREATE UNIQUE NONCLUSTERED INDEX [{name}]",
    ]
