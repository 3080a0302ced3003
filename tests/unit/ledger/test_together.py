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
