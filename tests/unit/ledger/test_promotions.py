"""Intent first, outcome after, and what a crash between the two leaves."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from boardlift.errors import BoardliftError
from boardlift.ledger import Outcome, PromotionKind, RunKind, RunStatus, SettledBy

GROUPS = [("20", 7), ("3", 1)]


@pytest.fixture
def run_id(ledger):
    run = ledger.start_run(RunKind.SYNC, "db", "monday", "ada")
    ledger.intend(run.id, PromotionKind.PROMOTE, GROUPS)
    return run.id


def test_an_intent_is_open_until_it_is_settled(ledger, run_id, clock):
    """The groups come back in their order; afterwards nothing is open and the run tells the outcome."""
    (promotion,) = ledger.open_promotions("db", "monday")
    assert (promotion.run_id, promotion.kind, promotion.groups) == (run_id, PromotionKind.PROMOTE, tuple(GROUPS))
    ledger.settle(run_id, Outcome.PROMOTED, SettledBy.RUN, blocked_ms=12.5, promoted_at=clock.now())
    assert ledger.open_promotions("db", "monday") == []
    settled = ledger.run(run_id).promotion
    assert settled is not None
    assert (settled.outcome, settled.settled_by, settled.blocked_ms, settled.promoted_at, settled.groups) == (
        Outcome.PROMOTED,
        SettledBy.RUN,
        12.5,
        clock.now(),
        tuple(GROUPS),
    )


def test_what_did_not_go_live_is_kept_with_the_outcome(ledger, run_id, path):
    """A swap stopped between two commits: which groups it left as they were, once."""
    with pytest.raises(BoardliftError):
        ledger.settle(run_id, Outcome.PROMOTED, SettledBy.MARKER, left=["unknown"])
    ledger.settle(run_id, Outcome.PROMOTED, SettledBy.MARKER, left=["3"])
    settled = ledger.run(run_id).promotion
    assert settled is not None
    assert (settled.left, settled.groups) == (("3",), tuple(GROUPS))
    for sql in ("INSERT INTO promotion_left VALUES ({}, '20')", "DELETE FROM promotion_left WHERE run_id = {}"):
        with pytest.raises(sqlite3.IntegrityError), closing(sqlite3.connect(path)) as other:
            other.execute(sql.format(f"'{run_id}'"))


def test_intents_of_other_places_are_not_ours(ledger, run_id):
    """Destination and namespace both count."""
    assert ledger.open_promotions("db", "other") == []
    assert ledger.open_promotions("other", "monday") == []


def test_an_outcome_is_written_once(ledger, run_id):
    """Whoever comes second hears what was decided."""
    ledger.settle(run_id, Outcome.ABANDONED, SettledBy.RUN)
    with pytest.raises(BoardliftError, match="already settled as abandoned"):
        ledger.settle(run_id, Outcome.PROMOTED, SettledBy.MARKER)


def test_nothing_to_settle_is_an_error(ledger):
    """A run without an intent has no outcome."""
    run = ledger.start_run(RunKind.SYNC, "db", "monday", "ada")
    with pytest.raises(BoardliftError, match="did not intend"):
        ledger.settle(run.id, Outcome.PROMOTED, SettledBy.RUN)


def test_a_run_intends_once(ledger, run_id):
    """A second intent would hide the first."""
    with pytest.raises(BoardliftError, match="a run intends one promotion"):
        ledger.intend(run_id, PromotionKind.PROMOTE, [("9", 9)])
    assert ledger.run(run_id).promotion.groups == tuple(GROUPS)


def test_a_group_is_intended_once(ledger):
    """Two generations of one group cannot both go live; the whole intent is refused."""
    run = ledger.start_run(RunKind.SYNC, "db", "monday", "ada")
    with pytest.raises(BoardliftError, match="refused"):
        ledger.intend(run.id, PromotionKind.PROMOTE, [("1", 1), ("1", 2)])
    assert ledger.run(run.id).promotion is None


def test_a_run_cannot_succeed_with_an_open_promotion(ledger, run_id):
    """It can fail with one: that is what settlement is for."""
    with pytest.raises(BoardliftError, match="outcome of its promotion is open"):
        ledger.finish_run(run_id, RunStatus.SUCCEEDED)
    ledger.finish_run(run_id, RunStatus.FAILED)
    ledger.settle(run_id, Outcome.PROMOTED, SettledBy.MARKER)
    assert ledger.run(run_id).status is RunStatus.FAILED


def test_a_crash_between_intent_and_outcome_is_settled_by_the_next_run(ledger, spawn, heard, clock):
    """Killed in the middle of its swap, a process leaves an intent that another one finds and settles."""
    other = spawn("""
run = ledger.start_run(RunKind.SYNC, "db", "monday", "other")
ledger.intend(run.id, PromotionKind.PROMOTE, [("1", 4)])
say(run.id)
time.sleep(60)
""")
    run_id = heard(other)
    other.kill()
    other.wait()
    assert [run.id for run in ledger.abandon_dead_runs()] == [run_id]
    assert [promotion.groups for promotion in ledger.open_promotions("db", "monday")] == [(("1", 4),)]
    ledger.settle(run_id, Outcome.PROMOTED, SettledBy.MARKER, promoted_at=clock.now())
    assert ledger.open_promotions("db", "monday") == []
    assert [event.detail for event in ledger.events(run_id) if event.subject == "promotion"] == [
        "known from the marker",
        "promote",
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE promotions SET outcome = 'abandoned', promoted_at = NULL, blocked_ms = NULL",
        "UPDATE promotions SET outcome = NULL, settled_by = NULL, settled_at = NULL",
        "UPDATE promotions SET kind = 'rollback'",
        "DELETE FROM promotions",
        "UPDATE promotion_groups SET generation = 1",
        "DELETE FROM promotion_groups",
        "INSERT INTO promotion_groups SELECT run_id, 'another', 1 FROM promotions",
        "INSERT OR REPLACE INTO promotions (run_id, kind, intended_at) SELECT run_id, 'rollback', '' FROM promotions",
    ],
)
def test_the_database_guards_promotions_itself(ledger, run_id, sql):
    """A settled promotion cannot be changed by any SQL."""
    ledger.settle(run_id, Outcome.PROMOTED, SettledBy.RUN)
    before = ledger.run(run_id)
    with pytest.raises(sqlite3.IntegrityError):
        ledger._store.connection.execute(sql)
    assert ledger.run(run_id) == before


def test_an_abandoned_swap_has_no_time(ledger, run_id, clock):
    """What did not happen did not happen at a time."""
    with pytest.raises(BoardliftError, match="refused"):
        ledger.settle(run_id, Outcome.ABANDONED, SettledBy.RUN, promoted_at=clock.now())
    assert len(ledger.open_promotions("db", "monday")) == 1
