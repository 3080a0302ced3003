"""What people did to a live table in SQL Server that a swap or a refill would lose: named by plan and promotion."""

from __future__ import annotations

import pytest

from boardlift.destinations.interface import Replace
from boardlift.destinations.mssql import questions
from boardlift.destinations.mssql.ddl import MADE
from boardlift.errors import DependentObject
from support.mssql_script import (
    HIDDEN,
    LIVE,
    NARROW,
    PLANNING,
    TABLE,
    WIDER,
    Facts,
    Row,
    Server,
    book,
    columns,
    group,
    lines,
    opened_on,
    stage,
)

COUNTED: list[Row] = [("TABLE", "", MADE, "3")]
OURS = (("item_id", "bigint"), ("name", "text"), ("status", "text"))
WITH_MINE: Facts = {
    **PLANNING,
    questions.COLUMNS: columns(*OURS, ("mine", "int")),
    questions.PROPERTIES: COUNTED,
}
GENERATED: Row = ("valid_from", "datetime2", 8, 27, 7, "", False, 1, False)


def server_with(live: Facts, **more: object) -> Server:
    server = Server(tables={(LIVE, "planning"): live}, book=book(("1", 1, "planning__g1", "live")), **more)  # type: ignore[arg-type]
    stage(server, TABLE)
    return server


def refused(server: Server, way: Replace, words: str) -> None:
    """Plan and promotion say so, and nothing of the live table was touched."""
    destination = opened_on(server)
    (planned,) = destination.replacements("1", [TABLE], way)
    assert [obstacle for obstacle in planned.obstacles if words in obstacle]
    with pytest.raises(DependentObject, match=words):
        destination.promote("run-2", [group(TABLE, replace=way)])
    assert lines(server, "DELETE FROM [monday]", "TRANSFER [monday]", "DROP") == []


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_a_column_that_people_added_is_named(way: Replace) -> None:
    """A swap would leave its values behind, a refill would drop it."""
    refused(server_with(WITH_MINE), way, "column mine of monday.planning is not the board's")


@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_a_column_that_people_added_to_a_refilled_table_is_named(way: Replace) -> None:
    """There the sealed copy says what is boardlift's: a refill adds columns behind those of people."""
    server = server_with({**WITH_MINE, questions.COLUMNS: columns(OURS[0], ("mine", "int"), *OURS[1:])})
    server.tables[HIDDEN, "planning__g1"] = PLANNING
    refused(server, way, "column mine of monday.planning")


@pytest.mark.parametrize(
    "live",
    [{**WITH_MINE, questions.PROPERTIES: []}, {**PLANNING, questions.PROPERTIES: COUNTED}],
    ids=["made by an older release", "as it was made"],
)
def test_a_table_that_nobody_is_known_to_have_changed_is_swapped(live: Facts) -> None:
    """The count of columns stays with its table and is not carried over as a property of people's."""
    server = server_with(live)
    destination = opened_on(server)
    assert destination.replacements("1", [TABLE], Replace.SWAP)[0].obstacles == ()
    destination.promote("run-2", [group(TABLE)])
    assert lines(server, MADE) == []


def test_a_table_that_vanishes_with_a_column_of_peoples_is_named() -> None:
    """Its values would go with it."""
    server = server_with(PLANNING)
    server.tables[LIVE, "planning_tags"] = WITH_MINE
    server.book += book(("1", 1, "planning_tags__g1", "live"), table="planning_tags")
    server.book[-1] = (*server.book[-1][:2], 1, *server.book[-1][3:])
    gone = next(r for r in opened_on(server).replacements("1", [TABLE], Replace.SWAP) if r.table == "planning_tags")
    assert [obstacle for obstacle in gone.obstacles if "column mine of monday.planning_tags" in obstacle]


def test_the_period_of_a_temporal_table_stays_in_place() -> None:
    """The server makes its columns; they are neither dropped nor filled, and no column is said to change."""
    live: Facts = {**PLANNING, questions.COLUMNS: [*columns(*OURS), GENERATED], questions.PROPERTIES: COUNTED}
    server = server_with(live)
    destination = opened_on(server)
    (planned,) = destination.replacements("1", [TABLE], Replace.IN_PLACE)
    assert planned.obstacles == () and "its columns change" not in planned.why
    destination.promote("run-2", [group(TABLE, replace=Replace.IN_PLACE)])
    assert lines(server, "DROP COLUMN", "valid_from") == []


def test_an_index_that_swallows_rows_stops_a_refill() -> None:
    """IGNORE_DUP_KEY leaves a repeated row out and says nothing."""
    head = ("once", 2, True, False, False, "", 0, False, True, False, True, True, "NONE")
    swallowing = (*head, "item_id", 1, False, False)
    live: Facts = {**PLANNING, questions.INDEXES: [*PLANNING[questions.INDEXES], swallowing]}
    refused(server_with(live), Replace.IN_PLACE, "index once of monday.planning would leave rows out")
    assert opened_on(server_with(live)).replacements("1", [TABLE], Replace.SWAP)[0].obstacles == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("CREATE TRIGGER monday.told_then ON monday.planning AFTER INSERT AS SELECT 1;", "renamed"),
        ("CREATE TRIGGER [monday] . [told] ON monday.planning AFTER INSERT AS SELECT 1;", ""),
        ('CREATE OR ALTER TRIGGER "told" ON [monday].[planning] AFTER INSERT AS SELECT 1;', ""),
    ],
)
def test_a_trigger_that_was_renamed_is_named(text: str, why: str) -> None:
    """SQL Server keeps its text as it was written, with the name before."""
    trigger = ("told", text, False, False, True, True, "INSERT", False, False)
    server = server_with({**PLANNING, questions.TRIGGERS: [trigger]})
    (planned,) = opened_on(server).replacements("1", [TABLE], Replace.SWAP)
    assert bool(planned.obstacles) is bool(why)
    assert why in "".join(planned.obstacles)


@pytest.mark.parametrize(("kind", "word"), [("P", "procedure"), ("TR", "trigger"), ("V", "view")])
def test_whoever_reads_a_column_that_goes_is_named(kind: str, word: str) -> None:
    """Procedures and other tables' triggers fail as views do, only later."""
    server = server_with({**PLANNING, questions.DEPENDANTS: [("rep", "idle", kind, False)]}, reads=[("status",)])
    (planned,) = opened_on(server).replacements("1", [NARROW], Replace.SWAP)
    assert [obstacle for obstacle in planned.obstacles if f"{word} rep.idle reads monday.planning.status" in obstacle]


def test_a_view_that_is_broken_already_does_not_stop_a_swap() -> None:
    """It would fail when it is refreshed, for a reason that is not ours; those that work are refreshed."""
    views = [("rep", "works", "V", False), ("rep", "broken", "V", False)]
    server = server_with({**PLANNING, questions.DEPENDANTS: views}, broken=("[rep].[broken]",))
    stage(server, WIDER)
    opened_on(server).promote("run-2", [group(WIDER)])
    assert lines(server, "sp_refreshview") == ["EXEC sys.sp_refreshview N'[rep].[works]';"]
