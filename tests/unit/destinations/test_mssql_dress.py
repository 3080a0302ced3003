"""What hangs on a live table in SQL Server comes onto the one that replaces it, whatever that had of its own."""

from __future__ import annotations

import pytest

from boardlift.destinations.mssql import questions
from boardlift.destinations.mssql.ddl import LABEL, Sealed, index_name, label_statements, seal_batches
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT
from support.mssql_script import (
    HIDDEN,
    ITEM_ID,
    LIVE,
    PLANNING,
    STOCK,
    TABLE,
    Server,
    book,
    columns,
    group,
    index,
    lines,
    opened_on,
    stage,
)

KEPT = "[monday__boardlift].[planning__g1]"
BOTH = book(("1", 1, "planning__g1", "kept"), ("1", 2, "planning__g2", "live"))
INDEXED = Table("planning", (ITEM_ID, STOCK), key=("item_id",), indexes=(Index(("stock",)),))


def rolled_back(server: Server) -> Server:
    """After a rollback from generation 2 to generation 1."""
    server.book = BOTH
    destination = opened_on(server)
    destination.rollback("back", [("1", 1)])
    destination.close()
    return server


def test_a_column_in_a_key_an_index_or_statistics_is_masked_without_them() -> None:
    """They are dropped before and made again after, the key first, for a column they are on takes no mask."""
    live = columns(("item_id", "bigint"), ("stock", "bigint"))
    masks = [("item_id", "default()"), ("stock", "random(1, 9)")]
    server = Server(tables={(LIVE, "planning"): {**PLANNING, questions.COLUMNS: live, questions.MASKS: masks}})
    stage(server, INDEXED, number=1)
    kept = server.tables[HIDDEN, "planning__g1"]
    kept[questions.STATISTICS] = [("together", "", False, "stock")]
    name = index_name(INDEXED.indexes[0])
    begun = rolled_back(server).sent.index("BEGIN TRANSACTION;") + 1
    assert server.sent[begun].splitlines() == [
        f"DROP INDEX [{name}] ON {KEPT};",
        f"ALTER TABLE {KEPT} DROP CONSTRAINT [planning__g1_pk];",
        f"DROP STATISTICS {KEPT}.[together];",
        f"ALTER TABLE {KEPT} ALTER COLUMN [item_id] ADD MASKED WITH (FUNCTION = 'default()');",
        f"ALTER TABLE {KEPT} ALTER COLUMN [stock] ADD MASKED WITH (FUNCTION = 'random(1, 9)');",
        f"ALTER TABLE {KEPT} ADD CONSTRAINT [planning__g1_pk] PRIMARY KEY CLUSTERED ([item_id]);",
        f"CREATE NONCLUSTERED INDEX [{name}] ON {KEPT} ([stock]);",
        f"CREATE STATISTICS [together] ON {KEPT} ([stock]);",
    ]


@pytest.mark.parametrize(
    ("now", "kept", "made"),
    [
        ("default()", "email()", ["DROP MASKED", "ADD MASKED WITH (FUNCTION = 'default()')"]),
        ("default()", "", ["ADD MASKED WITH (FUNCTION = 'default()')"]),
        ("", "email()", ["DROP MASKED"]),
        ("email()", "email()", []),
    ],
    ids=["another", "new", "gone", "the same"],
)
def test_a_kept_table_gets_the_masks_of_today(now: str, kept: str, made: list[str]) -> None:
    """By what they do, not by their column alone: else a rollback would show what is hidden by now."""
    server = Server(tables={(LIVE, "planning"): {**PLANNING, questions.MASKS: [("name", now)] if now else []}})
    stage(server, TABLE, number=1)
    server.tables[HIDDEN, "planning__g1"][questions.MASKS] = [("name", kept)] if kept else []
    assert lines(rolled_back(server), "MASKED") == [f"ALTER TABLE {KEPT} ALTER COLUMN [name] {how};" for how in made]


