"""What people built on live tables in a SQLite file survives a swap, or stops it."""

from __future__ import annotations

import sqlite3

import pytest

from boardlift.destinations.interface import Replace, StagedGroup, State
from boardlift.destinations.sqlite.engine import SQLite
from boardlift.errors import (
    DependentObject,
)
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT
from support.generations import PLANNING, staged
from support.sqlite import Person, destination, name_of, path, person, promoted, schema

__all__ = ["destination", "path", "person"]  # fixtures

NARROW = Table("planning", PLANNING.columns[:2], PLANNING.key)


def build(person: Person) -> None:
    person("CREATE INDEX by_status ON monday__planning (status) WHERE status <> 'x'")
    person('CREATE INDEX "by lower name" ON monday__planning (lower(name) DESC)')
    person("CREATE VIEW idle AS SELECT item_id, name FROM monday__planning WHERE status IS NOT NULL")
    person("CREATE VIEW count_of_idle AS SELECT count(*) AS n FROM idle")
    person(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, item_id BIGINT REFERENCES monday__planning (item_id)"
        " ON DELETE CASCADE, text)"
    )
    person("INSERT INTO notes VALUES (1, 2, 'of item 2')")
    person("CREATE TABLE log (what)")
    person("CREATE TRIGGER logged AFTER INSERT ON monday__planning BEGIN INSERT INTO log VALUES (new.name); END")
    person("CREATE TRIGGER removed AFTER DELETE ON monday__planning BEGIN INSERT INTO log VALUES ('gone'); END")
    person(
        "CREATE TRIGGER noted AFTER INSERT ON notes BEGIN"
        " UPDATE monday__planning SET status = 'noted' WHERE item_id = new.item_id; END"
    )


@pytest.mark.parametrize("replace", list(Replace), ids=lambda way: way.value)
def test_what_people_built_is_kept_by_twenty_swaps(destination: SQLite, person: Person, replace: Replace) -> None:
    """Indexes, views on views, triggers, foreign keys, in every shape and back; no trigger fires, no row cascades."""
    promoted(destination, 1)
    build(person)
    before = schema(person)
    wider = Table("planning", (*PLANNING.columns, Column("size", BIGINT)), PLANNING.key)
    for number in range(2, 22):
        table = (PLANNING, wider)[number % 2]
        (found,) = destination.replacements("1", [table], replace)
        assert found.obstacles == ()
        assert set(found.carried) == {
            *("index by_status", "index by lower name", "view idle", "view count_of_idle"),
            *("trigger logged on monday__planning", "trigger removed on monday__planning", "trigger noted on notes"),
            "foreign key of notes",
        }
        promoted(destination, number, replace=replace, table=table)
    promoted(destination, 22)
    assert schema(person) == before
    assert person("PRAGMA integrity_check") == [("ok",)]
    assert person("PRAGMA foreign_key_check") == []
    assert person("SELECT * FROM count_of_idle") == [(3,)]
    assert person("SELECT * FROM notes") == [(1, 2, "of item 2")]
    assert person("SELECT * FROM log") == []
    person("INSERT INTO notes VALUES (2, 1, 'of item 1')")
    assert person("SELECT status FROM monday__planning WHERE item_id = 1") == [("noted",)]
    with pytest.raises(sqlite3.IntegrityError):
        person("INSERT INTO notes VALUES (3, 4711, 'of no item')")
    person("DELETE FROM monday__planning WHERE item_id = 2")
    assert person("SELECT id FROM notes") == [(2,)]
    assert person("SELECT * FROM log") == [("gone",)]


@pytest.mark.parametrize("replace", list(Replace), ids=lambda way: way.value)
@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("CREATE VIEW mine AS SELECT status FROM monday__planning", "view mine"),
        ("CREATE INDEX mine ON monday__planning (status)", "index mine"),
        ("CREATE INDEX mine ON monday__planning (item_id) WHERE status = 'x'", "index mine"),
        (
            "CREATE TRIGGER mine AFTER UPDATE ON monday__planning WHEN new.status = 'x' BEGIN SELECT 1; END",
            "trigger mine on monday__planning",
        ),
        (
            "CREATE TRIGGER mine AFTER DELETE ON other BEGIN UPDATE monday__planning SET status = 'y'; END",
            "trigger mine on other",
        ),
    ],
)
def test_what_the_new_columns_would_break_stops_the_swap(
    destination: SQLite, person: Person, sql: str, what: str, replace: Replace
) -> None:
    """It is named beforehand, nothing is changed, and without it the swap takes place."""
    promoted(destination, 1)
    person("CREATE TABLE other (x)")
    person(sql)
    before = schema(person)
    (found,) = destination.replacements("1", [NARROW], replace)
    assert [obstacle for obstacle in found.obstacles if what in obstacle]
    with pytest.raises(DependentObject, match=what) as caught:
        promoted(destination, 2, replace=replace, table=NARROW)
    assert "not changed" in caught.value.message
    assert caught.value.hint
    assert schema(person) == before
    assert name_of(person) == "g1"
    assert [(g.number, g.state) for g in destination.generations()] == [(1, State.LIVE)]
    person(f"DROP {sql.split()[1]} mine")
    destination.drop_staged()
    promoted(destination, 2, replace=replace, table=NARROW)
    assert name_of(person) == "g2"


