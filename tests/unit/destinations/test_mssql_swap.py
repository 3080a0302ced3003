"""Every statement of a swap in SQL Server, as it is sent, in order; and what is refused before one is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from boardlift.destinations.interface import Replace
from boardlift.destinations.mssql import questions
from boardlift.destinations.mssql.ddl import index_name
from boardlift.destinations.mssql.engine import MSSQL
from boardlift.errors import DependentObject, DestinationError
from boardlift.shape.table import Index, Table
from support.mssql_script import (
    HIDDEN,
    INCOMING,
    ITEM_ID,
    LIVE,
    MOMENT,
    NAME,
    NARROW,
    PLANNING,
    STOCK,
    TABLE,
    TAGS,
    WIDER,
    Facts,
    Server,
    book,
    columns,
    group,
    index,
    opened_on,
    script,
    stage,
)
from support.snapshots import same_as

SNAPSHOTS = Path(__file__).parent / "mssql_snapshots"
TRIGGER = "CREATE TRIGGER monday.tell ON monday.planning AFTER INSERT AS SELECT 1;"

DRESSED: Facts = {
    **PLANNING,
    questions.TABLES: [("etl", 1, "AUTO")],
    questions.INDEXES: [
        *PLANNING[questions.INDEXES],
        *index("by_item", "item_id"),
        ("once", 2, True, False, True, "", 0, False, False, False, True, True, "NONE", "item_id", 1, False, False),
    ],
    questions.CHECKS: [("named", "([name]<>N'')", False, False)],
    questions.DEFAULTS: [("no_status", "status", "(N'none')")],
    questions.TRIGGERS: [("tell", TRIGGER, False, False, True, True, "INSERT", True, False)],
    questions.GRANTS: [
        ("G", "SELECT", "", "analyst", "etl"),
        ("W", "SELECT", "name", "lead", "etl"),
        ("D", "UPDATE", "", "public", "etl"),
    ],
    questions.PROPERTIES: [
        ("COLUMN", "status", "MS_Description", "Status"),
        ("TABLE", "", "owner_team", "it's planning's"),
        ("TRIGGER", "tell", "why", "audit"),
    ],
    questions.PREDICATES: [("rls", "own_rows", "FILTER", "", "([rls].[may_see]([name]))")],
    questions.STATISTICS: [("together", "", False, "name"), ("together", "", False, "status")],
    questions.MASKS: [("name", 'partial(1, "x", 0)')],
    questions.DEPENDANTS: [("reporting", "idle", "V", False)],
}
FIRST = book(("1", 1, "planning__g1", "live"))
BOTH = book(("1", 1, "planning__g1", "kept"), ("1", 2, "planning__g2", "live"))


@pytest.fixture
def server() -> Server:
    return Server(tables={(LIVE, "planning"): PLANNING}, book=FIRST)


@pytest.fixture
def destination(server: Server) -> Iterator[MSSQL]:
    opened = opened_on(server)
    yield opened
    opened.close()


# -- what is sent


def test_a_first_promotion(server: Server, destination: MSSQL) -> None:
    """Nothing is live: the tables come in, and the catalogue says so."""
    server.tables, server.book = {}, []
    stage(server, TABLE, TAGS, number=1)
    unsealed = columns(("item_id", "bigint"), ("name", "text"), ("status", "text"), nullable=True)
    server.tables[HIDDEN, "planning__g1"] = {questions.COLUMNS: unsealed}
    outcome = destination.promote("run-1", [group(TABLE, TAGS, number=1)])
    assert (outcome.attempts, outcome.promoted_at) == (1, MOMENT)
    assert same_as(SNAPSHOTS / "first.sql", script(server))


def test_a_plain_second_promotion(server: Server, destination: MSSQL) -> None:
    """The old table leaves under its hidden name, the new one takes its place; one transaction."""
    stage(server, TABLE)
    destination.promote("run-2", [group(TABLE)])
    assert same_as(SNAPSHOTS / "second.sql", script(server))


def test_a_promotion_carries_everything_over(server: Server, destination: MSSQL) -> None:
    """Permissions, triggers, keys, policies, properties, masks, statistics; views are refreshed for the new column."""
    server.tables[LIVE, "planning"] = DRESSED
    server.keys = INCOMING
    server.views = [("reporting", "idle_today", "reporting", "idle")]
    stage(server, WIDER)
    destination.promote("run-2", [group(WIDER)])
    assert same_as(SNAPSHOTS / "everything.sql", script(server))


def test_a_table_that_vanishes(server: Server, destination: MSSQL) -> None:
    """It goes to the hidden schema with its generation."""
    server.tables[LIVE, "planning_tags"] = {**PLANNING}
    server.book = [*FIRST, ("1", 1, 1, "planning_tags", "planning_tags__g1", "live", "run-1", 3, "f", MOMENT)]
    stage(server, TABLE)
    destination.promote("run-2", [group(TABLE)])
    assert same_as(SNAPSHOTS / "vanish.sql", script(server))


def test_a_rollback(server: Server, destination: MSSQL) -> None:
    """The kept table becomes live as it was sealed, with the permissions of the one it replaces."""
    server.book = BOTH
    server.tables[LIVE, "planning"] = {**PLANNING, questions.GRANTS: DRESSED[questions.GRANTS][:1]}
    stage(server, TABLE, number=1)
    destination.rollback("back", [("1", 1)])
    assert same_as(SNAPSHOTS / "rollback.sql", script(server))


def test_a_refill_of_a_swapped_table(server: Server, destination: MSSQL) -> None:
    """The rows that are live are kept in a copy first; then they are deleted and the new ones inserted."""
    stage(server, TABLE)
    destination.promote("run-2", [group(TABLE, replace=Replace.IN_PLACE)])
    assert same_as(SNAPSHOTS / "refill.sql", script(server))


def test_a_refill_with_other_columns(server: Server, destination: MSSQL) -> None:
    """Columns are added and dropped within the transaction, indexes of ours and labels follow."""
    server.tables[LIVE, "planning"] = {
        **PLANNING,
        questions.DEFAULTS: [("no_status", "status", "(N'none')")],
        questions.PROPERTIES: [("COLUMN", "name", "MS_Description", "Title")],
    }
    server.tables[HIDDEN, "planning__g1"] = PLANNING  # held in place: the sealed copy is there
    shape = Table("planning", (ITEM_ID, NAME, STOCK), key=("item_id",), indexes=(Index(("stock",)),))
    stage(server, shape)
    destination.promote("run-2", [group(shape, replace=Replace.IN_PLACE)])
    assert same_as(SNAPSHOTS / "refill_reshaped.sql", script(server))


def test_a_new_table_of_a_group_held_in_place(server: Server, destination: MSSQL) -> None:
    """A copy of the staged table becomes live; the staged one is the sealed copy."""
    server.tables[HIDDEN, "planning__g1"] = PLANNING
    stage(server, TABLE, TAGS)
    destination.promote("run-2", [group(TABLE, TAGS, replace=Replace.IN_PLACE)])
    assert same_as(SNAPSHOTS / "refill_new_table.sql", script(server))


def test_a_swap_over_a_table_held_in_place(server: Server, destination: MSSQL) -> None:
    """Of its two copies the sealed one stays."""
    server.tables[HIDDEN, "planning__g1"] = PLANNING
    stage(server, TABLE)
    destination.promote("run-2", [group(TABLE)])
    assert same_as(SNAPSHOTS / "swap_over_refill.sql", script(server))


def test_a_rollback_of_a_table_held_in_place(server: Server, destination: MSSQL) -> None:
    """It is refilled from the kept copy."""
    server.book = BOTH
    server.tables[HIDDEN, "planning__g2"] = PLANNING
    stage(server, TABLE, number=1)
    destination.rollback("back", [("1", 1)])
    assert same_as(SNAPSHOTS / "rollback_in_place.sql", script(server))


def test_an_index_that_was_made_anew_since_replaces_the_one_of_the_kept_table(
    server: Server, destination: MSSQL
) -> None:
    """And one that has the columns of boardlift's own is made beside it, under its name."""
    server.book = BOTH
    ours = index(index_name(Index(("stock",))), "stock")
    live = [*PLANNING[questions.INDEXES], *index("by_item", "item_id"), *ours, *index("mine", "stock")]
    server.tables[LIVE, "planning"] = {
        questions.COLUMNS: columns(("item_id", "bigint"), ("name", "text"), ("stock", "bigint")),
        questions.INDEXES: live,
    }
    kept = Table("planning", (ITEM_ID, NAME, STOCK), key=("item_id",), indexes=(Index(("stock",)),))
    stage(server, kept, number=1)
    server.tables[HIDDEN, "planning__g1"][questions.INDEXES] += index("by_item", "item_id", "stock")
    destination.rollback("back", [("1", 1)])
    made = [line for text in server.sent for line in text.splitlines() if " INDEX " in line]
    assert made == [
        "DROP INDEX [by_item] ON [monday__boardlift].[planning__g1];",
        "CREATE NONCLUSTERED INDEX [by_item] ON [monday__boardlift].[planning__g1] ([item_id]);",
        "CREATE NONCLUSTERED INDEX [mine] ON [monday__boardlift].[planning__g1] ([stock]);",
    ]