def test_permissions_on_columns_come_last() -> None:
    """A permission on the whole table takes those away that were given on columns before it."""
    grants = [
        ("W", "SELECT", "name", "lead", "dbo"),
        ("G", "SELECT", "status", "deputy", "lead"),
        ("G", "SELECT", "", "analyst", "lead"),
        ("D", "SELECT", "", "guest", "dbo"),
        ("W", "SELECT", "", "lead", "dbo"),
    ]
    server = Server(tables={(LIVE, "planning"): {**PLANNING, questions.GRANTS: grants}})
    stage(server, TABLE, number=1)
    on = "ON OBJECT::[monday].[planning__g1]"
    assert lines(rolled_back(server), "OBJECT::") == [
        f"GRANT SELECT {on} TO [lead] WITH GRANT OPTION;",
        f"DENY SELECT {on} TO [guest];",
        f"GRANT SELECT {on} TO [analyst] AS [lead];",
        f"GRANT SELECT {on} ([name]) TO [lead] WITH GRANT OPTION;",
        f"GRANT SELECT {on} ([status]) TO [deputy] AS [lead];",
    ]


def test_permissions_of_our_own_login_are_not_asked_for() -> None:
    """It could not give them to itself."""
    assert "e.principal_id <> DATABASE_PRINCIPAL_ID()" in questions.GRANTS


def test_a_kept_table_gets_the_extended_properties_of_today() -> None:
    """A value that changed is given again; the label of a generation is its own."""
    today = [("TABLE", "", "team", "blue"), ("COLUMN", "name", "pii", "yes"), ("COLUMN", "name", LABEL, "Title")]
    server = Server(tables={(LIVE, "planning"): {**PLANNING, questions.PROPERTIES: today}})
    stage(server, TABLE, number=1)
    server.tables[HIDDEN, "planning__g1"][questions.PROPERTIES] += [("TABLE", "", "team", "red")]
    told = [line.split(", @level0type")[0] for line in lines(rolled_back(server), "extendedproperty")]
    assert told == [
        "EXEC sys.sp_addextendedproperty @name = N'pii', @value = N'yes'",
        "EXEC sys.sp_updateextendedproperty @name = N'team', @value = N'blue'",
    ]


def test_a_unique_index_leaves_out_rows_with_a_null() -> None:
    """SQL Server takes two of them for the same; columns that are never null need no condition."""
    code, shop = Column("code", TEXT), Column("shop", BIGINT)
    indexes = (Index(("code", "item_id", "shop"), unique=True), Index(("item_id",), unique=True), Index(("shop",)))
    table = Table("t", (ITEM_ID, code, shop), key=("item_id",), indexes=indexes)
    *_, (_key, *made) = seal_batches(("s", "t"), table, Sealed(labels=frozenset({"item_id"}), counted=True))
    assert [each.text.partition(" ON ")[2] for each in made] == [
        "[s].[t] ([code], [item_id], [shop]) WHERE [code] IS NOT NULL AND [shop] IS NOT NULL",
        "[s].[t] ([item_id])",
        "[s].[t] ([shop])",
    ]


def test_not_null_is_given_once_and_before_the_key() -> None:
    """By column, as the catalogue has it: a second try of a table without a key finds it done."""
    bare = Table("t", (ITEM_ID, STOCK))
    first, second = seal_batches(("s", "t"), Table("t", bare.columns, key=("item_id",)), Sealed())
    assert [each.text for each in first] == ["ALTER TABLE [s].[t] ALTER COLUMN [item_id] BIGINT NOT NULL"]
    assert "PRIMARY KEY" in second[0].text
    sealed = Sealed(required=frozenset({"item_id"}), labels=frozenset({"item_id"}), counted=True)
    assert seal_batches(("s", "t"), bare, sealed) == []


def test_a_staged_table_without_a_key_is_sealed_once() -> None:
    """The promotion that follows one which was given up asks the catalogue what is done."""
    bare = Table("planning", TABLE.columns, indexes=(Index(("item_id",)),))
    server = Server(tables={}, book=[])
    stage(server, bare, number=1)
    server.tables[HIDDEN, "planning__g1"][questions.INDEXES] = index(index_name(bare.indexes[0]), "item_id")
    opened_on(server).promote("run-1", [group(bare, number=1)])
    assert lines(server, "ALTER COLUMN") == []


def test_a_label_may_have_characters_that_sql_has_not() -> None:
    """U+0000 is left out; a label of nothing else is none."""
    table = Table("t", (Column("a", TEXT, label="\0"), Column("b", TEXT, label="x\0y")), label="T\0")
    values = [each.text.split("@value = ")[1].split(",")[0] for each in label_statements(("s", "t"), table)]
    assert values == ["N'T'", "N'xy'"]
