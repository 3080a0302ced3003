"""Runs begin, are described and end once."""

from __future__ import annotations

import re
import sqlite3
from datetime import timedelta

import pytest

from boardlift.errors import BoardliftError, CheckResult
from boardlift.ledger import BoardCheck, BoardRecord, Ledger, PromotionKind, RunKind, RunStatus

HOSTILE = [
    "'; DROP TABLE runs; --",
    'Ünï"cödé 🎉 \u202e',
    "nul\x00inside",
    "",
    "x" * 100_000,
    ":at %s {0} ?",
    "line\nbreak\ttab",
]


def _begin(ledger, kind=RunKind.SYNC):
    return ledger.start_run(kind, "duckdb:warehouse", "monday", "ada@laptop")


def _board(board_id="1", **changes):
    values = {"board_name": "Planning", "table": "planning", "rows": 10, "columns": 4, "generation": 3, "seconds": 1.5}
    return BoardRecord(board_id, **{**values, **changes})


def test_a_run_gets_an_id_that_sorts_by_time(ledger, clock):
    """Time first, then four hex digits that keep runs of one second apart."""
    first = _begin(ledger)
    clock.sleep(1)
    second = _begin(ledger)
    assert re.fullmatch(r"20261122T201530-[0-9a-f]{4}", first.id)
    assert first.id < second.id
    assert first.started_at == clock.now() - timedelta(seconds=1)
    assert first.status is RunStatus.RUNNING


def test_ids_taken_in_the_same_second_are_skipped(ledger, monkeypatch):
    """Chance repeating itself costs one more draw, not a run."""
    draws = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr("boardlift.ledger.runs.secrets.token_hex", lambda _: next(draws))
    assert [_begin(ledger).id[-4:], _begin(ledger).id[-4:]] == ["aaaa", "bbbb"]


def test_a_run_comes_back_with_boards_and_checks(ledger, path, clock):
    """What was written is read again by another process's eyes, unchanged."""
    run = _begin(ledger)
    board = _board(calls=7, points=900, bytes=12345, retries=1, quarantined=2)
    failed = CheckResult("row_count", "planning", False, "9", "10", "known gap, agreed with Ada")
    ledger.record_board(run.id, board)
    ledger.record_checks(run.id, "1", [CheckResult("not_null", "planning", True, "0", "0"), failed])
    ledger.finish_run(run.id, RunStatus.SUCCEEDED)
    with Ledger.open(path, clock) as other:
        again = other.run(run.id)
    assert again.boards == (board,)
    assert again.checks[1] == BoardCheck("1", failed)
    assert again.checks[0].result.passed is True
    assert (again.status, again.ended_at, again.promotion) == (RunStatus.SUCCEEDED, clock.now(), None)


def test_runs_are_listed_newest_first(ledger):
    """Also when the clock stands still."""
    ids = [_begin(ledger).id for _ in range(5)]
    assert [run.id for run in ledger.runs(limit=3)] == ids[:1:-1]


def test_the_last_record_of_a_board_counts(ledger):
    """A board recorded after staging and again after the swap is one board."""
    run = _begin(ledger)
    ledger.record_board(run.id, _board(rows=1, generation=None))
    ledger.record_board(run.id, _board(rows=2))
    assert ledger.run(run.id).boards == (_board(rows=2),)
    assert "board recorded again" in [event.event for event in ledger.events(run.id)]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_as_it_was(ledger, text):
    """Nothing a title, an error or a reason holds is ever read as SQL."""
    run = ledger.start_run(RunKind.SYNC, text, text, text)
    result = CheckResult(text, text, False, text, text, text)
    ledger.record_board(run.id, _board(board_name=text, table=text))
    ledger.record_checks(run.id, text, [result])
    done = ledger.finish_run(run.id, RunStatus.FAILED, text)
    assert (done.destination, done.namespace, done.holder, done.error) == (text, text, text, text)
    assert done.boards[0].board_name == text
    assert done.checks == (BoardCheck(text, result),)


def test_half_a_surrogate_pair_is_kept_readable(ledger):
    """Legal in JSON, impossible in UTF-8: escaped rather than refused."""
    run = _begin(ledger)
    assert ledger.finish_run(run.id, RunStatus.FAILED, "bad \ud800 title").error == "bad \\ud800 title"


@pytest.mark.parametrize("status", [status for status in RunStatus if status.ended])
def test_an_ended_run_cannot_end_again(ledger, status):
    """Each final status is final."""
    run = _begin(ledger)
    ledger.finish_run(run.id, status)
    with pytest.raises(BoardliftError, match=f"already ended as {status.value}"):
        ledger.finish_run(run.id, RunStatus.SUCCEEDED)


def test_running_is_no_way_to_finish(ledger):
    """A status that does not end a run is a mistake of the caller."""
    with pytest.raises(ValueError, match="finished as running"):
        ledger.finish_run(_begin(ledger).id, RunStatus.RUNNING)


def test_an_ended_run_takes_no_more_records(ledger):
    """Nothing is added to what has been concluded."""
    run = _begin(ledger)
    ledger.finish_run(run.id, RunStatus.BLOCKED)
    with pytest.raises(BoardliftError, match="while their run is running"):
        ledger.record_board(run.id, _board())
    with pytest.raises(BoardliftError, match="while their run is running"):
        ledger.record_checks(run.id, "1", [CheckResult("c", "t", True, "", "")])
    with pytest.raises(BoardliftError, match="intended by a running run"):
        ledger.intend(run.id, PromotionKind.PROMOTE, [("1", 1)])


