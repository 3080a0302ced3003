"""Planning a swap on values: what moves, and what is refused before any lock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from boardlift.destinations import catalogue
from boardlift.destinations.catalogue import CatalogueRow
from boardlift.destinations.interface import Generation, StagedGroup, StagedRef, State, StoredTable
from boardlift.errors import DestinationError, PromotionConflict
from boardlift.shape.table import Column, Table
from boardlift.shape.types import TEXT

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def stored(group: str, number: int, state: State, *names: str) -> Generation:
    tables = tuple(StoredTable(name, f"{name}__g{number}", 1, "f") for name in names)
    return Generation(group, number, state, "run", NOW, tables)


def fresh(group: str, number: int, *names: str) -> StagedGroup:
    refs = [StagedRef(group, number, Table(name, (Column("a", TEXT),)), f"{name}__g{number}") for name in names]
    return StagedGroup(group, number, tuple((ref, 7) for ref in refs))


def test_rows_are_collected_newest_first_and_main_table_first() -> None:
    """The order of rows in the catalogue does not matter."""
    rows = [
        CatalogueRow("1", number, ordinal, f"t{ordinal}", f"t{ordinal}__g{number}", State.KEPT, "r", 5, "f", NOW)
        for number in (1, 10, 2)
        for ordinal in (1, 0)
    ]
    found = catalogue.collect(rows)
    assert [g.number for g in found] == [10, 2, 1]
    assert [t.name for t in found[0].tables] == ["t0", "t1"]
    assert found[0].rows == 5


def test_a_promotion_moves_the_live_generation_of_its_groups_only() -> None:
    """Kept generations and other groups stay where they are."""
    known = [
        stored("1", 2, State.LIVE, "a", "a_tags"),
        stored("1", 1, State.KEPT, "a"),
        stored("2", 2, State.LIVE, "b"),
    ]
    plan = catalogue.plan_promotion("run", known, [fresh("1", 3, "a", "a_people")], NOW)
    assert [slot.name for slot in plan.outgoing] == ["a", "a_tags"]
    assert [slot.hidden_name for slot in plan.incoming] == ["a__g3", "a_people__g3"]
    assert plan.vanishing == ["a_tags"]
    rows = catalogue.catalogue_rows(plan)
    assert [(row.ordinal, row.name, row.rows, row.state) for row in rows] == [
        (0, "a", 7, State.LIVE),
        (1, "a_people", 7, State.LIVE),
    ]


@pytest.mark.parametrize(
    "groups",
    [
        [fresh("1", 3, "a"), fresh("3", 3, "a")],
        [fresh("1", 3, "a", "a")],
        [fresh("1", 3, "a"), fresh("1", 4, "a2")],
        [fresh("1", 3, "b")],
    ],
)
def test_one_name_has_one_owner(groups: list[StagedGroup]) -> None:
    """Two claims on a name or a group, or one on somebody else's live name, are a conflict."""
    known = [stored("1", 2, State.LIVE, "a"), stored("2", 2, State.LIVE, "b")]
    with pytest.raises(PromotionConflict):
        catalogue.plan_promotion("run", known, groups, NOW)


def test_a_name_given_up_in_the_same_swap_is_free() -> None:
    """Two boards may exchange their names."""
    known = [stored("1", 2, State.LIVE, "a"), stored("2", 2, State.LIVE, "b")]
    plan = catalogue.plan_promotion("run", known, [fresh("1", 3, "b"), fresh("2", 3, "a")], NOW)
    assert plan.vanishing == []


def test_a_rollback_to_what_is_live_moves_nothing() -> None:
    """Repeating a rollback is no error; an unknown number is one that lists the known."""
    known = [stored("1", 2, State.LIVE, "a"), stored("1", 1, State.KEPT, "a")]
    assert catalogue.plan_rollback("run", known, [("1", 2)], NOW).entering == ()
    plan = catalogue.plan_rollback("run", known, [("1", 1), ("1", 1)], NOW)
    assert [(g.number, g.state, g.run_id) for g in plan.entering] == [(1, State.LIVE, "run")]
    with pytest.raises(DestinationError, match="stored: 2, 1"):
        catalogue.plan_rollback("run", known, [("1", 5)], NOW)


def test_a_stored_generation_is_sealed() -> None:
    """It is neither staged nor promoted again."""
    known = [stored("1", 1, State.KEPT, "a")]
    with pytest.raises(DestinationError):
        catalogue.free_hidden_name(known, "1", 1, "a")
    with pytest.raises(DestinationError):
        catalogue.plan_promotion("run", known, [fresh("1", 1, "a")], NOW)
    assert catalogue.free_hidden_name(known, "2", 1, "a") == "a_2__g1"
    assert catalogue.free_hidden_name(known, "1", 2, "a") == "a__g2"


@pytest.mark.parametrize(
    ("keep", "gone"), [(4, []), (3, [1]), (2, [1, 3]), (1, [1, 3, 4]), (0, [1, 3, 4]), (-1, [1, 3, 4])]
)
def test_retention_takes_the_oldest_and_never_the_live(keep: int, gone: list[int]) -> None:
    """The live generation counts, whatever its number."""
    known = [stored("1", n, State.LIVE if n == 2 else State.KEPT, "a") for n in (1, 2, 3, 4)]
    assert [g.number for g in catalogue.doomed([*known, stored("2", 1, State.KEPT, "b")], "1", keep)] == gone


def test_rows_come_back_as_they_were_written() -> None:
    """Drivers give numbers as numbers or as text; the moment is read by the engine."""
    plan = catalogue.plan_promotion("run", [], [fresh("1", 3, "a")], NOW)
    (row,) = catalogue.catalogue_rows(plan)
    told = ("1", "3", 0, "a", "a__g3", "live", "run", 7, row.fingerprint, "a moment")
    assert catalogue.read_row(told, NOW) == row


def test_a_swap_is_written_down_in_the_words_of_an_engine() -> None:
    """First what leaves, then what enters: as rows when it is new, as a mark when it was kept."""

    def written(plan: catalogue.SwapPlan) -> list[str]:
        return catalogue.written(
            plan,
            lambda leaving: f"keep {leaving.number}",
            lambda rows: [f"add {row.name} of {row.generation}" for row in rows],
            lambda entering: f"revive {entering.number}",
        )

    known = [stored("1", 2, State.LIVE, "a"), stored("1", 1, State.KEPT, "a")]
    promotion = catalogue.plan_promotion("run", known, [fresh("1", 3, "a", "b")], NOW)
    assert written(promotion) == ["keep 2", "add a of 3", "add b of 3"]
    assert written(catalogue.plan_rollback("run", known, [("1", 1)], NOW)) == ["keep 2", "revive 1"]


def test_doomed_generations_are_dropped_oldest_first() -> None:
    known = [stored("1", number, State.LIVE if number == 4 else State.KEPT, "a") for number in (4, 3, 1, 2)]
    dropped: list[int] = []
    assert catalogue.retire(known, "1", 2, lambda generation: dropped.append(generation.number)) == [1, 2]
    assert dropped == [1, 2]


def test_tables_of_others_are_named() -> None:
    catalogue.refuse_foreign("monday", [])
    with pytest.raises(PromotionConflict, match=r"monday holds a table .*: a, b\. Production was not changed"):
        catalogue.refuse_foreign("monday", ["a", "b"])
