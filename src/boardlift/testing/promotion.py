"""Promises of a destination about going live and back: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from boardlift.destinations.interface import Destination, Generation, StagedGroup, StagedRef, State
from boardlift.errors import DestinationError, LeaseHeld, PromotionConflict
from boardlift.shape.table import Table
from boardlift.testing.basis import Basis
from boardlift.testing.samples import ITEMS, TAGS, Outside, items, put


class Promotion(Basis):
    """Swaps, rollbacks, retention, and the right to write."""

    def test_promotion_shows_the_new_generation_to_readers(self, ready: Destination, outside: Outside) -> None:
        """A reader asks by the live name and sees old before, new after."""
        ask = f"SELECT name FROM {ready.address('planning')}"
        ready.promote("run-1", [put(ready, "1", 1, items("old"))])
        assert outside(ask) == [("old",)]
        group = put(ready, "1", 2, items("new"))
        assert outside(ask) == [("old",)]
        outcome = ready.promote("run-2", [group])
        assert outside(ask) == [("new",)]
        assert outcome.attempts == 1
        assert outcome.blocked_ms >= 0
        newest, oldest = ready.generations("1")
        assert _summary(newest) == (2, State.LIVE, "run-2", outcome.promoted_at, ITEMS.fingerprint, 1)
        assert (oldest.number, oldest.state, oldest.run_id) == (1, State.KEPT, "run-1")

    def test_one_promotion_carries_many_groups(self, ready: Destination) -> None:
        """All groups of a run go live together, and the catalogue lists each."""
        boards = [(str(n), Table(f"board_{n}", ITEMS.columns, ITEMS.key)) for n in range(20)]
        groups = [put(ready, key, 1, [(table, f"SELECT 1, '{key}'")]) for key, table in boards]
        ready.promote("run", groups)
        assert [self.names(ready, table.name) for _, table in boards] == [[key] for key, _ in boards]
        assert sorted(g.group for g in ready.generations()) == sorted(key for key, _ in boards)

    def test_tables_may_appear_and_vanish(self, ready: Destination) -> None:
        """The live tables are those of the live generation, no more and no fewer."""
        tags = [(TAGS, "SELECT 1, 'x'")]
        ready.promote("run", [put(ready, "1", 1, items("a"))])
        ready.promote("run", [put(ready, "1", 2, items("b") + tags)])
        assert ready.query(f"SELECT tag FROM {ready.address('planning_tags')}")[1] == [("x",)]
        ready.promote("run", [put(ready, "1", 3, items("c"))])
        with pytest.raises(DestinationError):
            ready.query(f"SELECT tag FROM {ready.address('planning_tags')}")
        ready.rollback("back", [("1", 2)])
        assert ready.query(f"SELECT tag FROM {ready.address('planning_tags')}")[1] == [("x",)]
        assert self.names(ready) == ["b"]

    def test_a_group_may_change_its_table_name(self, ready: Destination) -> None:
        """The old name goes, the new one comes, and another group may take the old name in the same commit."""
        renamed = Table("roadmap", ITEMS.columns, ITEMS.key)
        ready.promote("run", [put(ready, "1", 1, items("one"))])
        moved = put(ready, "1", 2, [(renamed, "SELECT 1, 'one again'")])
        ready.promote("run", [moved, put(ready, "2", 2, items("two"))])
        assert self.names(ready, "roadmap") == ["one again"]
        assert self.names(ready) == ["two"]

    def test_a_kept_generation_survives_another_group_with_its_name_and_number(self, ready: Destination) -> None:
        """Hidden names of two groups never meet."""
        renamed = Table("roadmap", ITEMS.columns, ITEMS.key)
        ready.promote("run", [put(ready, "1", 1, items("one"))])
        ready.promote("run", [put(ready, "1", 2, [(renamed, "SELECT 1, 'x'")])])
        ready.promote("run", [put(ready, "2", 1, items("two"))])
        ready.promote("run", [put(ready, "2", 2, [(Table("other", ITEMS.columns, ITEMS.key), "SELECT 1, 'y'")])])
        ready.rollback("back", [("1", 1)])
        assert self.names(ready) == ["one"]

    def test_two_groups_cannot_claim_one_name(self, ready: Destination) -> None:
        """Neither within a promotion nor against a live table of another group."""
        ready.promote("run", [put(ready, "1", 1, items("mine"))])
        with pytest.raises(PromotionConflict):
            ready.promote("run", [put(ready, "2", 1, items("thine"))])
        assert self.names(ready) == ["mine"]

    def test_a_failure_inside_promote_changes_nothing(self, ready: Destination) -> None:
        """When the last of several groups cannot go live, none does."""
        other = Table("other", ITEMS.columns, ITEMS.key)
        ready.promote("run", [put(ready, "1", 1, items("old")), put(ready, "2", 1, [(other, "SELECT 1, 'old'")])])
        before = ready.generations()
        lost = StagedGroup("2", 2, ((StagedRef("2", 2, other, "never_staged__g2"), 1),))
        with pytest.raises(DestinationError):
            ready.promote("run", [put(ready, "1", 2, items("new")), lost])
        assert self.names(ready) == ["old"]
        assert self.names(ready, "other") == ["old"]
        assert ready.generations() == before
        ready.promote("run", [put(ready, "1", 2, items("new")), put(ready, "2", 2, [(other, "SELECT 1, 'new'")])])
        assert (self.names(ready), self.names(ready, "other")) == (["new"], ["new"])

    def test_bad_keys_cannot_go_live(self, ready: Destination) -> None:
        """The key is enforced by the engine, whatever the gate said."""
        ready.promote("run", [put(ready, "1", 1, items("good"))])
        with pytest.raises(DestinationError):
            ready.promote("run", [put(ready, "1", 2, [(ITEMS, "SELECT 1, 'twice' FROM range(2)")])])
        with pytest.raises(DestinationError):
            ready.promote("run", [put(ready, "1", 2, [(ITEMS, "SELECT NULL, 'none'")])])
        assert self.names(ready) == ["good"]

    def test_the_same_generation_is_promoted_once(self, ready: Destination) -> None:
        """A repeated promotion is told apart from a first one."""
        group = put(ready, "1", 1, items("a"))
        ready.promote("run", [group])
        with pytest.raises(DestinationError):
            ready.promote("run", [group])
        assert self.names(ready) == ["a"]

    def test_somebody_elses_table_is_never_replaced(self, ready: Destination, outside: Outside) -> None:
        """A table that boardlift did not make is reported, and promotion refuses."""
        outside(f"CREATE TABLE {ready.address('planning')} (name VARCHAR(10))")
        outside(f"INSERT INTO {ready.address('planning')} VALUES ('theirs')")
        assert ready.foreign_tables(["planning", "roadmap"]) == ["planning"]
        with pytest.raises(PromotionConflict) as caught:
            ready.promote("run", [put(ready, "1", 1, items("ours"))])
        assert "planning" in caught.value.message
        assert self.names(ready) == ["theirs"]

    def test_our_own_tables_are_not_foreign(self, ready: Destination) -> None:
        """What was promoted here is known."""
        ready.promote("run", [put(ready, "1", 1, items("a"))])
        assert ready.foreign_tables(["planning"]) == []

    def test_rollback_goes_back_and_forth(self, ready: Destination) -> None:
        """A rollback is a swap with a kept generation, and can itself be undone."""
        for number, name in enumerate(["first", "second", "third"], 1):
            ready.promote(f"run-{number}", [put(ready, "1", number, items(name))])
        seen = []
        for number in (1, 3, 2, 2):
            ready.rollback(f"back-to-{number}", [("1", number)])
            seen.append((self.live(ready), self.names(ready)))
        assert seen == [(1, ["first"]), (3, ["third"]), (2, ["second"]), (2, ["second"])]
        assert {g.number: g.run_id for g in ready.generations("1")} == {3: "back-to-3", 2: "back-to-2", 1: "back-to-1"}

    def test_rollback_of_many_groups_is_one_commit(self, ready: Destination) -> None:
        """A target that is not stored stops all of them."""
        other = Table("other", ITEMS.columns, ITEMS.key)
        for number in (1, 2):
            one = put(ready, "1", number, items(f"v{number}"))
            ready.promote("run", [one, put(ready, "2", number, [(other, f"SELECT 1, 'v{number}'")])])
        with pytest.raises(DestinationError):
            ready.rollback("back", [("1", 1), ("2", 9)])
        assert (self.names(ready), self.names(ready, "other")) == (["v2"], ["v2"])
        ready.rollback("back", [("1", 1), ("2", 1)])
        assert (self.names(ready), self.names(ready, "other")) == (["v1"], ["v1"])

    def test_retain_drops_the_oldest_and_never_the_live_one(self, ready: Destination) -> None:
        """`keep` counts the live generation in."""
        for number in range(1, 6):
            ready.promote("run", [put(ready, "1", number, items(f"v{number}"))])
        ready.rollback("back", [("1", 1)])
        assert ready.retain("1", 3) == [2, 3]
        assert [g.number for g in ready.generations("1")] == [5, 4, 1]
        assert ready.retain("1", 3) == []
        assert ready.retain("1", 1) == [4, 5]
        assert ready.retain("1", 0) == []
        assert self.names(ready) == ["v1"]
        assert ready.drop_staged() == []

    def test_drop_staged_removes_only_what_nobody_knows(self, ready: Destination) -> None:
        """Leftovers go; kept generations stay, and can still be rolled back to."""
        ready.promote("run", [put(ready, "1", 1, items("a"))])
        ready.promote("run", [put(ready, "1", 2, items("b"))])
        left = put(ready, "1", 3, items("c"))
        assert ready.drop_staged() == [left.tables[0][0].hidden_name]
        assert ready.drop_staged() == []
        ready.rollback("back", [("1", 1)])
        assert self.names(ready) == ["a"]

    def test_a_live_table_dropped_by_hand_does_not_stop_the_next_swap(
        self, ready: Destination, outside: Outside
    ) -> None:
        """The next generation goes live as if nothing had happened."""
        ready.promote("run", [put(ready, "1", 1, items("a"))])
        for kind in ("TABLE", "VIEW"):
            with suppress(Exception):  # it is one of the two, and each engine has its own error for the other
                outside(f"DROP {kind} {ready.address('planning')}")
        with pytest.raises(DestinationError):
            self.names(ready)
        ready.promote("run", [put(ready, "1", 2, items("b"))])
        assert self.names(ready) == ["b"]

    def test_the_lease_is_exclusive_and_freed(self, ready: Destination, second: Callable[[], Destination]) -> None:
        """The second holder is told who has it; after the first is done it may."""
        with ready.lease("first"), pytest.raises(LeaseHeld) as caught, second().lease("second"):
            pass
        assert "first" in caught.value.by
        with second().lease("second"):
            pass
        with ready.lease("first again"):
            ready.promote("run", [put(ready, "1", 1, items("a"))])
        assert self.names(ready) == ["a"]


def _summary(generation: Generation) -> tuple[object, ...]:
    fingerprints = {table.fingerprint for table in generation.tables}
    return (
        *(generation.number, generation.state, generation.run_id, generation.promoted_at),
        *(fingerprints.pop(), generation.rows),
    )
