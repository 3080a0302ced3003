"""The promises of `Destination`, as tests. An engine passes when a subclass with three fixtures passes.

class TestMyEngine(DestinationConformance):
    labels_sql = "SELECT column_name, comment ... WHERE table_name = '{table}'"

    @pytest.fixture
    def destination(self): ...      # an open destination on an empty database
    @pytest.fixture
    def second(self): ...           # a function that opens another one on the same database
    @pytest.fixture
    def outside(self): ...          # a function that runs SQL there on a connection of its own and returns rows
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from boardlift.destinations.interface import Destination, Generation, StagedGroup, StagedRef, State, hidden_namespace
from boardlift.errors import DestinationError, LeaseHeld, PromotionConflict
from boardlift.shape.sql import Identifier
from boardlift.shape.table import Column, Table
from boardlift.shape.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    JSON,
    NUMBER,
    TEXT,
    TIME,
    TIMESTAMP,
    Kind,
    SqlType,
)
from boardlift.testing.arrow import Rows

Outside = Callable[[str], list[tuple[object, ...]]]

ITEMS = Table(
    "planning",
    (Column("item_id", BIGINT, nullable=False, label="Item ID"), Column("name", TEXT, label="Name")),
    key=("item_id",),
    label="Planning",
)
TAGS = Table("planning_tags", (Column("item_id", BIGINT), Column("tag", TEXT)), key=("item_id", "tag"))
HOSTILE = "we\"ird '; DROP TABLE x; -- \\ 名前 🎉"

EVERY_TYPE = Table(
    "every_type",
    (
        Column("n", INTEGER, nullable=False),
        Column("big", BIGINT),
        Column("words", TEXT),
        Column("price", NUMBER),
        Column("small_price", SqlType(Kind.DECIMAL, 18, 2)),
        Column("ratio", DOUBLE),
        Column("done", BOOLEAN),
        Column("due", DATE),
        Column("clock", TIME),
        Column("seen", TIMESTAMP),
        Column("doc", JSON),
    ),
    key=("n",),
)
VALUES: list[tuple[object, ...]] = [
    (
        *(1, 2**63 - 1, "a", Decimal("1.5"), Decimal("-0.01"), 1.5, True, date(2024, 2, 29)),
        *(time(10, 11, 12, 500_000), datetime(2024, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC), '{"a": [1, null, "ü"]}'),
    ),
    (2, *([None] * 10)),
    (
        *(3, -(2**63), "ü'\"\\\t\n🎉", Decimal("-9999999999999999999999999999.9999999999")),
        *(Decimal("9999999999999999.99"), -1e300, False, date(1, 1, 1), time(0)),
        *(datetime(1960, 1, 1, tzinfo=UTC), "null"),
    ),
    (
        *(4, 0, "", Decimal("0.0000000001"), Decimal("0.00"), 0.1, False, date(9999, 12, 31)),
        *(time(23, 59, 59, 999_999), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), '"text"'),
    ),
    (
        *(-5, 0, "x", Decimal("10000.0001"), Decimal("10000"), 5e-324, False, date(1970, 1, 1)),
        *(time(1), datetime(1970, 1, 1, tzinfo=UTC), "[]"),
    ),
    (
        *(6, -1, " ", Decimal("-12345678901234567890.5"), Decimal("-10000.01"), -0.5, True, date(1969, 12, 31)),
        *(time(1), datetime(1, 1, 1, tzinfo=UTC), "-1.5"),
    ),
]


def put(destination: Destination, group: str, generation: int, tables: list[tuple[Table, str]]) -> StagedGroup:
    """Stage tables filled from SELECTs, without promoting them."""
    refs = []
    for table, sql in tables:
        ref = destination.stage(group, generation, table)
        refs.append((ref, destination.append(ref, Rows(sql))))
    return StagedGroup(group, generation, tuple(refs))


def items(*names: str) -> list[tuple[Table, str]]:
    """The `planning` table with one row for each name."""
    return [(ITEMS, f"SELECT * FROM (VALUES {', '.join(f'({n}, {quoted(t)})' for n, t in enumerate(names, 1))})")]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def value_sql(value: object, type_: SqlType) -> str:
    """A Python value as a DuckDB literal of a column type."""
    if value is None:
        text = "NULL"
    elif isinstance(value, bool):
        text = str(value)
    elif isinstance(value, float):
        text = quoted(repr(value))
    else:
        text = quoted(str(value))
    spelled = {Kind.TEXT: "VARCHAR", Kind.TIMESTAMP: "TIMESTAMPTZ"}.get(type_.kind, str(type_))
    return f"CAST({text} AS {spelled})"


class DestinationConformance:
    """Subclass, give the fixtures, run pytest."""

    labels_sql: str  # a query with a {table} place: the (column, label) pairs of a live table that have a label

    # -- helpers

    def names(self, destination: Destination, table: str = "planning") -> list[object]:
        _, rows = destination.query(f"SELECT name FROM {Identifier(destination.namespace, table)} ORDER BY 1")
        return [row[0] for row in rows]

    def live(self, destination: Destination, group: str = "1") -> int:
        (found,) = [g for g in destination.generations(group) if g.state is State.LIVE]
        return found.number

    @pytest.fixture
    def ready(self, destination: Destination) -> Iterator[Destination]:
        destination.prepare()
        yield destination
        destination.close()

    # -- before the first run

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

    # -- staging

    def test_every_type_comes_back_exactly(self, ready: Destination) -> None:
        """Values of every type, at their limits and null, survive the bulk path unchanged."""
        rows = ", ".join(
            "(" + ", ".join(value_sql(v, c.type) for v, c in zip(row, EVERY_TYPE.columns, strict=True)) + ")"
            for row in VALUES
        )
        group = put(ready, "1", 1, [(EVERY_TYPE, f"SELECT * FROM (VALUES {rows})")])
        assert group.tables[0][1] == len(VALUES)
        ready.promote("run", [group])
        names, found = ready.query(f"SELECT * FROM {Identifier(ready.namespace, 'every_type')} ORDER BY n")
        assert names == [column.name for column in EVERY_TYPE.columns]
        expected = sorted(VALUES, key=lambda row: int(str(row[0])))
        assert [row[:-1] for row in found] == [row[:-1] for row in expected]
        assert [_loaded(row[-1]) for row in found] == [_loaded(row[-1]) for row in expected]

    def test_columns_of_a_stream_count_by_position(self, ready: Destination) -> None:
        """What the stream calls its columns, and a narrower number type, do not matter."""
        staged = ready.stage("1", 1, ITEMS)
        assert ready.append(staged, Rows("SELECT 1::INTEGER AS name, 'x' AS whatever")) == 1
        ready.promote("run", [StagedGroup("1", 1, ((staged, 1),))])
        assert self.names(ready) == ["x"]

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

    # -- promotion

    def test_promotion_shows_the_new_generation_to_readers(self, ready: Destination, outside: Outside) -> None:
        """A reader asks by the live name and sees old before, new after."""
        ask = f"SELECT name FROM {Identifier(ready.namespace, 'planning')}"
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
        assert ready.query(f"SELECT tag FROM {Identifier(ready.namespace, 'planning_tags')}")[1] == [("x",)]
        ready.promote("run", [put(ready, "1", 3, items("c"))])
        with pytest.raises(DestinationError):
            ready.query(f"SELECT tag FROM {Identifier(ready.namespace, 'planning_tags')}")
        ready.rollback("back", [("1", 2)])
        assert ready.query(f"SELECT tag FROM {Identifier(ready.namespace, 'planning_tags')}")[1] == [("x",)]
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
        outside(f"CREATE TABLE {Identifier(ready.namespace, 'planning')} (name VARCHAR(10))")
        outside(f"INSERT INTO {Identifier(ready.namespace, 'planning')} VALUES ('theirs')")
        assert ready.foreign_tables(["planning", "roadmap"]) == ["planning"]
        with pytest.raises(PromotionConflict) as caught:
            ready.promote("run", [put(ready, "1", 1, items("ours"))])
        assert "planning" in caught.value.message
        assert self.names(ready) == ["theirs"]

    def test_our_own_tables_are_not_foreign(self, ready: Destination) -> None:
        """What was promoted here is known."""
        ready.promote("run", [put(ready, "1", 1, items("a"))])
        assert ready.foreign_tables(["planning"]) == []

    # -- back and forth

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
        kind = outside(
            "SELECT table_type FROM information_schema.tables"
            f" WHERE table_schema = '{ready.namespace}' AND table_name = 'planning'"
        )
        what = "VIEW" if kind == [("VIEW",)] else "TABLE"
        outside(f"DROP {what} {Identifier(ready.namespace, 'planning')}")
        ready.promote("run", [put(ready, "1", 2, items("b"))])
        assert self.names(ready) == ["b"]

    # -- the lease

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

    # -- names, labels, people

    def test_labels_are_kept_as_comments(self, ready: Destination, outside: Outside) -> None:
        """The human title of a column can be read where the data is, before and after a rollback."""
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
        name, column = "pl\"an'; --名", "co\"l'; %s {} $1 名"
        table = Table(name, (Column("k", TEXT), Column(column, JSON)), key=("k",), label="'); DROP TABLE x; --")
        group = "gr'oup\"; %s"
        ready.promote("r'u\"n", [put(ready, group, 1, [(table, "SELECT ''';', '{\"%s\": \"{}\"}'")])])
        ready.promote("r'u\"n", [put(ready, group, 2, [(table, "SELECT 'second', '1'")])])
        ready.rollback("back", [(group, 1)])
        names, rows = ready.query(f"SELECT * FROM {Identifier(ready.namespace, name)}")
        assert names == ["k", column]
        assert [(row[0], _loaded(row[1])) for row in rows] == [("';", {"%s": "{}"})]
        assert [g.group for g in ready.generations(group)] == [group, group]
        assert ready.retain(group, 1) == [2]

    def test_the_longest_names_fit(self, ready: Destination) -> None:
        """Fifty characters of table name and sixty-three of column name leave room for every suffix."""
        tables = [Table("t" * 49 + end, (Column("c" * 63, TEXT),), key=("c" * 63,)) for end in "ab"]
        for number in (1_234_567_889, 1_234_567_890):
            ready.promote("run", [put(ready, "1", number, [(table, f"SELECT '{number}'") for table in tables])])
        ready.rollback("back", [("1", 1_234_567_889)])
        for table in tables:
            assert ready.query(f"SELECT * FROM {Identifier(ready.namespace, table.name)}")[1] == [("1234567889",)]

    @pytest.mark.parametrize("end", ["", ";", " -- done", "; -- 100% {done}"])
    def test_a_query_ends_as_people_end_it(self, ready: Destination, end: str) -> None:
        """A semicolon and a comment at the end are no second statement."""
        assert ready.query(f"SELECT 1 AS one, '%s {{}}' AS two{end}") == (["one", "two"], [(1, "%s {}")])

    def test_a_query_cannot_write(self, ready: Destination) -> None:
        """Neither plainly, nor after a semicolon, nor behind the end of a transaction."""
        ready.promote("run", [put(ready, "1", 1, items("a"))])
        live = Identifier(ready.namespace, "planning")
        kept = Identifier(hidden_namespace(ready.namespace), "generations")
        for sql in (
            f"DELETE FROM {kept}",
            f"SELECT 1; DELETE FROM {kept}",
            f"COMMIT; DELETE FROM {kept}",
            f"CREATE TABLE {Identifier(ready.namespace, 'new')} AS SELECT 1 AS x",
            f"SELEC name FROM {live}",
        ):
            with pytest.raises(DestinationError):
                ready.query(sql)
        assert len(ready.generations()) == 1
        assert self.names(ready) == ["a"]

    def test_capabilities_and_identity_can_be_shown(self, ready: Destination) -> None:
        """Both are for people, and a namespace is what it was opened with."""
        assert ready.capabilities.engine
        assert ready.capabilities.swap.endswith(".")
        assert "://" in ready.identity


def _loaded(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


def _summary(generation: Generation) -> tuple[object, ...]:
    fingerprints = {table.fingerprint for table in generation.tables}
    return (
        *(generation.number, generation.state, generation.run_id, generation.promoted_at),
        *(fingerprints.pop(), generation.rows),
    )
