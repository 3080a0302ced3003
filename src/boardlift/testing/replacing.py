"""Promises of a destination about what people built on live tables, and about indexes."""

from __future__ import annotations

import pytest

from boardlift.destinations.interface import Destination, Replace
from boardlift.errors import DependentObject, DestinationError, PromotionConflict
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.basis import Basis
from boardlift.testing.samples import ITEMS, TAGS, Outside, items, put

RENAMED = Table("planning", (ITEMS.columns[0], Column("title", TEXT)), ITEMS.key)
LINKS = Table(
    "planning_links",
    (Column("item_id", BIGINT, nullable=False), Column("linked_item_id", BIGINT), Column("status", TEXT)),
    key=("item_id",),
    indexes=(Index(("linked_item_id",)), Index(("status", "linked_item_id"), unique=True)),
)


class Replacing(Basis):
    """Before a swap it is known what stands in its way; indexes are there when it is done."""

    def test_a_first_generation_has_nothing_to_carry(self, ready: Destination) -> None:
        """Every table that will be made is listed, with a reason for people."""
        found = ready.replacements("1", [ITEMS, TAGS], Replace.SWAP)
        assert [(r.table, r.way, r.carried, r.obstacles) for r in found] == [
            ("planning", Replace.SWAP, (), ()),
            ("planning_tags", Replace.SWAP, (), ()),
        ]
        assert all(replacement.why for replacement in found)

    def test_replacements_name_what_comes_stays_and_goes(self, ready: Destination) -> None:
        """A live table whose board no longer has it is listed, too; and nothing is changed by asking."""
        ready.promote("run", [put(ready, "1", 1, [*items("a"), (TAGS, "SELECT 1, 'x'")])])
        before = ready.generations(), ready.contents("1", 1)
        found = ready.replacements("1", [RENAMED, LINKS], Replace.SWAP)
        assert sorted(replacement.table for replacement in found) == ["planning", "planning_links", "planning_tags"]
        assert [replacement.obstacles for replacement in found] == [()] * 3
        assert (ready.generations(), ready.contents("1", 1)) == before
        assert self.names(ready) == ["a"]
        ready.promote("run", [put(ready, "1", 2, [(RENAMED, "SELECT 1, 'b'"), (LINKS, "SELECT 1, 2, 'x'")])])
        assert ready.query(f"SELECT title FROM {ready.address('planning')}")[1] == [("b",)]

    def test_a_foreign_table_is_an_obstacle(self, ready: Destination, outside: Outside) -> None:
        """What `replacements` finds, promotion refuses."""
        outside(f"CREATE TABLE {ready.address('planning')} (name VARCHAR(10))")
        (found,) = ready.replacements("1", [ITEMS], Replace.SWAP)
        assert found.obstacles
        with pytest.raises(PromotionConflict):
            ready.promote("run", [put(ready, "1", 1, items("a"))])

    def test_a_view_of_people_shows_the_new_generation(self, ready: Destination, outside: Outside) -> None:
        """A swap that leaves the columns alone has no obstacle in a view that reads them."""
        ready.promote("run", [put(ready, "1", 1, items("old"))])
        mine = ready.address("mine")
        outside(f"CREATE VIEW {mine} AS SELECT name FROM {ready.address('planning')}")
        for number, name in ((2, "new"), (3, "newer")):
            (found,) = ready.replacements("1", [ITEMS], Replace.SWAP)
            assert found.obstacles == ()
            ready.promote("run", [put(ready, "1", number, items(name))])
            assert outside(f"SELECT name FROM {mine}") == [(name,)]
        ready.rollback("back", [("1", 1)])
        assert outside(f"SELECT name FROM {mine}") == [("old",)]

    def test_a_view_that_the_new_columns_break_stops_the_swap(self, ready: Destination, outside: Outside) -> None:
        """It is found beforehand and named; promotion refuses for the same reason and changes nothing."""
        ready.promote("run", [put(ready, "1", 1, items("old"))])
        outside(f"CREATE VIEW {ready.address('mine')} AS SELECT name FROM {ready.address('planning')}")
        (found,) = ready.replacements("1", [RENAMED], Replace.SWAP)
        assert [obstacle for obstacle in found.obstacles if "mine" in obstacle]
        before = ready.generations()
        group = put(ready, "1", 2, [(RENAMED, "SELECT 1, 'new'")])
        with pytest.raises(DependentObject) as caught:
            ready.promote("run", [group])
        assert "mine" in caught.value.message
        assert "not changed" in caught.value.message
        assert ready.generations() == before
        assert outside(f"SELECT name FROM {ready.address('mine')}") == [("old",)]
        outside(f"DROP VIEW {ready.address('mine')}")
        ready.promote("run", [group])
        assert ready.query(f"SELECT title FROM {ready.address('planning')}")[1] == [("new",)]

    def test_a_rollback_that_would_break_a_view_is_refused(self, ready: Destination, outside: Outside) -> None:
        """A view on a column that an older generation lacks is as much in the way as on the way forward."""
        ready.promote("run", [put(ready, "1", 1, items("old"))])
        ready.promote("run", [put(ready, "1", 2, [(RENAMED, "SELECT 1, 'new'")])])
        outside(f"CREATE VIEW {ready.address('mine')} AS SELECT title FROM {ready.address('planning')}")
        with pytest.raises(DependentObject):
            ready.rollback("back", [("1", 1)])
        assert self.live(ready) == 2
        assert outside(f"SELECT title FROM {ready.address('mine')}") == [("new",)]

    def test_indexes_are_made_and_survive_swaps_and_rollbacks(self, ready: Destination, outside: Outside) -> None:
        """Each live generation has the indexes it was given, unique ones as such; few rows may do without others."""
        rows = "SELECT range, 2, 'a' || range FROM range(3000)"
        plain = Table(LINKS.name, LINKS.columns, LINKS.key, indexes=LINKS.indexes[:1])
        both = {(("linked_item_id",), False), (("status", "linked_item_id"), True)}
        ready.promote("run", [put(ready, "1", 1, [(LINKS, rows)])])
        assert both <= self._indexes(outside)
        ready.promote("run", [put(ready, "1", 2, [(plain, rows)])])
        assert self._indexes(outside) & both == {(("linked_item_id",), False)}
        ready.promote("run", [put(ready, "1", 3, [(LINKS, rows)])])
        assert both <= self._indexes(outside)
        ready.rollback("back", [("1", 2)])
        assert self._indexes(outside) & both == {(("linked_item_id",), False)}
        ready.rollback("forward", [("1", 3)])
        assert both <= self._indexes(outside)

    def test_a_unique_index_that_the_rows_break_stops_the_swap(self, ready: Destination) -> None:
        """The engine says no before anything live is touched."""
        unique = Table("planning", ITEMS.columns, ITEMS.key, indexes=(Index(("name",), unique=True),))
        ready.promote("run", [put(ready, "1", 1, items("old"))])
        with pytest.raises(DestinationError):
            ready.promote("run", [put(ready, "1", 2, [(unique, "SELECT range, 'twice' FROM range(2)")])])
        assert self.names(ready) == ["old"]
        assert self.live(ready) == 1

    def _indexes(self, outside: Outside) -> set[tuple[tuple[str, ...], bool]]:
        """(columns, unique) of the indexes of the live link table."""
        found: dict[str, list[tuple[int, str, bool]]] = {}
        for name, position, column, unique in outside(self.indexes_sql.format(table=LINKS.name)):
            found.setdefault(str(name), []).append((int(str(position)), str(column), bool(unique)))
        return {(tuple(c for _, c, _ in sorted(members)), members[0][2]) for members in found.values()}