# -- what is refused


@pytest.mark.parametrize(
    ("facts", "table", "told"),
    [
        ({questions.DEPENDANTS: [("rep", "fixed", "V", True)]}, TABLE, "view rep.fixed is bound to monday.planning"),
        ({questions.TIED: [("it is a temporal table or the history of one",)]}, TABLE, "temporal"),
        ({questions.TRACKED: [("change tracking is on for it",)]}, TABLE, "change tracking"),
        ({questions.FULLTEXT: [("it has a full-text index",)]}, TABLE, "full-text"),
        ({questions.TRIGGERS: [("t", "", False, False, True, True, None, None, None)]}, TABLE, "encrypted"),
        (
            {
                questions.TRIGGERS: [
                    ("t", "CREATE TRIGGER t ON planning AS", False, False, True, True, None, None, None)
                ]
            },
            TABLE,
            "without the schema",
        ),
        ({questions.CHECKS: [("c", "([status]<>N'')", False, False)]}, NARROW, "constraint c is about a column"),
        ({questions.PREDICATES: [("r", "p", "FILTER", "", "([r].[f]([status]))")]}, NARROW, "security policy r.p"),
        ({questions.INDEXES: index("x", "status", kind=3)}, TABLE, "index x is neither"),
        ({questions.INDEXES: index("y", "status")}, TABLE, "which becomes NVARCHAR(MAX)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_carried_over_stops_the_swap(
    server: Server, destination: MSSQL, facts: Facts, table: Table, told: str
) -> None:
    """Named with a way out by the plan and by the promotion alike, before anything is locked or moved."""
    merged = {q: PLANNING.get(q, []) + facts.get(q, []) for q in {*PLANNING, *facts}}
    server.tables[LIVE, "planning"] = merged
    stage(server, table)
    (found,) = destination.replacements("1", [table], Replace.SWAP)
    assert [obstacle for obstacle in found.obstacles if told in obstacle and "way out" in obstacle]
    with pytest.raises(DependentObject, match="Production was not changed") as caught:
        destination.promote("run-2", [group(table)])
    assert told in caught.value.message
    assert not [text for text in server.sent if "BEGIN TRANSACTION" in text and "TRANSFER" in text]


def test_a_view_that_reads_a_column_that_goes_is_named(server: Server, destination: MSSQL) -> None:
    """Asked of the server, for the text of a view may name a column in any way."""
    server.tables[LIVE, "planning"] = {**PLANNING, questions.DEPENDANTS: [("rep", "idle", "V", False)]}
    server.reads = [("status",)]
    stage(server, NARROW)
    (found,) = destination.replacements("1", [NARROW], Replace.SWAP)
    assert found.obstacles == ("view rep.idle reads monday.planning.status, which goes (way out: change or drop it)",)
    with pytest.raises(DependentObject, match=r"rep\.idle"):
        destination.promote("run-2", [group(NARROW)])


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, "ALTER DATABASE [analytics] SET READ_COMMITTED_SNAPSHOT ON"),
        ({questions.PREDICATES: DRESSED[questions.PREDICATES]}, "hides rows"),
        ({questions.TRIGGERS: [("t", "x", False, True, True, True, None, None, None)]}, "takes the place"),
    ],
    ids=["no row versions", "policy", "instead of"],
)
def test_what_keeps_a_table_from_being_refilled(server: Server, destination: MSSQL, facts: Facts, told: str) -> None:
    """Readers would wait, or rows would stay: both are known before."""
    server.versioned = bool(facts)
    server.tables[LIVE, "planning"] = PLANNING | facts
    stage(server, TABLE)
    (found,) = destination.replacements("1", [TABLE], Replace.IN_PLACE)
    assert [obstacle for obstacle in found.obstacles if told in obstacle]
    with pytest.raises(DependentObject) as caught:
        destination.promote("run-2", [group(TABLE, replace=Replace.IN_PLACE)])
    assert told in caught.value.message


