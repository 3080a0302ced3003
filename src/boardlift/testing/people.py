"""Promises of a destination to people: names, labels, queries."""

from __future__ import annotations

import pytest

from boardlift.destinations.interface import Destination, Replace
from boardlift.errors import DestinationError
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, JSON, TEXT
from boardlift.testing.basis import Basis
from boardlift.testing.samples import HOSTILE, ITEMS, Outside, items, loaded, put


class People(Basis):
    """Hostile names, labels as comments, reading queries."""

    def test_labels_are_kept_as_comments(self, ready: Destination, outside: Outside) -> None:
        """The human title of a column can be read where the data is, before and after a rollback."""
        if not ready.capabilities.column_comments:
            pytest.skip("this engine has no comments on columns")
        column = Column("name", TEXT, label=f"Title {HOSTILE}")
        for number, extra in ((1, column), (2, Column("name", TEXT, label="Plain"))):
            table = Table("planning", (ITEMS.columns[0], extra), ITEMS.key, label=HOSTILE)
            ready.promote("run", [put(ready, "1", number, [(table, "SELECT 1, 'x'")])])
        plain = {("item_id", "Item ID"), ("name", "Plain")}
        assert set(outside(self.labels_sql.format(table="planning"))) == plain
        ready.rollback("back", [("1", 1)])
        expected = {("item_id", "Item ID"), ("name", f"Title {HOSTILE}")}
        assert set(outside(self.labels_sql.format(table="planning"))) == expected

    def test_hostile_names_are_only_names(self, ready: Destination) -> None:
        """Quotes, semicolons and other scripts in names and keys do no harm."""
        name = "pl\"an'; --名"
        columns = (Column("k", TEXT), Column("co\"l'; %s {} $1 名", JSON), Column("n\"'; --", BIGINT))
        indexes = (Index((columns[2].name,)),)
        table = Table(name, columns, key=("k",), label="'); DROP TABLE x; --", indexes=indexes)
        group = "gr'oup\"; %s"
        first = "SELECT ''';', '{\"%s\": \"{}\"}', 1"
        ready.promote("r'u\"n", [put(ready, group, 1, [(table, first)])])
        ready.promote("r'u\"n", [put(ready, group, 2, [(table, "SELECT 'second', '1', 2")])])
        ready.rollback("back", [(group, 1)])
        names, rows = ready.query(f"SELECT * FROM {ready.address(name)}")
        assert names == [column.name for column in columns]
        assert [(row[0], loaded(row[1]), row[2]) for row in rows] == [("';", {"%s": "{}"}, 1)]
        assert [g.group for g in ready.generations(group)] == [group, group]
        assert [r.table for r in ready.replacements(group, [table], Replace.SWAP)] == [name]
        assert set(ready.sizes()) == {(group, 1), (group, 2)}
        assert ready.contents(group, 1) != ready.contents(group, 2)
        assert ready.retain(group, 1) == [2]

    def test_the_longest_names_fit(self, ready: Destination) -> None:
        """Fifty characters of table name and sixty-three of column name leave room for every suffix."""
        tables = [Table("t" * 49 + end, (Column("c" * 63, TEXT),), key=("c" * 63,)) for end in "ab"]
        for number in (1_234_567_889, 1_234_567_890):
            ready.promote("run", [put(ready, "1", number, [(table, f"SELECT '{number}'") for table in tables])])
        ready.rollback("back", [("1", 1_234_567_889)])
        for table in tables:
            assert ready.query(f"SELECT * FROM {ready.address(table.name)}")[1] == [("1234567889",)]

    @pytest.mark.parametrize("end", ["", ";", " -- done", "; -- 100% {done}"])
    def test_a_query_ends_as_people_end_it(self, ready: Destination, end: str) -> None:
        """A semicolon and a comment at the end are no second statement."""
        assert ready.query(f"SELECT 1 AS one, '%s {{}}' AS two{end}") == (["one", "two"], [(1, "%s {}")])

    def test_a_query_cannot_write(self, ready: Destination) -> None:
        """Neither plainly, nor after a semicolon, nor behind the end of a transaction."""
        ready.promote("run", [put(ready, "1", 1, items("a"))])
        live = ready.address("planning")
        for sql in (
            f"DELETE FROM {live}",
            f"SELECT 1; DELETE FROM {live}",
            f"COMMIT; DELETE FROM {live}",
            f"CREATE TABLE {ready.address('new')} AS SELECT 1 AS x",
            f"SELEC name FROM {live}",
        ):
            with pytest.raises(DestinationError):
                ready.query(sql)
        assert len(ready.generations()) == 1
        assert self.names(ready) == ["a"]

    def test_capabilities_and_identity_can_be_shown(self, ready: Destination) -> None:
        """Both are for people, and a namespace is what it was opened with."""
        capabilities = ready.capabilities
        assert capabilities.engine
        for sentence in (capabilities.swap, capabilities.crash, *filter(None, [capabilities.in_place])):
            assert sentence.endswith(".")
        assert "://" in ready.identity
