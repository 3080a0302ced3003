"""Every statement of a swap in SQL Server, as it is sent, in order; and what is refused before one is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from boardlift.destinations.interface import Replace, StagedGroup, StagedRef
from boardlift.destinations.mssql import questions
from boardlift.destinations.mssql.ddl import index_name
from boardlift.destinations.mssql.engine import MSSQL
from boardlift.errors import DependentObject, DestinationError, PromotionConflict
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT
from support.clocks import FastClock
from support.mssql_script import PLANNING, Facts, Row, Server, columns, index, not_granted
from support.snapshots import same_as

SNAPSHOTS = Path(__file__).parent / "mssql_snapshots"
URL = "mssql://etl:s3cr3t@warehouse/analytics"
LIVE, HIDDEN = "monday", "monday__boardlift"
ITEM_ID = Column("item_id", BIGINT, nullable=False, label="Item id")
NAME, STATUS, STOCK = Column("name", TEXT, label="Name"), Column("status", TEXT), Column("stock", BIGINT)
TABLE = Table("planning", (ITEM_ID, NAME, STATUS), key=("item_id",), label="Planning")
WIDER = Table("planning", (ITEM_ID, NAME, STATUS, STOCK), key=("item_id",), indexes=(Index(("stock",)),))
NARROW = Table("planning", (ITEM_ID, NAME), key=("item_id",))
TAGS = Table("planning_tags", (Column("item_id", BIGINT), Column("tag", TEXT)), key=("item_id", "tag"))
MOMENT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
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
INCOMING: list[Row] = [
    ("fk_orders", "shop", "orders", LIVE, "planning", "item", "item_id", "NO_ACTION", "CASCADE", False, False, False)
]


def book(*rows: tuple[str, int, str, str], table: str = "planning") -> list[Row]:
    """Rows of the catalogue: (group, generation, hidden name, state)."""
    return [(g, n, 0, table, hidden, state, f"run-{n}", 3, "f", MOMENT) for g, n, hidden, state in rows]


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


def opened_on(server: Server) -> MSSQL:
    clock = FastClock()
    clock.now = lambda: MOMENT  # type: ignore[method-assign]
    return MSSQL(URL, LIVE, clock=clock, connector=server.connect)


def group(*tables: Table, number: int = 2, replace: Replace = Replace.SWAP, key: str = "1") -> StagedGroup:
    refs = tuple((StagedRef(key, number, table, f"{table.name}__g{number}"), 3) for table in tables)
    return StagedGroup(key, number, refs, replace)


def stage(server: Server, *tables: Table, number: int = 2) -> None:
    """Staged tables as the catalogue shows them when they are sealed."""
    kinds = {BIGINT: "bigint", TEXT: "text"}
    for table in tables:
        told = [(c.name, "key" if c.type == TEXT and c.name in table.key else kinds[c.type]) for c in table.columns]
        keyed = index(f"{table.name}__g{number}_pk", *table.key, kind=1, unique=True, primary=True)
        made = [row for each in table.indexes for row in index(index_name(each), *each.columns)]
        labels = [("COLUMN", c.name, "MS_Description", c.label) for c in table.columns if c.label]
        server.tables[HIDDEN, f"{table.name}__g{number}"] = {
            questions.COLUMNS: columns(*told),
            questions.INDEXES: keyed + made,
            questions.PROPERTIES: [*labels, *([("TABLE", "", "MS_Description", table.label)] if table.label else [])],
        }


def script(server: Server) -> str:
    """What was sent after the session was set up, with the questions to the catalogue left out."""
    told = [text for text in server.sent[1:] if not text.startswith("SELECT") or "AS orphans" in text]
    return "\nGO\n".join(told) + "\n"


# -- what is sent


def test_a_first_promotion(server: Server, destination: MSSQL) -> None:
    """Nothing is live: the tables come in, and the catalogue says so."""
    server.tables, server.book = {}, []
    stage(server, TABLE, TAGS, number=1)
    server.tables[HIDDEN, "planning__g1"][questions.INDEXES] = []
    server.tables[HIDDEN, "planning__g1"][questions.PROPERTIES] = []  # not sealed yet
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


# -- waiting


def test_a_lock_that_is_not_granted_is_asked_for_again_with_more_patience(server: Server, destination: MSSQL) -> None:
    """Everything is given back between the attempts, and the budget grows."""
    refusals = iter([True, True, True, False])

    def fail(text: str) -> None:
        if "AS held" in text and next(refusals):
            raise not_granted()

    server.fail = fail
    stage(server, TABLE)
    assert destination.promote("run-2", [group(TABLE)]).attempts == 4
    asked = [text.splitlines()[0] for text in server.sent if "AS held" in text]
    assert asked == [f"SET LOCK_TIMEOUT {budget};" for budget in (50, 100, 150, 200)]
    assert len([text for text in server.sent if text.startswith("IF @@TRANCOUNT > 0 ROLLBACK")]) == 3


def test_when_the_patience_ends_the_blocker_is_named(server: Server, destination: MSSQL) -> None:
    """Who, since when, with which query; after no more than 30 seconds."""

    def fail(text: str) -> None:
        if "AS held" in text:
            raise not_granted()

    server.fail = fail
    server.blockers = [(61, "ann", "laptop", "SSMS", "2026-03-01 08:00:00", "SELECT *\n  FROM monday.planning")]
    stage(server, TABLE)
    with pytest.raises(PromotionConflict) as caught:
        destination.promote("run-2", [group(TABLE)])
    assert "session 61, ann on laptop (SSMS), since 2026-03-01 08:00:00 UTC: SELECT * FROM monday.planning" in str(
        caught.value
    )
    assert "Production was not changed." in caught.value.message
    assert "KILL" in caught.value.hint


def test_without_the_right_to_see_sessions_the_right_is_named(server: Server, destination: MSSQL) -> None:
    """The refusal says what would make it more telling."""

    def fail(text: str) -> None:
        if "AS held" in text or "sys.dm_tran_locks" in text:
            raise not_granted()

    server.fail = fail
    stage(server, TABLE)
    with pytest.raises(PromotionConflict, match="may not see") as caught:
        destination.promote("run-2", [group(TABLE)])
    assert "VIEW SERVER STATE" in caught.value.hint


def test_no_secret_is_in_anything_that_is_sent_or_said(server: Server, destination: MSSQL) -> None:
    """Neither in statements nor in the identity."""
    stage(server, TABLE)
    destination.promote("run-2", [group(TABLE)])
    assert "s3cr3t" not in "".join(server.sent) + destination.identity + repr(vars(destination))