def test_the_plan_names_the_foreign_keys_that_readers_wait_for(server: Server, destination: MSSQL) -> None:
    """They are checked within the swap, for only that keeps them trusted."""
    server.keys = INCOMING
    (found,) = destination.replacements("1", [TABLE], Replace.SWAP)
    assert found.why.endswith("wait while foreign key fk_orders of shop.orders is checked")
    server.keys = []
    (found,) = destination.replacements("1", [TABLE], Replace.SWAP)
    assert "wait" not in found.why


def test_a_foreign_key_that_would_find_no_row_stops_the_swap(server: Server, destination: MSSQL) -> None:
    """Counted against the staged rows before any lock."""
    server.keys, server.orphans = INCOMING, 12
    stage(server, TABLE)
    with pytest.raises(DependentObject, match=r"fk_orders of shop\.orders has 12 rows"):
        destination.promote("run-2", [group(TABLE)])
    assert (LIVE, "planning") in server.tables


def test_what_was_lost_in_spite_of_everything_undoes_the_swap(server: Server, destination: MSSQL) -> None:
    """The catalogue is compared before the commit; a difference rolls everything back."""
    server.tables[LIVE, "planning"] = DRESSED
    server.forget = (questions.GRANTS,)
    stage(server, TABLE)
    with pytest.raises(DependentObject, match=r"permission Grant.*analyst"):
        destination.promote("run-2", [group(TABLE)])
    swapped = next(place for place, text in enumerate(server.sent) if " TRANSFER " in text)
    assert not [text for text in server.sent[swapped:] if "COMMIT" in text]
    assert server.sent[-1].startswith("IF @@TRANCOUNT > 0 ROLLBACK")


def test_a_staged_table_that_is_missing_is_named(destination: MSSQL) -> None:
    """Nothing has been sent that changes anything."""
    with pytest.raises(DestinationError, match="planning__g2 of planning is missing"):
        destination.promote("run-2", [group(TABLE)])


def test_no_secret_is_in_anything_that_is_sent_or_said(server: Server, destination: MSSQL) -> None:
    """Neither in statements nor in the identity."""
    stage(server, TABLE)
    destination.promote("run-2", [group(TABLE)])
    assert "s3cr3t" not in "".join(server.sent) + destination.identity + repr(vars(destination))
