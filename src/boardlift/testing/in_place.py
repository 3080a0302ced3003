"""Promises of a destination that can empty and refill its live tables instead of swapping them."""

from __future__ import annotations

import pytest

from boardlift.destinations.interface import Destination, Generation, Replace, StagedGroup, StagedRef
from boardlift.errors import DestinationError
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.basis import Basis
from boardlift.testing.samples import ITEMS, TAGS, Outside, items, put

WIDER = Table("planning", (*ITEMS.columns, Column("size", BIGINT), Column("note", TEXT)), ITEMS.key)
OTHER = Table("other", ITEMS.columns, ITEMS.key)


def refill(destination: Destination, generation: int, *names: str) -> StagedGroup:
    return put(destination, "1", generation, items(*names), Replace.IN_PLACE)


class InPlace(Basis):
    """Refilled in one transaction, rolled back in one transaction, and mixed with swaps in any order."""

    @pytest.fixture
    def able(self, ready: Destination) -> Destination:
        if not ready.capabilities.in_place:
            pytest.skip("this engine only swaps")
        return ready

    def test_an_engine_that_only_swaps_says_so(self, ready: Destination) -> None:
        """Before anything is made, and with production unchanged."""
        if ready.capabilities.in_place:
            pytest.skip("this engine refills in place")
        ready.promote("run", [put(ready, "1", 1, items("old"))])
        with pytest.raises(DestinationError) as caught:
            ready.replacements("1", [ITEMS], Replace.IN_PLACE)
        assert caught.value.hint
        with pytest.raises(DestinationError):
            ready.promote("run", [refill(ready, 2, "new")])
        assert self.names(ready) == ["old"]

    def test_a_refill_shows_the_new_rows(self, able: Destination, outside: Outside) -> None:
        """From the first generation on; views of people stay on the very same table."""
        able.promote("run", [refill(able, 1, "a")])
        outside(f"CREATE VIEW {able.address('mine')} AS SELECT name FROM {able.address('planning')}")
        for number, names in ((2, ("b", "c")), (3, ("d",))):
            (found,) = able.replacements("1", [ITEMS], Replace.IN_PLACE)
            assert (found.way, found.obstacles) == (Replace.IN_PLACE, ())
            outcome = able.promote(f"run-{number}", [refill(able, number, *names)])
            assert outcome.blocked_ms >= 0
            assert self.names(able) == list(names)
            assert outside(f"SELECT name FROM {able.address('mine')} ORDER BY 1") == [(name,) for name in names]
        assert [(g.number, g.run_id) for g in able.generations("1")] == [(3, "run-3"), (2, "run-2"), (1, "run")]
        assert self.live(able) == 3

    def test_a_refill_may_change_the_columns(self, able: Destination) -> None:
        """Columns come and go; rollback brings the old ones back with their rows."""
        able.promote("run", [refill(able, 1, "a")])
        able.promote("run", [put(able, "1", 2, [(WIDER, "SELECT 1, 'b', 7, 'n'")], Replace.IN_PLACE)])
        assert able.query(f"SELECT item_id, name, size, note FROM {able.address('planning')}")[1] == [(1, "b", 7, "n")]
        able.promote("run", [refill(able, 3, "c")])
        assert able.query(f"SELECT * FROM {able.address('planning')}") == (["item_id", "name"], [(1, "c")])
        able.rollback("back", [("1", 2)])
        assert able.query(f"SELECT item_id, name, size, note FROM {able.address('planning')}")[1] == [(1, "b", 7, "n")]
        able.rollback("back", [("1", 1)])
        assert able.query(f"SELECT * FROM {able.address('planning')}") == (["item_id", "name"], [(1, "a")])

    def test_a_refill_is_rolled_back_and_forth(self, able: Destination) -> None:
        """Every generation is as it was, wherever one comes from."""
        for number, name in enumerate(["first", "second", "third"], 1):
            able.promote("run", [refill(able, number, name)])
        whole = {number: able.contents("1", number) for number in (1, 2, 3)}
        for number, name in ((1, "first"), (3, "third"), (2, "second"), (2, "second")):
            able.rollback("back", [("1", number)])
            assert (self.live(able), self.names(able)) == (number, [name])
        assert {number: able.contents("1", number) for number in (1, 2, 3)} == whole

    def test_a_refill_of_a_swapped_table_can_be_undone(self, able: Destination) -> None:
        """The rows that came by swap are kept before they are emptied."""
        able.promote("run", [put(able, "1", 1, items("swapped"))])
        able.promote("run", [refill(able, 2, "refilled")])
        assert self.names(able) == ["refilled"]
        able.rollback("back", [("1", 1)])
        assert self.names(able) == ["swapped"]
        able.rollback("forward", [("1", 2)])
        assert self.names(able) == ["refilled"]

    def test_a_swap_of_a_refilled_table_can_be_undone(self, able: Destination) -> None:
        """Of the two copies of a refilled generation one stays."""
        able.promote("run", [refill(able, 1, "refilled")])
        able.promote("run", [refill(able, 2, "again")])
        able.promote("run", [put(able, "1", 3, items("swapped"))])
        assert self.names(able) == ["swapped"]
        assert able.drop_staged() == []
        for number, name in ((2, "again"), (1, "refilled"), (3, "swapped")):
            able.rollback("back", [("1", number)])
            assert self.names(able) == [name]
        assert able.drop_staged() == []

    def test_tables_may_come_and_go_in_place(self, able: Destination) -> None:
        """A new table of the group is made, one that the board no longer has goes, and rollback undoes both."""
        tags = [(TAGS, "SELECT 1, 'x'")]
        able.promote("run", [refill(able, 1, "a")])
        able.promote("run", [put(able, "1", 2, items("b") + tags, Replace.IN_PLACE)])
        assert able.query(f"SELECT tag FROM {able.address('planning_tags')}")[1] == [("x",)]
        able.promote("run", [refill(able, 3, "c")])
        with pytest.raises(DestinationError):
            able.query(f"SELECT tag FROM {able.address('planning_tags')}")
        able.rollback("back", [("1", 2)])
        assert able.query(f"SELECT tag FROM {able.address('planning_tags')}")[1] == [("x",)]
        assert self.names(able) == ["b"]

    def test_groups_of_both_ways_go_live_together(self, able: Destination) -> None:
        """When the last group cannot, none does; then all do."""

        def both(number: int, name: str) -> list[StagedGroup]:
            return [refill(able, number, name), put(able, "2", number, [(OTHER, f"SELECT 1, '{name}'")])]

        able.promote("run", both(1, "old"))
        before, whole = able.generations(), self._whole(able)
        lost = StagedGroup("2", 2, ((StagedRef("2", 2, OTHER, "never_staged__g2"), 1),))
        with pytest.raises(DestinationError):
            able.promote("run", [refill(able, 2, "new"), lost])
        with pytest.raises(DestinationError):
            bad = put(able, "2", 2, [(OTHER, "SELECT 1, 'twice' FROM range(2)")], Replace.IN_PLACE)
            able.promote("run", [refill(able, 2, "new"), bad])
        assert (self.names(able), self.names(able, "other")) == (["old"], ["old"])
        assert (able.generations(), self._whole(able)) == (before, whole)
        able.drop_staged()
        able.promote("run", both(2, "new"))
        assert (self.names(able), self.names(able, "other")) == (["new"], ["new"])
        able.rollback("back", [("1", 1), ("2", 1)])
        assert (self.names(able), self.names(able, "other")) == (["old"], ["old"])

    def test_retention_keeps_the_copies_that_rollback_needs(self, able: Destination) -> None:
        """Old copies go with their generations; the sealed copy of the live one is no leftover."""
        for number in range(1, 6):
            able.promote("run", [refill(able, number, f"v{number}")])
        left = refill(able, 6, "left over")
        assert able.drop_staged() == [left.tables[0][0].hidden_name]
        assert able.retain("1", 3) == [1, 2]
        able.rollback("back", [("1", 3)])
        assert able.drop_staged() == []
        assert able.retain("1", 2) == [4]
        assert self.names(able) == ["v3"]
        able.rollback("forward", [("1", 5)])
        assert self.names(able) == ["v5"]
        assert able.retain("1", 1) == [3]
        assert able.drop_staged() == []
        assert self.names(able) == ["v5"]

    def _whole(self, destination: Destination) -> list[tuple[Generation, dict[str, str]]]:
        return [(g, destination.contents(g.group, g.number)) for g in destination.generations()]