def test_an_unknown_run_is_named(ledger):
    """The error says which id, the hint how to find the right one."""
    with pytest.raises(BoardliftError, match="no run nope") as raised:
        ledger.run("nope")
    assert raised.value.hint == "boardlift runs lists them"
    with pytest.raises(BoardliftError, match="no run nope"):
        ledger.finish_run("nope", RunStatus.FAILED)
    with pytest.raises(BoardliftError, match="while their run is running"):
        ledger.record_board("nope", _board())


def test_checks_are_recorded_all_or_none(ledger):
    """One impossible result takes the others of the same call back with it."""
    run = _begin(ledger)
    good = CheckResult("c", "t", True, "", "")
    with pytest.raises(BoardliftError, match="refused"):
        ledger.record_checks(run.id, "1", [good, CheckResult("c", "t", None, "", "")])
    assert ledger.run(run.id).checks == ()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE runs SET status = 'running', ended_at = NULL",
        "UPDATE runs SET error = 'all was well'",
        "UPDATE runs SET holder = 'somebody else' WHERE status = 'running'",
        "DELETE FROM runs",
        "DELETE FROM boards",
        "UPDATE boards SET row_count = 0",
        "UPDATE checks SET passed = 1",
        "DELETE FROM checks",
        "INSERT OR REPLACE INTO runs (seq, id, kind, destination, namespace, holder, started_at)"
        " SELECT seq, id, kind, destination, namespace, 'x', started_at FROM runs",
        "INSERT INTO runs (id, kind, destination, namespace, holder, started_at, status, ended_at)"
        " VALUES ('x', 'sync', 'd', 'n', 'h', '', 'succeeded', '')",
        "INSERT INTO runs (id, kind, destination, namespace, holder, started_at) VALUES ('x', 'y', 'd', 'n', 'h', '')",
        "UPDATE runs SET status = 'perfect', ended_at = '' WHERE status = 'running'",
    ],
)
def test_the_database_guards_runs_itself(ledger, sql):
    """The same rules hold for SQL that does not come from this package."""
    ended = _begin(ledger)
    ledger.record_board(ended.id, _board())
    ledger.record_checks(ended.id, "1", [CheckResult("c", "t", False, "", "")])
    ledger.finish_run(ended.id, RunStatus.FAILED, "why")
    _begin(ledger)
    before = ledger.runs()
    with pytest.raises(sqlite3.IntegrityError):
        ledger._store.connection.execute(sql)
    assert ledger.runs() == before


def test_events_tell_the_life_of_a_run(ledger):
    """Written by the database itself, overrides with their reason."""
    run = _begin(ledger)
    ledger.record_checks(run.id, "1", [CheckResult("row_count", "planning", False, "9", "10", "agreed with Ada")])
    ledger.finish_run(run.id, RunStatus.FAILED, "no disk")
    assert [(event.event, event.detail) for event in reversed(ledger.events(run.id))] == [
        ("started", "sync by ada@laptop"),
        ("check overridden", "row_count on planning: agreed with Ada"),
        ("failed", "no disk"),
    ]


def test_a_refused_change_leaves_no_event(ledger):
    """The event is part of the same transaction."""
    run = _begin(ledger)
    ledger.finish_run(run.id, RunStatus.FAILED)
    before = ledger.events()
    with pytest.raises(BoardliftError):
        ledger.record_board(run.id, _board())
    assert ledger.events() == before


def test_a_live_run_is_not_abandoned(ledger, spawn, heard):
    """Neither ours nor that of another living process."""
    ours = _begin(ledger)
    other = spawn("say(ledger.start_run(RunKind.SYNC, 'db', 'monday', 'other').id); time.sleep(60)")
    theirs = heard(other)
    assert ledger.abandon_dead_runs() == []
    assert {ledger.run(ours.id).status, ledger.run(theirs).status} == {RunStatus.RUNNING}


def test_a_killed_run_becomes_crashed(ledger, spawn, heard):
    """kill -9 gives the run no chance to say goodbye; the next one finds out, without help."""
    other = spawn("say(ledger.start_run(RunKind.SYNC, 'db', 'monday', 'other').id); time.sleep(60)")
    run_id = heard(other)
    other.kill()
    other.wait()
    crashed = ledger.abandon_dead_runs()
    assert [(run.id, run.status) for run in crashed] == [(run_id, RunStatus.CRASHED)]
    assert "without finishing" in ledger.run(run_id).error
    assert ledger.abandon_dead_runs() == []


def test_a_caller_may_judge_the_holders(ledger):
    """A function of the holder's text takes the place of the lock."""
    dead = ledger.start_run(RunKind.SYNC, "db", "monday", "dead")
    ledger.start_run(RunKind.SYNC, "db", "monday", "alive")
    assert [run.id for run in ledger.abandon_dead_runs(lambda holder: holder == "alive")] == [dead.id]


def test_ended_runs_leave_no_files(ledger, path):
    """The folder of run locks is empty when nobody runs."""
    for _ in range(3):
        ledger.finish_run(_begin(ledger).id, RunStatus.SUCCEEDED)
    assert list(path.with_name(f"{path.name}.running").iterdir()) == []