def test_a_view_that_was_broken_before_is_not_our_affair(destination: SQLite, person: Person) -> None:
    """Nor is one that needs a function of somebody's program."""
    promoted(destination, 1)
    person("CREATE VIEW broken AS SELECT a FROM nowhere")
    person("CREATE VIEW special AS SELECT their_function(status) FROM monday__planning")
    promoted(destination, 2, table=NARROW)
    assert name_of(person) == "g2"


def test_a_foreign_key_whose_rows_would_refer_to_nothing_stops_the_swap(destination: SQLite, person: Person) -> None:
    """An item is gone from the board, and a note on it is not; what dangled before does not count."""
    promoted(destination, 1)
    build(person)
    person("PRAGMA foreign_keys = OFF")
    person("INSERT INTO notes VALUES (9, 4711, 'dangling since ever')")
    smaller = staged(destination, 2, rows=2)
    for replace in Replace:
        with pytest.raises(DependentObject, match="foreign key of notes: 1 of its rows"):
            destination.promote("run", [StagedGroup("1", 2, smaller.tables, replace)])
        assert name_of(person) == "g1"
        assert person("SELECT count(*) FROM notes") == [(2,)]
    person("DELETE FROM notes WHERE id = 1")
    destination.promote("run", [smaller])
    assert name_of(person) == "g2"


def test_a_foreign_key_to_a_key_that_goes_stops_the_swap(destination: SQLite, person: Person) -> None:
    """SQLite would refuse every write to the referring table."""
    promoted(destination, 1)
    build(person)
    keyless = Table("planning", PLANNING.columns)
    (found,) = destination.replacements("1", [keyless], Replace.SWAP)
    assert [obstacle for obstacle in found.obstacles if obstacle.startswith("foreign key of notes")]
    with pytest.raises(DependentObject, match="foreign key of notes"):
        promoted(destination, 2, table=keyless)


def test_a_unique_index_of_somebody_that_the_rows_break_stops_the_swap(destination: SQLite, person: Person) -> None:
    """It is found in the transaction of the swap, which is taken back."""
    promoted(destination, 1)
    person("UPDATE monday__planning SET name = name || item_id")
    person("CREATE UNIQUE INDEX one_name ON monday__planning (name)")
    for replace in Replace:
        group = staged(destination, 2)
        with pytest.raises(DependentObject, match="index one_name"):
            destination.promote("run", [StagedGroup("1", 2, group.tables, replace)])
        assert person("SELECT count(DISTINCT name) FROM monday__planning") == [(3,)]
        assert person("SELECT count(*) FROM sqlite_master WHERE name = 'one_name'") == [(1,)]


def test_a_trigger_on_a_table_that_goes_stops_the_swap(destination: SQLite, person: Person) -> None:
    """It would be lost with its table."""
    tags = Table("planning_tags", PLANNING.columns, PLANNING.key)
    groups = [staged(destination, 1), staged(destination, 1, table=tags)]
    destination.promote("run", [StagedGroup("1", 1, (*groups[0].tables, *groups[1].tables))])
    person("CREATE TRIGGER mine AFTER INSERT ON monday__planning_tags BEGIN SELECT 1; END")
    found = {each.table: each.obstacles for each in destination.replacements("1", [PLANNING], Replace.SWAP)}
    assert found["planning"] == ()
    assert "trigger mine" in found["planning_tags"][0]
    with pytest.raises(DependentObject, match="trigger mine"):
        promoted(destination, 2)
    person("DROP TRIGGER mine")
    destination.drop_staged()
    promoted(destination, 2)


