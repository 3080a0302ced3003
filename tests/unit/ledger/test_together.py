"""Records of many boards in one transaction, and names that are bound by an index."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from boardlift.errors import CheckResult
from boardlift.ledger import Ledger, RunKind
from boardlift.ledger.statements import script
from boardlift.ledger.store import MIGRATIONS, Store

PASSED = CheckResult("rows", "planning", True, "3", "3")
QUICK = MIGRATIONS.index("quick_names.sql")
NAME = "INSERT INTO names (scope, board_id, column_id, facet, name, bound_at) VALUES (?, ?, ?, ?, ?, '2026')"


def test_what_is_written_together_is_there_together(ledger, path, clock):
    """Another reader sees nothing until the end, and all of it then."""
    run = ledger.start_run(RunKind.SYNC, "db", "monday", "ada")
    with Ledger.open(path, clock) as reader:
        with ledger.together():
            ledger.record_checks(run.id, "1", [PASSED])
            ledger.record_checks(run.id, "2", [PASSED])
            assert reader.run(run.id).checks == ()
        assert [check.board_id for check in reader.run(run.id).checks] == ["1", "2"]


def test_of_what_fails_in_the_middle_nothing_stays(ledger):
    """An error takes back what was written before it, and the ledger goes on."""
    run = ledger.start_run(RunKind.SYNC, "db", "monday", "ada")
    with pytest.raises(ZeroDivisionError), ledger.together():
        ledger.record_checks(run.id, "1", [PASSED])
        raise ZeroDivisionError
    assert ledger.run(run.id).checks == ()
    with ledger.together():
        ledger.record_checks(run.id, "2", [PASSED])
    assert [check.board_id for check in ledger.run(run.id).checks] == ["2"]


def test_names_of_an_older_ledger_are_kept_and_still_bound_once(path):
    """The layout before, with names in force and retired, is taken over; what it refused is refused."""
    with closing(Store.open(path, [script(name) for name in MIGRATIONS[:QUICK]])) as old:
        for board, column, name in (("1", "a", "state"), ("1", "b", "owner"), ("2", "a", "state")):
            old.connection.execute(NAME, ("column", board, column, "", name))
        old.connection.execute(NAME, ("table", "1", "", "", "planning"))
        old.connection.execute("UPDATE names SET retired_at = '2026' WHERE name = 'owner'")
    with closing(Store.open(path)) as store:
        found = store.connection.execute("SELECT name FROM names WHERE retired_at IS NULL ORDER BY id").fetchall()
        assert [row["name"] for row in found] == ["state", "state", "planning"]
        for taken in (
            ("column", "1", "a", "", "other"),  # its key has a name
            ("column", "1", "c", "", "STATE"),  # its name is another's on this board
            ("table", "3", "", "", "Planning"),  # another board's table is called so
        ):
            with pytest.raises(sqlite3.IntegrityError, match="bound already"):
                store.connection.execute(NAME, taken)
        with pytest.raises(sqlite3.IntegrityError, match="needs a reason"):
            store.connection.execute(NAME, ("column", "1", "b", "", "owner"))  # its key had a name before
        store.connection.execute(NAME, ("column", "1", "d", "", "owner"))  # a retired name is free
        store.connection.execute(NAME, ("column", "3", "a", "", "state"))


def test_a_name_is_bound_without_reading_all_others(ledger, path):
    """Each question of the rule is answered by an index, or 200 boards of 30 columns would take millions of steps."""
    statement = (
        "SELECT 1 FROM names WHERE retired_at IS NULL AND scope = 'column' AND board_id = '1' AND column_id = 'a'"
        " AND facet = ''",
        "SELECT 1 FROM names WHERE scope = 'table' AND retired_at IS NULL AND name = 'x' COLLATE NOCASE",
        "SELECT 1 FROM names WHERE scope = 'column' AND retired_at IS NULL AND board_id = '1'"
        " AND name = 'x' COLLATE NOCASE",
    )
    with closing(sqlite3.connect(path)) as connection:
        for question in statement:
            (plan,) = connection.execute(f"EXPLAIN QUERY PLAN {question}").fetchall()
            assert "USING" in plan[3], plan
            assert plan[3].startswith("SEARCH names"), plan
