"""Promises of a destination before anything is live: preparing, filling, measuring."""

from __future__ import annotations

import pytest

from boardlift.destinations.interface import Destination, StagedGroup
from boardlift.errors import DestinationError
from boardlift.shape.table import Column, Table
from boardlift.shape.types import TEXT
from boardlift.testing.arrow import Rows
from boardlift.testing.basis import Basis
from boardlift.testing.samples import EVERY_TYPE, ITEMS, TAGS, VALUES, items, loaded, put, rows_sql


class Staging(Basis):
    """What happens beside the live tables."""

    def test_an_unprepared_destination_has_no_generations(self, destination: Destination) -> None:
        """Asking before the first run is not an error."""
        assert destination.generations() == []
        assert destination.foreign_tables(["planning"]) == []
        destination.close()

    def test_prepare_can_be_repeated(self, ready: Destination) -> None:
        """A second prepare finds everything in place and keeps what is stored."""
        ready.promote("run", [put(ready, "1", 1, items("a"))])
        ready.prepare()
        assert self.names(ready) == ["a"]
        assert len(ready.generations()) == 1

    def test_findings_of_a_healthy_destination_are_all_well(self, ready: Destination) -> None:
        """`doctor` has something to say, and nothing to complain about."""
        assert ready.findings()
        assert [finding for finding in ready.findings() if not finding.ok] == []

    def test_every_type_comes_back_exactly(self, ready: Destination) -> None:
        """Values of every type, at their limits and null, survive the bulk path unchanged."""
        group = put(ready, "1", 1, [(EVERY_TYPE, rows_sql(EVERY_TYPE, VALUES))])
        assert group.tables[0][1] == len(VALUES)
        ready.promote("run", [group])
        names, found = ready.query(f"SELECT * FROM {ready.address('every_type')} ORDER BY n")
        assert names == [column.name for column in EVERY_TYPE.columns]
        expected = sorted(VALUES, key=lambda row: int(str(row[0])))
        assert [row[:-1] for row in found] == [row[:-1] for row in expected]
        assert [loaded(row[-1]) for row in found] == [loaded(row[-1]) for row in expected]

    def test_columns_of_a_stream_count_by_position(self, ready: Destination) -> None:
        """What the stream calls its columns, and a narrower number type, do not matter."""
        staged = ready.stage("1", 1, ITEMS)
        assert ready.append(staged, Rows("SELECT 1::INTEGER AS name, 'x' AS whatever")) == 1
        ready.promote("run", [StagedGroup("1", 1, ((staged, 1),))])
        assert self.names(ready) == ["x"]

    def test_rows_are_distributed_over_tables_that_are_alike(self, ready: Destination) -> None:
        """Every type, at its limits and null, each row in the table whose number it bears; a table may get none."""
        tables = [Table(f"every_type_{number}", EVERY_TYPE.columns, EVERY_TYPE.key) for number in range(3)]
        refs = ready.stage_all([(str(number), 1, table) for number, table in enumerate(tables)])
        rows = rows_sql(EVERY_TYPE, VALUES)
        some, others = rows_sql(EVERY_TYPE, VALUES[::2]), rows_sql(EVERY_TYPE, VALUES[1::2])
        mixed = f"SELECT 2::INTEGER AS which, * FROM ({rows}) UNION ALL SELECT 7, * FROM ({some})"
        added = ready.distribute({2: refs[0], 7: refs[1]}, Rows(mixed))
        added |= ready.distribute({7: refs[1]}, Rows(f"SELECT 7::INTEGER AS which, * FROM ({others})"))
        assert ready.measure_all(refs) == [ready.measure(ref) for ref in refs]
        assert [facts.rows for facts in ready.measure_all(refs)] == [len(VALUES), len(VALUES), 0]
        assert added[2] == len(VALUES)
        whole = ready.stage("3", 1, Table("whole", EVERY_TYPE.columns, EVERY_TYPE.key))
        ready.append(whole, Rows(rows))
        groups = [StagedGroup(ref.group, 1, ((ref, ready.measure(ref).rows),)) for ref in (*refs, whole)]
        ready.promote("run", groups)
        assert [*ready.contents("0", 1).values()] == [*ready.contents("3", 1).values()]
        assert [*ready.contents("1", 1).values()] == [*ready.contents("3", 1).values()]

    def test_appends_add_up(self, ready: Destination) -> None:
        """Each append adds its rows; an empty stream adds none."""
        staged = ready.stage("1", 1, ITEMS)
        counts = [
            ready.append(staged, Rows("SELECT range, 'a' FROM range(5000)")),
            ready.append(staged, Rows("SELECT range, 'a' FROM range(0)")),
            ready.append(staged, Rows("SELECT range + 5000, 'b' FROM range(3)")),
        ]
        assert counts == [5000, 0, 3]
        assert ready.measure(staged).rows == 5003

    def test_rows_of_another_width_are_refused(self, ready: Destination) -> None:
        """Too few or too many columns, or a value that does not fit, stop the load and leave no row behind."""
        staged = ready.stage("1", 1, ITEMS)
        for sql in ("SELECT 1", "SELECT 1, 'a', 2", "SELECT 'no number', 'a'"):
            with pytest.raises(DestinationError):
                ready.append(staged, Rows(sql))
        assert ready.append(staged, Rows("SELECT 1, 'a'")) == 1
        assert ready.measure(staged).rows == 1

    def test_measure_counts_null_and_repeated_keys(self, ready: Destination) -> None:
        """Bad keys are counted, not refused: the gate decides about them."""
        staged = ready.stage("1", 1, TAGS)
        ready.append(staged, Rows("SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (1, 'b'), (NULL, 'c'), (2, NULL))"))
        facts = ready.measure(staged)
        assert (facts.rows, facts.null_keys, facts.distinct_keys) == (5, 2, 2)

    def test_complete_tables_are_measured_and_promoted_as_ever(self, ready: Destination) -> None:
        """Whatever is done ahead, nobody sees it, and the facts and the rows are the same; a late row is taken."""
        group = put(ready, "1", 1, items("a", "b"))
        before = [ready.measure(ref) for ref, _ in group.tables]
        ready.complete(group.tables)
        assert ready.measure_all([ref for ref, _ in group.tables]) == before
        assert ready.generations() == []
        assert ready.append(group.tables[0][0], Rows("SELECT 77, 'late'")) == 1
        assert ready.measure(group.tables[0][0]).rows == 3
        ready.promote("run", [StagedGroup("1", 1, ((group.tables[0][0], 3), *group.tables[1:]))])
        assert self.names(ready) == ["a", "b", "late"]

    def test_complete_tables_with_bad_keys_are_left_to_the_gate(self, ready: Destination) -> None:
        """Nothing is raised, the bad keys are counted, and tables beside them are not spoiled."""
        bad = ready.stage("1", 1, TAGS)
        rows = ready.append(bad, Rows("SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (NULL, 'c'))"))
        good = put(ready, "2", 1, items("a"))
        ready.complete([(bad, rows), *good.tables])
        facts = ready.measure(bad)
        assert (facts.rows, facts.null_keys, facts.distinct_keys) == (3, 1, 1)
        ready.promote("run", [good])
        assert self.names(ready) == ["a"]

    def test_measure_of_a_table_without_key_counts_rows(self, ready: Destination) -> None:
        """Without a key no row repeats another."""
        staged = ready.stage("1", 1, Table("loose", (Column("a", TEXT),)))
        ready.append(staged, Rows("SELECT 'x' FROM range(4)"))
        facts = ready.measure(staged)
        assert (facts.rows, facts.null_keys, facts.distinct_keys) == (4, 0, 4)

    def test_staging_again_drops_the_leftover(self, ready: Destination) -> None:
        """A run that died left a table; the next one with that number starts empty."""
        put(ready, "1", 1, items("left", "over"))
        ready.promote("run", [put(ready, "1", 1, items("fresh"))])
        assert self.names(ready) == ["fresh"]

    def test_a_stored_generation_is_never_staged_again(self, ready: Destination) -> None:
        """Staging under a stored number would drop a sealed table."""
        ready.promote("run", [put(ready, "1", 1, items("a"))])
        ready.promote("run", [put(ready, "1", 2, items("b"))])
        for number in (1, 2):
            with pytest.raises(DestinationError):
                ready.stage("1", number, ITEMS)
        assert self.names(ready) == ["b"]

    def test_a_staged_table_is_not_visible_to_readers(self, ready: Destination) -> None:
        """Staging leaves the live namespace alone."""
        put(ready, "1", 1, items("a"))
        assert ready.foreign_tables(["planning"]) == []
        with pytest.raises(DestinationError):
            self.names(ready)