def test_an_object_made_between_the_look_and_the_swap_is_seen(
    destination: SQLite, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The swap looks again when the schema is not the one it was rehearsed on."""
    promoted(destination, 1)
    rehearse = destination._swaps.rehearse
    looks = []

    def and_then_somebody_makes_a_view(*arguments: object) -> object:
        found = rehearse(*arguments)  # type: ignore[arg-type]
        if not looks:
            person("CREATE VIEW mine AS SELECT status FROM monday__planning")
        looks.append(found)
        return found

    monkeypatch.setattr(destination._swaps, "rehearse", and_then_somebody_makes_a_view)
    with pytest.raises(DependentObject, match="view mine"):
        promoted(destination, 2, table=NARROW)
    assert len(looks) == 2
    assert name_of(person) == "g1"


def test_what_a_virtual_table_brings_along_is_left_alone(destination: SQLite, person: Person) -> None:
    """A full-text index with its shadow tables is neither ours nor in the way."""
    promoted(destination, 1)
    person("CREATE VIRTUAL TABLE search USING fts5(name, content='monday__planning', content_rowid='item_id')")
    person("CREATE VIEW found AS SELECT s.rowid, status FROM search AS s JOIN monday__planning ON item_id = s.rowid")
    (found,) = destination.replacements("1", [PLANNING], Replace.SWAP)
    assert (found.carried, found.obstacles) == (("view found",), ())
    promoted(destination, 2)
    person("INSERT INTO search(search) VALUES ('rebuild')")
    assert person("SELECT status FROM found WHERE rowid = 1") == [("g2",)]
    with pytest.raises(DependentObject, match="view found"):
        promoted(destination, 3, table=NARROW)


def test_a_refill_keeps_the_indexes_the_board_asks_for(destination: SQLite, person: Person) -> None:
    """Asked for, changed, no longer asked for; on the live table and on its sealed copy."""
    asked = (
        (Index(("name",)),),
        (Index(("name", "status")), Index(("item_id", "name"), unique=True)),
        (),
    )
    listed = (
        "SELECT group_concat(i.name), l.\"unique\" FROM pragma_index_list('monday__planning') AS l,"
        " pragma_index_info(l.name) AS i WHERE l.origin = 'c' GROUP BY l.name ORDER BY 1"
    )
    seen = []
    for number, indexes in enumerate(asked, 1):
        table = Table("planning", PLANNING.columns, PLANNING.key, indexes=indexes)
        promoted(destination, number, replace=Replace.IN_PLACE, table=table)
        seen.append(person(listed))
    destination.rollback("back", [("1", 2)])
    seen.append(person(listed))
    both = [("item_id,name", 1), ("name,status", 0)]
    assert seen == [[("name", 0)], both, [], both]


@pytest.mark.parametrize("replace", list(Replace), ids=lambda way: way.value)
@pytest.mark.parametrize("definition", ['"mine" TEXT', "mine DEFAULT 'x'", "mine AS (item_id * 2)"])
def test_a_column_of_peoples_own_stops_the_swap(
    destination: SQLite, person: Person, replace: Replace, definition: str
) -> None:
    """It is named beforehand; when it is in a table of its own, the swap takes place. The board's own may go."""
    promoted(destination, 1, replace=replace)
    person(f"ALTER TABLE monday__planning ADD COLUMN {definition}")
    (found,) = destination.replacements("1", [NARROW], replace)
    assert [obstacle for obstacle in found.obstacles if "column mine of monday__planning" in obstacle]
    with pytest.raises(DependentObject, match="column mine"):
        promoted(destination, 2, replace=replace, table=NARROW)
    assert name_of(person) == "g1"
    person("CREATE TABLE notes AS SELECT item_id, mine FROM monday__planning")
    person("ALTER TABLE monday__planning DROP COLUMN mine")
    promoted(destination, 2, replace=replace, table=NARROW)
    assert (name_of(person), destination.replacements("1", [PLANNING], replace)[0].obstacles) == ("g2", ())


@pytest.mark.parametrize(
    "head",
    [
        "AFTER UPDATE OF status",
        'UPDATE  OF "item_id", "status"',
        "BEFORE UPDATE /* a, b */ OF [name] , `status` -- c\n",
        "AFTER UPDATE OF STATUS",
    ],
)
@pytest.mark.parametrize("way", list(Replace), ids=lambda way: way.value)
def test_a_trigger_on_changes_of_a_column_that_goes_is_named(
    destination: SQLite, person: Person, head: str, way: Replace
) -> None:
    """SQLite compiles it all the same, and would never fire it."""
    promoted(destination, 1)
    person("CREATE TABLE log (n)")
    person(f'CREATE TRIGGER "told (of) UPDATE" {head} ON monday__planning BEGIN INSERT INTO log VALUES (1); END')
    person("CREATE TRIGGER every UPDATE ON monday__planning BEGIN INSERT INTO log VALUES (2); END")
    (planned,) = destination.replacements("1", [NARROW], way)
    (told,) = planned.obstacles
    assert "trigger told (of) UPDATE" in told and "changes of status" in told.lower()
    with pytest.raises(DependentObject, match="told"):
        promoted(destination, 2, replace=way, table=NARROW)
    promoted(destination, 2, replace=way)
    assert destination.replacements("1", [PLANNING], way)[0].obstacles == ()
