"""Promises of a destination about whole generations: their fingerprints, copies, sizes, and leaving without a trace."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from boardlift.destinations.interface import Destination, StagedGroup
from boardlift.errors import DestinationError
from boardlift.shape.table import Column, Table
from boardlift.shape.types import BIGINT, TEXT
from boardlift.testing.basis import Basis
from boardlift.testing.samples import EVERY_TYPE, ITEMS, TAGS, VALUES, Outside, items, put, rows_sql

MARKED = Table("marked", (Column("item_id", BIGINT), Column("mark", TEXT)))
LOOSE = Table("loose", (Column("a", TEXT), Column("b", TEXT)))
ROWS: list[tuple[object, ...]] = [("x", "y"), ("x", None), (None, "x"), ("", ""), ("ab", "c")]
OTHERS: dict[str, list[tuple[object, ...]]] = {
    "one cell is changed": [("x", "z"), *ROWS[1:]],
    "one cell differs by case": [("X", "y"), *ROWS[1:]],
    "one cell has a space at its end": [("x ", "y"), *ROWS[1:]],
    "a row comes twice": [*ROWS, ROWS[0]],
    "two rows come twice": [*ROWS, ROWS[0], ROWS[0]],
    "a row is missing": ROWS[1:],
    "NULL became an empty text": [ROWS[0], ("x", ""), *ROWS[2:]],
    "NULL changed its column": [ROWS[0], ROWS[2], *ROWS[2:]],
    "text moved between columns": [*ROWS[:4], ("a", "bc")],
    "cells changed their rows": [("x", None), ("x", "y"), (None, "x"), ("", "c"), ("ab", "")],
    "there are no rows": [],
}

Beside = Callable[[str], Destination]


class Contents(Basis):
    """What `rollback --rehearse` and incremental runs rely on."""

    def test_equal_rows_have_equal_fingerprints(self, ready: Destination) -> None:
        """In whatever order, and in however many appends, they came."""
        ready.promote("run", [put(ready, "1", 1, [(LOOSE, rows_sql(LOOSE, ROWS))])])
        ready.promote("run", [put(ready, "1", 2, [(LOOSE, rows_sql(LOOSE, ROWS[::-1]))])])
        assert list(ready.contents("1", 1)) == ["loose"]
        assert ready.contents("1", 1) == ready.contents("1", 2)

    @pytest.mark.parametrize("rows", OTHERS.values(), ids=list(OTHERS))
    def test_other_rows_have_other_fingerprints(self, ready: Destination, rows: list[tuple[object, ...]]) -> None:
        """However small the difference."""
        ready.promote("run", [put(ready, "1", 1, [(LOOSE, rows_sql(LOOSE, ROWS))])])
        other = rows_sql(LOOSE, rows) if rows else "SELECT 'x', 'y' WHERE false"
        ready.promote("run", [put(ready, "1", 2, [(LOOSE, other)])])
        assert ready.contents("1", 1) != ready.contents("1", 2)

    def test_a_fingerprint_stays_the_same_through_swaps(self, ready: Destination) -> None:
        """Live or kept, a generation is what it was; every type has its say."""
        ready.promote("run", [put(ready, "1", 1, [(EVERY_TYPE, rows_sql(EVERY_TYPE, VALUES))])])
        first = ready.contents("1", 1)
        for place, column in enumerate(EVERY_TYPE.columns[1:], 1):
            changed = [*VALUES]
            changed[0] = tuple(None if at == place else value for at, value in enumerate(VALUES[0]))
            ready.promote("run", [put(ready, "1", place + 1, [(EVERY_TYPE, rows_sql(EVERY_TYPE, changed))])])
            assert ready.contents("1", place + 1) != first, column.name
        assert ready.contents("1", 1) == first
        ready.rollback("back", [("1", 1)])
        assert ready.contents("1", 1) == first

    def test_the_contents_of_what_is_not_stored_are_refused(self, ready: Destination) -> None:
        """There is nothing to take a fingerprint of."""
        with pytest.raises(DestinationError):
            ready.contents("1", 1)

    def test_a_copy_has_the_same_contents(self, ready: Destination, beside: Beside) -> None:
        """A live and a kept generation are copied into another namespace; here nothing changes."""
        tables = [EVERY_TYPE, TAGS, LOOSE]
        for number in (1, 2):
            rows = [rows_sql(EVERY_TYPE, VALUES[number:]), f"SELECT {number}, 'x'", rows_sql(LOOSE, ROWS[:number])]
            ready.promote("run", [put(ready, "1", number, list(zip(tables, rows, strict=True)))])
        before = ready.generations()
        there = beside("rehearsal")
        there.prepare()
        for number in (1, 2):
            refs = [there.stage("1", number, table) for table in tables]
            counts = [ready.copy("1", number, ref.table.name, ref, there.namespace) for ref in refs]
            assert counts == [len(VALUES) - number, 1, number]
            there.promote("run", [StagedGroup("1", number, tuple(zip(refs, counts, strict=True)))])
            assert there.contents("1", number) == ready.contents("1", number)
        assert ready.generations() == before
        there.close()

    @pytest.mark.parametrize("many", [False, True])
    def test_a_copy_can_leave_rows_behind(self, ready: Destination, many: bool) -> None:
        """Into the next generation of the same namespace, by the item's id; a row without an id goes along."""
        rows = rows_sql(MARKED, [(1, "a"), (1, "b"), (2**40, "c"), (3, "d"), (None, "e")])
        ready.promote("run", [put(ready, "1", 1, [(MARKED, rows), *items("x", "y", "z")])])
        refs = [ready.stage("1", 2, table) for table in (MARKED, ITEMS)]
        without = {1, 2**40, 77, *(range(1000, 31_000) if many else ())}
        counts = [ready.copy("1", 1, ref.table.name, ref, ready.namespace, without) for ref in refs]
        assert counts == [2, 2]
        assert [ready.measure(ref).rows for ref in refs] == [2, 2]
        ready.promote("run", [StagedGroup("1", 2, tuple(zip(refs, counts, strict=True)))])
        assert ready.query(f"SELECT mark FROM {ready.address('marked')} ORDER BY mark")[1] == [("d",), ("e",)]
        assert self.names(ready) == ["y", "z"]
        assert ready.drop_staged() == []

    def test_sizes_are_known_for_every_generation(self, ready: Destination) -> None:
        """In bytes, never nothing, and more for more rows."""
        assert ready.sizes() == {}
        ready.promote("run", [put(ready, "1", 1, items("a"))])
        many = "SELECT range, repeat(md5(range::VARCHAR), 4) FROM range(20000)"
        ready.promote("run", [put(ready, "1", 2, [(ITEMS, many)]), put(ready, "2", 2, [(TAGS, "SELECT 1, 'x'")])])
        sizes = ready.sizes()
        assert set(sizes) == {("1", 1), ("1", 2), ("2", 2)}
        assert min(sizes.values()) > 0
        assert sizes["1", 2] > 500_000 > sizes["1", 1]

    def test_discard_leaves_nothing(self, ready: Destination, beside: Beside) -> None:
        """Neither tables nor generations, and nobody else's namespace is touched."""
        there = beside("rehearsal")
        there.prepare()
        there.promote("run", [put(there, "1", 1, items("rehearsed"))])
        left = put(there, "1", 2, items("left"))
        assert left.tables
        ready.promote("run", [put(ready, "1", 1, items("live"))])
        there.discard()
        assert there.generations() == []
        with pytest.raises(DestinationError):
            self.names(there)
        there.discard()
        assert self.names(ready) == ["live"]
        assert len(ready.generations()) == 1
        there.prepare()
        there.promote("run", [put(there, "1", 1, items("again"))])
        assert self.names(there) == ["again"]
        there.discard()
        there.close()

    def test_discard_refuses_where_somebody_else_has_a_table(
        self, ready: Destination, beside: Beside, outside: Outside
    ) -> None:
        """Their table and its rows stay, and so does everything else."""
        there = beside("rehearsal")
        there.prepare()
        there.promote("run", [put(there, "1", 1, items("rehearsed"))])
        outside(f"CREATE TABLE {there.address('theirs')} (name VARCHAR(10))")
        outside(f"INSERT INTO {there.address('theirs')} VALUES ('kept')")
        with pytest.raises(DestinationError) as caught:
            there.discard()
        assert "theirs" in caught.value.message
        assert outside(f"SELECT name FROM {there.address('theirs')}") == [("kept",)]
        assert self.names(there) == ["rehearsed"]
        outside(f"DROP TABLE {there.address('theirs')}")
        there.discard()
        there.close()
        assert ready.generations() == []
